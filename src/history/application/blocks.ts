/** The blocks of the audit trail, to features that go by their order. */
export abstract class Blocks {
  /** The hashes of the blocks with these numbers, as far as they exist. */
  abstract hashes(numbers: readonly number[]): Promise<ReadonlyMap<number, string>>;

  /** The number of the last block sealed before an instant, in Unix milliseconds; 0 = none was. */
  abstract lastBefore(at: number): Promise<number>;
}
