import type { Principal } from '../../../src/identity/domain/principal.js';
import {
  IdempotencyRepository,
  type KeptAnswer,
} from '../../../src/idempotency/application/idempotency.repository.js';
import type { InMemoryStore, KeyRow } from './in-memory-store.js';

export class InMemoryIdempotencyRepository extends IdempotencyRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async claim(
    by: Principal,
    keyHash: string,
    requestHash: string,
    at: number,
  ): Promise<KeptAnswer | undefined> {
    const { keys } = this.store.draft;
    if (keys.some(isKey(by, keyHash))) return this.find(by, keyHash);
    const { context, userName } = by;
    keys.push({ context, userName, keyHash, at, kept: { requestHash, answer: null } });
    return undefined;
  }

  async find(by: Principal, keyHash: string): Promise<KeptAnswer | undefined> {
    const kept = this.store.rows.keys.find(isKey(by, keyHash))?.kept;
    return kept === undefined || kept.answer === null ? undefined : { ...kept, answer: kept.answer };
  }

  async keep(by: Principal, keyHash: string, answer: string): Promise<void> {
    const { draft } = this.store;
    const isIt = isKey(by, keyHash);
    draft.keys = draft.keys.map((row) => (isIt(row) ? { ...row, kept: { ...row.kept, answer } } : row));
  }

  async deleteOf(userName: string, limit: number): Promise<number> {
    return this.deleteWhere((row) => row.userName === userName, limit);
  }

  async purge(before: number, limit: number): Promise<number> {
    return this.deleteWhere(({ at }) => at < before, limit);
  }

  private deleteWhere(applies: (row: KeyRow) => boolean, limit: number): number {
    const { draft } = this.store;
    const deleted = new Set(draft.keys.filter(applies).slice(0, limit));
    draft.keys = draft.keys.filter((row) => !deleted.has(row));
    return deleted.size;
  }
}

function isKey({ context, userName }: Principal, keyHash: string): (row: KeyRow) => boolean {
  return (row) => row.context === context && row.userName === userName && row.keyHash === keyHash;
}
