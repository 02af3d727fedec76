import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';

export const NDJSON = 'application/x-ndjson';
export const CSV = 'text/csv';

/**
 * Sends rows as a JSON array, as NDJSON or as CSV, a batch at a time and no faster than the client reads; a single
 * batch goes in one piece. What fails before the second batch is there is still told as an error; after that,
 * a failure cuts the answer off.
 *
 * @param toDto what a row looks like to clients
 */
export async function sendRows<Row>(
  response: Response,
  type: string,
  batches: AsyncGenerator<Row[]>,
  toDto: (row: Row) => object,
): Promise<void> {
  const format = FORMATS[type] ?? jsonArray;
  try {
    const first = await batches.next();
    const second = await batches.next();
    response.setHeader('Content-Type', `${type}; charset=utf-8`);
    if (second.done === true) {
      const rows = first.done === true ? [] : first.value;
      response.end(format.begin(rows.map(toDto)) + format.end);
      return;
    }
    const texts = async function* (): AsyncGenerator<string> {
      yield format.begin((first.value as Row[]).map(toDto));
      yield format.next(second.value.map(toDto));
      for await (const batch of batches) yield format.next(batch.map(toDto));
      yield format.end;
    };
    await pipeline(Readable.from(texts(), { objectMode: true, highWaterMark: 1 }), response);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error; // the client left
  } finally {
    await batches.return(undefined);
  }
}

interface Format {
  begin(rows: object[]): string;
  /** Never called without rows. */
  next(rows: object[]): string;
  readonly end: string;
}

const jsonArray: Format = {
  begin: (rows) => JSON.stringify(rows).slice(0, -1),
  next: (rows) => `,${JSON.stringify(rows).slice(1, -1)}`,
  end: ']',
};

const lines = (rows: object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const ndjson: Format = { begin: lines, next: lines, end: '' };

const csv: Format = {
  begin: (rows) => (rows[0] === undefined ? '' : csvLines([Object.keys(rows[0])])) + csv.next(rows),
  next: (rows) => csvLines(rows.map((row) => Object.values(row) as unknown[])),
  end: '',
};

const FORMATS: Readonly<Record<string, Format>> = { [NDJSON]: ndjson, [CSV]: csv };

function csvLines(rows: unknown[][]): string {
  return rows.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('');
}

/** @see RFC 4180. A cell that a spreadsheet would run as a formula gets a leading `'`. */
function csvCell(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
