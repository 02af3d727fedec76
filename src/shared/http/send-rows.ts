import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';

export const NDJSON = 'application/x-ndjson';

/**
 * Streams rows as a JSON array, or as NDJSON, a batch at a time and no faster than the client reads. The first
 * batch is read before anything is sent, so that a database that can't be reached is still told as an error;
 * after that, a failure cuts the answer off.
 *
 * @param toText one row as JSON
 */
export async function sendRows<Row>(
  response: Response,
  type: string,
  batches: AsyncGenerator<Row[]>,
  toText: (row: Row) => string,
): Promise<void> {
  const first = await batches.next();
  response.setHeader('Content-Type', `${type}; charset=utf-8`);
  const texts = type === NDJSON ? ndjson(first, batches, toText) : jsonArray(first, batches, toText);
  try {
    await pipeline(Readable.from(texts, { objectMode: true, highWaterMark: 1 }), response);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error; // the client left
  } finally {
    await batches.return(undefined);
  }
}

async function* jsonArray<Row>(
  first: IteratorResult<Row[]>,
  rest: AsyncGenerator<Row[]>,
  toText: (row: Row) => string,
): AsyncGenerator<string> {
  let before = '[';
  for await (const batch of chain(first, rest)) {
    yield before + batch.map(toText).join(',');
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

async function* ndjson<Row>(
  first: IteratorResult<Row[]>,
  rest: AsyncGenerator<Row[]>,
  toText: (row: Row) => string,
): AsyncGenerator<string> {
  for await (const batch of chain(first, rest)) yield batch.map((row) => `${toText(row)}\n`).join('');
}

async function* chain<Row>(first: IteratorResult<Row[]>, rest: AsyncGenerator<Row[]>): AsyncGenerator<Row[]> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
