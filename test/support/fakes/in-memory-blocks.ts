import { Blocks } from '../../../src/history/application/blocks.js';
import type { InMemoryStore } from './in-memory-store.js';

export class InMemoryBlocks extends Blocks {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async hashes(numbers: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const found = this.store.blocksInOrder.filter(({ number }) => numbers.includes(number));
    return new Map(found.map(({ number, hash }) => [number, hash]));
  }

  async lastBefore(at: number): Promise<number> {
    return this.store.blocksInOrder.findLast(({ sealedAt }) => sealedAt < at)?.number ?? 0;
  }
}
