import type { Principal } from '../../identity/domain/principal.js';

/** The request and the answer stored under a key. */
export interface KeptAnswer {
  readonly requestHash: string;
  readonly answer: string;
}

/** The Idempotency-Keys of a user in a context. Call writes inside `Transactions.run` only. */
export abstract class IdempotencyRepository {
  /**
   * Claims a key for the current transaction. It MUST be the transaction's first statement; others that claim the
   * same key wait.
   *
   * @param at Unix milliseconds
   * @returns what is stored under the key if it was claimed before, when nothing is written
   */
  abstract claim(
    by: Principal,
    keyHash: string,
    requestHash: string,
    at: number,
  ): Promise<KeptAnswer | undefined>;

  /** What is stored under a key. */
  abstract find(by: Principal, keyHash: string): Promise<KeptAnswer | undefined>;

  /** Stores the answer under a key that this transaction has claimed. */
  abstract keep(by: Principal, keyHash: string, answer: string): Promise<void>;

  /** Deletes at most `limit` keys of a user. @returns how many */
  abstract deleteOf(userName: string, limit: number): Promise<number>;

  /** Deletes at most `limit` keys claimed before an instant in Unix milliseconds. @returns how many */
  abstract purge(before: number, limit: number): Promise<number>;
}
