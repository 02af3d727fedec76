/** What a purge may remove. */
export interface PurgeLimit {
  /** Only what is sealed in blocks up to this one. */
  readonly throughBlock: number;
  /** Only what is older, in Unix milliseconds. */
  readonly before: number;
}

/** The result of one step of a purge. */
export interface PurgeStep {
  /** How many were removed. */
  readonly removed: number;
  /** Where the next step begins; undefined = the purge is complete. */
  readonly next: number | undefined;
}

/** Permanently removes data older than RETENTION_DAYS. Each feature with such data implements one. */
export abstract class Purge {
  /** The kind of data removed: its name in the answer and the audit entry. */
  abstract readonly what: string;

  /**
   * Removes a batch in the current transaction, small enough to make nobody wait.
   *
   * @param after the previous step's `next`; 0 = begin
   */
  abstract step(limit: PurgeLimit, after: number): Promise<PurgeStep>;
}
