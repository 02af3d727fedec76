import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { Database, type SqlValue } from '../../shared/database/database.js';
import { IdempotencyRepository, type KeptAnswer } from '../application/idempotency.repository.js';
import { IdempotencyKeyEntity } from './idempotency-key.entity.js';

@Injectable()
export class TypeOrmIdempotencyRepository extends IdempotencyRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async claim(
    by: Principal,
    keyHash: string,
    requestHash: string,
    at: number,
  ): Promise<KeptAnswer | undefined> {
    // Upsert without changing anything: after a plain INSERT that finds the key, all waiting transactions would get a
    // shared lock on the row and deadlock.
    await this.database.manager
      .createQueryBuilder()
      .insert()
      .into(IdempotencyKeyEntity)
      .values({ ...ownerOf(by), keyHash, requestHash, answer: null, createdAt: at })
      .orUpdate(['context_id'], ['context_id', 'user_name', 'key_hash'])
      .updateEntity(false)
      .execute();
    // A plain read would fix the snapshot of this transaction now, before the write waits for further locks.
    return this.read(by, keyHash, this.database.forUpdate);
  }

  find(by: Principal, keyHash: string): Promise<KeptAnswer | undefined> {
    return this.read(by, keyHash, '');
  }

  private async read(by: Principal, keyHash: string, lock: string): Promise<KeptAnswer | undefined> {
    const [kept] = await this.database.query<{ requestHash: string; answer: string | null }>(
      `SELECT request_hash AS requestHash, answer FROM idempotency_keys
       WHERE context_id = ? AND user_name = ? AND key_hash = ?${lock}`,
      [by.context, by.userName, keyHash],
    );
    // Only the transaction that claimed the key sees it without an answer.
    return kept === undefined || kept.answer === null ? undefined : { ...kept, answer: kept.answer };
  }

  async keep(by: Principal, keyHash: string, answer: string): Promise<void> {
    await this.database.manager.update(IdempotencyKeyEntity, { ...ownerOf(by), keyHash }, { answer });
  }

  async deleteOf(userName: string, limit: number): Promise<number> {
    // Find the ids by index and delete by id, to lock no other user's keys.
    const sql = `SELECT id FROM idempotency_keys
      WHERE context_id IN (SELECT id FROM contexts) AND user_name = ? LIMIT ?`;
    return this.deleteFound(sql, [userName, limit]);
  }

  purge(before: number, limit: number): Promise<number> {
    const sql = 'SELECT id FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT ?';
    return this.deleteFound(sql, [before, limit]);
  }

  private async deleteFound(sql: string, parameters: readonly SqlValue[]): Promise<number> {
    const ids = (await this.database.query<{ id: number }>(sql, parameters)).map(({ id }) => id);
    if (ids.length > 0) await this.database.manager.delete(IdempotencyKeyEntity, ids);
    return ids.length;
  }
}

function ownerOf({ context, userName }: Principal): Pick<IdempotencyKeyEntity, 'contextId' | 'userName'> {
  return { contextId: context, userName };
}
