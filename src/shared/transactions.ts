/**
 * The one way to write. Every write of every feature goes through `run`, so that it commits or rolls back as a whole,
 * whatever fails and whoever writes concurrently.
 */
export abstract class Transactions {
  /**
   * Runs `work` in a transaction and returns its result once committed. If `work` throws, rolls back and rethrows.
   *
   * - `work` may run several times, after conflicts with other transactions: it MUST NOT have effects outside the
   *   database.
   * - Inside `work`, `run` nests: a failure rolls back the inner part only, and the outer one may continue.
   * - Inside a transaction, writes run one after the other: no `Promise.all`.
   *
   * @throws RegisterError `database_busy`, `database_unavailable` (nothing was changed), or
   * `outcome_unknown` (the connection was lost during the commit)
   */
  abstract run<T>(work: () => Promise<T>): Promise<T>;
}
