import { Injectable } from '@nestjs/common';
import { Database } from '../../shared/database/database.js';
import { unlessReferenced, unlessDuplicate } from '../../shared/database/driver-errors.js';
import { ContextRepository, type Context } from '../application/access.repositories.js';
import { ContextEntity, ContextNameEntity } from './access.entities.js';

interface ContextRow {
  id: number;
  name: string;
  enabled: number;
  createdAt: number;
}

@Injectable()
export class TypeOrmContextRepository extends ContextRepository {
  constructor(private readonly database: Database) {
    super();
  }

  list(): Promise<Context[]> {
    return this.read('');
  }

  lockAll(): Promise<Context[]> {
    return this.read(this.database.forUpdate);
  }

  async insert({ aliases, ...context }: Context): Promise<boolean> {
    const inserted = await unlessDuplicate(() => this.database.manager.insert(ContextEntity, context));
    if (inserted === undefined) return false;
    const { id } = inserted.identifiers[0] as { id: number };
    return this.insertNames(id, [context.name, ...aliases]);
  }

  async update(currentName: string, { name, aliases, enabled }: Context): Promise<boolean> {
    const { manager } = this.database;
    const { id } = await manager.findOneByOrFail(ContextEntity, { name: currentName });
    await manager.delete(ContextNameEntity, { contextId: id });
    if (!(await this.insertNames(id, [name, ...aliases]))) return false;
    await manager.update(ContextEntity, { id }, { name, enabled });
    return true;
  }

  async delete(name: string): Promise<boolean> {
    const deleted = await unlessReferenced(() => this.database.manager.delete(ContextEntity, { name }));
    return deleted !== undefined;
  }

  /** @returns false = another context has one of the names */
  private async insertNames(contextId: number, names: readonly string[]): Promise<boolean> {
    const rows = names.map((name) => ({ name, contextId }));
    return (await unlessDuplicate(() => this.database.manager.insert(ContextNameEntity, rows))) !== undefined;
  }

  private async read(lock: string): Promise<Context[]> {
    const contexts = await this.database.query<ContextRow>(
      `SELECT id, name, enabled, created_at AS createdAt FROM contexts ORDER BY name${lock}`,
      [],
    );
    const names = await this.database.query<{ id: number; name: string }>(
      'SELECT context_id AS id, name FROM context_names ORDER BY name',
      [],
    );
    return contexts.map(({ id, name, enabled, createdAt }) => ({
      name,
      aliases: names.filter((each) => each.id === id && each.name !== name).map((each) => each.name),
      enabled: enabled === 1,
      createdAt,
    }));
  }
}
