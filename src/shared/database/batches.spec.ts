import { describe, expect, it } from '@jest/globals';
import { BATCH, batches, parts } from './batches.js';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('parts', () => {
  it.each([
    [0, 4, []],
    [1, 4, ['0']],
    [2, 4, ['0 1']],
    [3, 4, ['0 1 2 2']],
    [4, 4, ['0 1 2 3']],
    [5, 4, ['0 1 2 3', '4']],
    [7, 4, ['0 1 2 3', '4 5 6 6']],
    [9, 4, ['0 1 2 3', '4 5 6 7', '8']],
    [3, 1, ['0', '1', '2']],
  ])('splits %i values into parts of at most %i, padded with the last value', (count, max, expected) => {
    expect([...parts(numbers(count), max)].map((part) => part.join(' '))).toEqual(expected);
  });

  it('yields few different lengths and all values', () => {
    const lengths = new Set<number>();
    for (const count of numbers(300)) {
      const all = [...parts(numbers(count), 64)];
      for (const { length } of all) lengths.add(length);
      expect([...new Set(all.flat())]).toEqual(numbers(count));
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual([1, 2, 4, 8, 16, 32, 64]);
  });
});

describe('batches', () => {
  it.each([
    [0, []],
    [1, [1]],
    [BATCH - 1, [BATCH - 1]],
    [BATCH, [BATCH]],
    [BATCH + 1, [BATCH, 1]],
    [2 * BATCH, [BATCH, BATCH]],
  ])('reads a list of %i rows to its end', async (count, lengths) => {
    const rows = numbers(count);
    const read: number[][] = [];
    for await (const batch of batches<number>(async (last = -1) => rows.slice(last + 1, last + 1 + BATCH))) {
      read.push(batch);
    }
    expect(read.map(({ length }) => length)).toEqual(lengths);
    expect(read.flat()).toEqual(rows);
  });
});
