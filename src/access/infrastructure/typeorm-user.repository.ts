import { Injectable } from '@nestjs/common';
import { Database } from '../../shared/database/database.js';
import { unlessDuplicate } from '../../shared/database/driver-errors.js';
import { UserRepository, type User, type UserChanges } from '../application/access.repositories.js';
import { GrantEntity, UserEntity } from './access.entities.js';

type UserRow = Omit<User, 'contexts' | 'enabled'> & { id: number; enabled: number };

@Injectable()
export class TypeOrmUserRepository extends UserRepository {
  constructor(private readonly database: Database) {
    super();
  }

  list(): Promise<User[]> {
    return this.read('');
  }

  lockAll(): Promise<User[]> {
    return this.read(this.database.forUpdate);
  }

  async insert({ contexts, ...user }: User): Promise<undefined | 'taken' | readonly string[]> {
    const granted = await this.idsOf(contexts);
    if (!Array.isArray(granted)) return granted.unknown;
    const inserted = await unlessDuplicate(() => this.database.manager.insert(UserEntity, user));
    if (inserted === undefined) return 'taken';
    await this.grant((inserted.identifiers[0] as { id: number }).id, granted);
    return undefined;
  }

  async update(name: string, { contexts, ...fields }: UserChanges): Promise<undefined | readonly string[]> {
    const { manager } = this.database;
    const { id: userId } = await manager.findOneByOrFail(UserEntity, { name });
    if (contexts !== undefined) {
      const granted = await this.idsOf(contexts);
      if (!Array.isArray(granted)) return granted.unknown;
      await manager.delete(GrantEntity, { userId });
      await this.grant(userId, granted);
    }
    if (Object.keys(fields).length > 0) await manager.update(UserEntity, { id: userId }, fields);
    return undefined;
  }

  async delete(name: string): Promise<void> {
    await this.database.manager.delete(UserEntity, { name });
  }

  private async read(lock: string): Promise<User[]> {
    const users = await this.database.query<UserRow>(
      `SELECT id, name, role, enabled, created_at AS createdAt FROM users ORDER BY name${lock}`,
      [],
    );
    const grants = await this.database.query<{ userId: number; name: string }>(
      `SELECT g.user_id AS userId, c.name FROM grants g JOIN contexts c ON c.id = g.context_id ORDER BY c.name`,
      [],
    );
    return users.map(({ id, enabled, ...user }) => ({
      ...user,
      enabled: enabled === 1,
      contexts: grants.filter((grant) => grant.userId === id).map((grant) => grant.name),
    }));
  }

  /** Locks the contexts with exactly these names. @returns their ids, or the names that do not exist */
  private async idsOf(names: readonly string[]): Promise<number[] | { unknown: readonly string[] }> {
    if (names.length === 0) return [];
    const rows = await this.database.query<{ id: number; name: string }>(
      `SELECT id, name FROM contexts WHERE name IN (${names.map(() => '?').join(', ')})${this.database.forUpdate}`,
      names,
    );
    const unknown = names.filter((name) => !rows.some((row) => row.name === name));
    return unknown.length > 0 ? { unknown } : rows.map(({ id }) => id);
  }

  private async grant(userId: number, contextIds: readonly number[]): Promise<void> {
    if (contextIds.length === 0) return;
    await this.database.manager.insert(
      GrantEntity,
      contextIds.map((contextId) => ({ userId, contextId })),
    );
  }
}
