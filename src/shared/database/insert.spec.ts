import { describe, expect, it } from '@jest/globals';
import { insertInto } from './insert.js';

const insert = insertInto('t', ['a', 'b']);
const rows = (count: number, text = ''): [number, string][] =>
  Array.from({ length: count }, (_, n) => [n, text]);

describe('insertInto', () => {
  it('makes one statement of one row, and of many', () => {
    expect(insert([[1, 'x']])).toEqual([{ sql: 'INSERT INTO t (a, b) VALUES (?, ?)', parameters: [1, 'x'] }]);
    expect(insert([...rows(2), [3, null]])).toEqual([
      { sql: 'INSERT INTO t (a, b) VALUES (?, ?), (?, ?), (?, ?)', parameters: [0, '', 1, '', 3, null] },
    ]);
  });

  it('makes no statement of no row', () => {
    expect(insert([])).toEqual([]);
  });

  it.each([
    { what: 'no more values than SQLite takes', all: rows(40_000), counts: [16_383, 16_383, 7234] },
    { what: 'no more text than a packet takes', all: rows(100, '€'.repeat(20_000)), counts: [69, 31] },
    {
      what: 'no other row beside one that is too large',
      all: rows(2, 'x'.repeat(5_000_000)),
      counts: [1, 1],
    },
  ])('gives a statement $what', ({ all, counts }) => {
    const statements = insert(all);
    expect(statements.map(({ parameters }) => parameters.length / 2)).toEqual(counts);
    expect(statements.flatMap(({ parameters }) => parameters)).toEqual(all.flat());
  });
});
