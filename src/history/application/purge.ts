/** How far a purge goes. */
export interface PurgeLimit {
  /** Only what is sealed in blocks up to this one. */
  readonly throughBlock: number;
  /** Only what is older, in Unix milliseconds. */
  readonly before: number;
}

/** What one step of a purge did. */
export interface PurgeStep {
  /** How many were removed. */
  readonly removed: number;
  /** Where the next step begins; undefined = this was the last one. */
  readonly next: number | undefined;
}

/** What a feature removes for good once RETENTION_DAYS have passed: each feature implements its own. */
export abstract class Purge {
  /** What is removed, as the answer and the audit entry call it. */
  abstract readonly what: string;

  /**
   * Removes some, in the transaction under way: few enough that nobody has to wait.
   *
   * @param after where to begin; 0 = at the beginning
   */
  abstract step(limit: PurgeLimit, after: number): Promise<PurgeStep>;
}
