import type { Principal } from '../../identity/domain/principal.js';

/** What was asked for under a key, and what it was answered. */
export interface KeptAnswer {
  readonly requestHash: string;
  readonly answer: string;
}

/** The keys that a user sent in a context. Writes exist inside `Transactions.run` alone. */
export abstract class IdempotencyRepository {
  /**
   * Takes a key for the transaction under way, of which it must be the first statement; another one that wants the
   * key waits.
   *
   * @returns what is kept under the key, if it was taken before: nothing was written
   */
  abstract claim(
    by: Principal,
    keyHash: string,
    requestHash: string,
    at: number,
  ): Promise<KeptAnswer | undefined>;

  /** What is kept under a key. */
  abstract find(by: Principal, keyHash: string): Promise<KeptAnswer | undefined>;

  /** Keeps the answer to what was asked under a key that this transaction took. */
  abstract keep(by: Principal, keyHash: string, answer: string): Promise<void>;

  /** Deletes at most `limit` keys of a user. @returns how many */
  abstract deleteOf(userName: string, limit: number): Promise<number>;

  /** Deletes at most `limit` keys that were taken before a time, in Unix milliseconds. @returns how many */
  abstract purge(before: number, limit: number): Promise<number>;
}
