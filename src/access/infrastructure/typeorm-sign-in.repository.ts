import { Injectable } from '@nestjs/common';
import { Database, type SqlValue } from '../../shared/database/database.js';
import { unlessDuplicate } from '../../shared/database/driver-errors.js';
import { SignInRepository, type SignInEntry, type SignInFilter } from '../application/sign-in-log.js';
import { SignInEntity } from './access.entities.js';

/** The longest user name in UTF-16 code units: 64 code points. */
const MAX_LENGTH = 128;

@Injectable()
export class TypeOrmSignInRepository extends SignInRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async isUser(name: string): Promise<boolean> {
    const sql = 'SELECT 1 FROM users WHERE name = ?';
    return (await this.database.query(sql, [name.length > MAX_LENGTH ? '' : name])).length > 0;
  }

  async insertFailure(entry: Omit<SignInEntry, 'id'>): Promise<void> {
    const { identifiers } = await this.database.manager.insert(SignInEntity, { ...entry, day: null });
    const { id } = identifiers[0] as { id: number };
    this.database.proveBy('SELECT 1 FROM sign_ins WHERE id = ?', [id]);
  }

  async insertSuccess(entry: Omit<SignInEntry, 'id' | 'failure'>, day: number): Promise<void> {
    await unlessDuplicate(() => this.database.manager.insert(SignInEntity, { ...entry, failure: null, day }));
  }

  async purge(before: number, limit: number): Promise<number> {
    const sql = 'SELECT id FROM sign_ins WHERE at < ? ORDER BY at LIMIT ?';
    const ids = (await this.database.query<{ id: number }>(sql, [before, limit])).map(({ id }) => id);
    if (ids.length > 0) await this.database.manager.delete(SignInEntity, ids);
    return ids.length;
  }

  async page(filter: SignInFilter, before: number, limit: number): Promise<SignInEntry[]> {
    const conditions: [string, SqlValue | undefined][] = [
      ['id < ?', before],
      ['user_name = ?', filter.userName],
      ['address = ?', filter.address],
      ['at >= ?', filter.from],
      ['at < ?', filter.to],
    ];
    const given = conditions.filter(
      (condition): condition is [string, SqlValue] => condition[1] !== undefined,
    );
    const failed = filter.failed === undefined ? [] : [`failure IS ${filter.failed ? 'NOT ' : ''}NULL`];
    const where = [...given.map(([sql]) => sql), ...failed].join(' AND ');
    return this.database.query<SignInEntry>(
      `SELECT id, at, address, user_name AS userName, token_id AS tokenId, failure
       FROM sign_ins WHERE ${where} ORDER BY id DESC LIMIT ?`,
      [...given.map(([, value]) => value), limit],
    );
  }
}
