/**
 * The one way to write. Every write of every feature goes through `run`, so that it is wholly kept or
 * wholly undone, whatever fails and whoever writes at the same moment.
 */
export abstract class Transactions {
  /**
   * Runs `work` in a transaction and answers what it answers, once that is committed. If `work` throws,
   * everything it wrote is undone and the error comes out here.
   *
   * - `work` may run several times, when it got in the way of another transaction: it must not have effects
   *   outside the database.
   * - Inside `work`, `run` nests: a failure undoes the inner part alone, and the outer one may go on.
   * - Inside one transaction, work goes one after the other: no `Promise.all` over writes.
   *
   * @throws RegisterError `database_busy`, `database_unavailable` (nothing was changed), or
   * `outcome_unknown` (the connection was lost while committing)
   */
  abstract run<T>(work: () => Promise<T>): Promise<T>;
}
