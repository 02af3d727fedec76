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
