import type { Database } from './database.js';

/** The number of rows in a full batch: enough to keep statements few, small enough to hold in memory. */
export const BATCH = 1000;

/**
 * Reads a list to its end in batches.
 *
 * @param read the next `BATCH` rows after `last`; undefined = from the beginning
 */
export async function* batches<Row>(read: (last: Row | undefined) => Promise<Row[]>): AsyncGenerator<Row[]> {
  for (let last: Row | undefined, isAtEnd = false; !isAtEnd;) {
    const batch = await read(last);
    if (batch.length > 0) yield batch;
    isAtEnd = batch.length < BATCH;
    last = batch.at(-1);
  }
}

type Source = Pick<Database, 'query'>;

/**
 * Reads a consistent list to its end in batches. A list that fits one batch is one query; longer ones use a snapshot.
 *
 * @param announce awaited with the number of rows before the first batch
 */
export async function* wholeList<Row>(
  database: Database,
  announce: (count: number) => Promise<void>,
  count: (from: Source) => Promise<number>,
  read: (from: Source, last: Row | undefined) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  const first = await read(database, undefined);
  if (first.length < BATCH) {
    await announce(first.length);
    if (first.length > 0) yield first;
    return;
  }
  const snapshot = await database.snapshot();
  try {
    await announce(await count(snapshot));
    yield* batches<Row>((last) => read(snapshot, last));
  } finally {
    await snapshot.close();
  }
}

/**
 * Splits the values of a statement into parts of at most `max`, a power of two. Pads each part with its last value to
 * a power of two, to keep the number of distinct prepared statements small.
 */
export function* parts<T>(values: readonly T[], max: number): Generator<T[]> {
  for (let start = 0; start < values.length; start += max) {
    const part = values.slice(start, start + max);
    const length = 2 ** Math.ceil(Math.log2(part.length));
    yield [...part, ...Array<T>(length - part.length).fill(part.at(-1) as T)];
  }
}
