import type { Inserted } from '../inserted.js';
import type { SqlValue, Statement } from './database.js';
import { unlessDuplicate } from './driver-errors.js';

/** SQLite allows no more `?` in a statement; MySQL allows twice as many. */
const MAX_VALUES = 32_766;
/** A quarter of MariaDB's default packet size, since escaping may double a text; MySQL's default is larger. */
const MAX_BYTES = 4 * 1024 * 1024;

type Values = readonly SqlValue[];

/** Returns what makes the INSERT of rows, for `Database.insert`: one statement, or several if it would be too large. */
export function insertInto(
  table: string,
  columns: readonly string[],
): (rows: readonly Values[]) => Statement[] {
  const row = `(${columns.map(() => '?').join(', ')})`;
  const insertOne = `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${row}`;
  return (rows) =>
    [...chunks(rows)].map((some) => ({
      sql: insertOne + `, ${row}`.repeat(some.length - 1),
      parameters: some.flat(),
    }));
}

function* chunks(rows: readonly Values[]): Generator<Values[]> {
  let [chunk, values, bytes]: [Values[], number, number] = [[], 0, 0];
  for (const row of rows) {
    const size = bytesOf(row);
    if (chunk.length > 0 && (values + row.length > MAX_VALUES || bytes + size > MAX_BYTES)) {
      yield chunk;
      [chunk, values, bytes] = [[], 0, 0];
    }
    chunk.push(row);
    values += row.length;
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

function bytesOf(row: Values): number {
  let bytes = 0;
  for (const value of row) {
    bytes += typeof value === 'string' || Buffer.isBuffer(value) ? Buffer.byteLength(value) : 8;
  }
  return bytes;
}

/**
 * Inserts rows that have a unique key, unless one of them is a duplicate.
 *
 * Reads the ids of several rows back by that key. Counting from the id that the driver returns would be wrong: SQLite
 * returns the last one, and Galera leaves gaps as wide as the cluster.
 *
 * @param keyOf a row's unique key, as text
 * @param write inserts all of the rows, or none; returns the id of a single row
 * @param idsOf the ids of all rows that have one of the keys, by key; must be a locking read, since the row that
 * caused a duplicate may be newer than the transaction's snapshot
 */
export async function insertUnlessDuplicate<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  write: () => Promise<number>,
  idsOf: () => Promise<ReadonlyMap<string, number>>,
): Promise<Inserted<Row>> {
  const [row, ...others] = rows;
  if (row === undefined) return { ids: [] };
  const id = await unlessDuplicate(write);
  if (others.length === 0) return id === undefined ? { ids: [], duplicate: row } : { ids: [id] };
  const ids = await idsOf();
  if (id === undefined) return { ids: [], duplicate: firstDuplicate(rows, keyOf, new Set(ids.keys())) };
  return { ids: rows.map((each) => ids.get(keyOf(each)) as number) };
}

function firstDuplicate<Row>(rows: readonly Row[], keyOf: (row: Row) => string, keys: Set<string>): Row {
  for (const row of rows) {
    const key = keyOf(row);
    if (keys.has(key)) return row;
    keys.add(key);
  }
  throw new Error('no row has the key of the duplicate');
}
