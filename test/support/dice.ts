/** Draws at random, the same for the same seed. */
export class Dice {
  constructor(private state: number) {}

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  isLucky(chance: number): boolean {
    return this.next() < chance;
  }

  /** One of `all`, of which there must be some. */
  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T;
  }

  /** @see mulberry32, by Tommy Ettinger: public domain */
  private next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
