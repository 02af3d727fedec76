import { createHash } from 'node:crypto';

/** A random generator that repeats its results for the same seed. */
export class Dice {
  private drawn = 0;

  constructor(private readonly seed: number) {}

  /** A whole number from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  isLucky(chance: number): boolean {
    return this.next() < chance;
  }

  /** One of `all`, which must not be empty. */
  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T;
  }

  private next(): number {
    const digest = createHash('sha256').update(`${this.seed}.${this.drawn++}`).digest();
    return digest.readUInt32BE() / 2 ** 32;
  }
}
