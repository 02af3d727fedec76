import type { Database } from './database.js';

/** Rows that a batch has, if there are that many: enough to make a statement worth while, and little to hold. */
export const BATCH = 1000;

/**
 * Reads a list to its end, `BATCH` rows at a time.
 *
 * @param read the next `BATCH` rows behind the last one that was read; undefined = those it begins with
 */
export async function* batches<Row>(read: (last: Row | undefined) => Promise<Row[]>): AsyncGenerator<Row[]> {
  for (let last: Row | undefined, isOver = false; !isOver;) {
    const batch = await read(last);
    if (batch.length > 0) yield batch;
    isOver = batch.length < BATCH;
    last = batch.at(-1);
  }
}

type Source = Pick<Database, 'query'>;

/**
 * Reads a list to its end, as it stands at one moment. What fits one batch is so anyway; only longer lists need a snapshot.
 *
 * @param announce told how many rows there are, before the first batch
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
 * Cuts the values of a statement into parts of at most `max`, a power of two. Each part is filled up with its last value
 * to a power of two: the drivers keep every statement that they prepare, so there must be few.
 */
export function* parts<T>(values: readonly T[], max: number): Generator<T[]> {
  for (let start = 0; start < values.length; start += max) {
    const part = values.slice(start, start + max);
    const length = 2 ** Math.ceil(Math.log2(part.length));
    yield [...part, ...Array<T>(length - part.length).fill(part.at(-1) as T)];
  }
}
