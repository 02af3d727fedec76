/** The blocks of the audit trail, for features that use their order. */
export abstract class Blocks {
  /** The hashes of those blocks that exist. */
  abstract hashes(numbers: readonly number[]): Promise<ReadonlyMap<number, string>>;

  /** The number of the last block sealed before an instant in Unix milliseconds; 0 = none. */
  abstract lastBefore(at: number): Promise<number>;
}
