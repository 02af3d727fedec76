import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';

export const NDJSON = 'application/x-ndjson';
export const CSV = 'text/csv';

/**
 * Streams rows as a JSON array, NDJSON or CSV, no faster than the client reads. A failure before the second batch
 * becomes an error response; a later one cuts the response off.
 *
 * @param columns the member names of the DTO: the first line of CSV
 */
export async function sendRows<Row>(
  response: Response,
  type: string,
  batches: AsyncGenerator<Row[]>,
  toDto: (row: Row) => object,
  columns: readonly string[] = [],
): Promise<void> {
  const format = type === NDJSON ? ndjson : type === CSV ? csv(columns) : jsonArray;
  await sendTexts(response, type, textsOf(format, batches, toDto));
}

/**
 * Streams a JSON object with lists, like `sendRows`.
 *
 * @param lists by name, in batches
 * @param members precede the lists
 */
export async function sendObject(
  response: Response,
  lists: Readonly<Record<string, AsyncGenerator<object[]>>>,
  members: object = {},
): Promise<void> {
  const texts = async function* (): Texts {
    let text = JSON.stringify(members).slice(0, -1);
    for (const [name, batches] of Object.entries(lists)) {
      const before = `${text}${text === '{' ? '' : ','}${JSON.stringify(name)}:`;
      text = yield* textsOf(jsonArray, batches, (row) => row, before);
    }
    return `${text}}`;
  };
  await sendTexts(response, 'application/json', texts());
}

/** The parts of a response; the last one is the return value. */
type Texts = AsyncGenerator<string, string, undefined>;

/** @param before the text before the list */
async function* textsOf<Row>(
  format: Format,
  batches: AsyncGenerator<Row[]>,
  toDto: (row: Row) => object,
  before = '',
): Texts {
  const filled = withRows(batches);
  try {
    const first = await filled.next();
    const second = await filled.next();
    const begin = before + format.begin(first.done === true ? [] : first.value.map(toDto));
    if (second.done === true) return begin + format.end;
    yield begin;
    yield format.next(second.value.map(toDto));
    for await (const batch of filled) yield format.next(batch.map(toDto));
    return format.end;
  } finally {
    await filled.return(undefined);
  }
}

/** Skips empty batches. */
async function* withRows<Row>(batches: AsyncGenerator<Row[]>): AsyncGenerator<Row[]> {
  for await (const batch of batches) if (batch.length > 0) yield batch;
}

async function sendTexts(response: Response, type: string, texts: Texts): Promise<void> {
  try {
    const first = await texts.next();
    response.setHeader('Content-Type', `${type}; charset=utf-8`);
    if (first.done === true) {
      response.end(first.value);
      return;
    }
    const all = async function* (): AsyncGenerator<string> {
      yield first.value;
      yield yield* texts;
    };
    await pipeline(Readable.from(all(), { objectMode: true, highWaterMark: 1 }), response);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error; // the client left
  } finally {
    await texts.return('');
  }
}

interface Format {
  readonly begin: (rows: object[]) => string;
  /** Called with at least one row. */
  readonly next: (rows: object[]) => string;
  readonly end: string;
}

const jsonArray: Format = {
  begin: (rows) => JSON.stringify(rows).slice(0, -1),
  next: (rows) => `,${JSON.stringify(rows).slice(1, -1)}`,
  end: ']',
};

const lines = (rows: object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const ndjson: Format = { begin: lines, next: lines, end: '' };

function csv(columns: readonly string[]): Format {
  const cells = (rows: object[]): string => csvLines(rows.map((row) => Object.values(row) as unknown[]));
  return { begin: (rows) => csvLines([columns]) + cells(rows), next: cells, end: '' };
}

function csvLines(rows: readonly (readonly unknown[])[]): string {
  return rows.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('');
}

/** A number or phone number, which is not a formula even if it begins with + or -. */
const NUMBER = /^[+-]? ?\(?\d[\d ()./,;-]*$/;

/** Prefixes a cell that a spreadsheet would run as a formula with `'`. @see RFC 4180 */
function csvCell(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
  const harmless = /^[=+\-@\t\r]/.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
