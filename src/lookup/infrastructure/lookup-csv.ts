import { parse } from 'csv-parse/sync';
import { MEMBERS_BY_USER_ID } from '../../customers/infrastructure/customer.dto.js';
import { COMMON_ERRORS, RegisterError, validationFailed } from '../../shared/errors.js';
import { MAX_QUERIES, type HeldDto } from './lookup.dto.js';

const COLUMNS = ['ip', 'time'];
/** Characters. Without a limit, an unclosed quote would swallow the rest of the file. */
const MAX_LINE = 4096;

/**
 * Parses queries from CSV with the columns `ip,time`, with or without a header line. Without a time column, every time is
 * now. With one, a blank time is an error, since "now" would answer today's holder.
 *
 * @returns the members of each query as in JSON; surplus cells are unknown members
 * @throws RegisterError `body_malformed`, `validation_failed`
 */
export function parseQueries(csv: string): Record<string, string>[] {
  const rows = parseRows(csv);
  const [first = []] = rows;
  const hasHeader = first.some((cell) => COLUMNS.includes(cell.toLowerCase()));
  const width = rows.reduce((widest, cells) => Math.max(widest, cells.length), 1);
  const columns = hasHeader ? first.map((cell) => cell.toLowerCase()) : COLUMNS.slice(0, width);
  const unknown = columns.filter((name, n) => !COLUMNS.includes(name) || columns.indexOf(name) !== n);
  if (unknown.length > 0) fail('the header line may hold each of the columns ip and time once');
  const queries = hasHeader ? rows.slice(1) : rows;
  if (queries.length > MAX_QUERIES) fail(`must contain at most ${MAX_QUERIES} queries`);
  return queries.map((cells) => {
    const members = columns.map((name, n) => [name, cells[n] ?? ''] as const);
    const surplus = cells.map((cell, n) => [`column ${n + 1}`, cell] as const).slice(columns.length);
    return Object.fromEntries([...members, ...surplus.filter(([, cell]) => cell !== '')]);
  });
}

function parseRows(csv: string): string[][] {
  try {
    return parse(csv, {
      bom: true,
      trim: true,
      relaxColumnCount: true,
      skipEmptyLines: true,
      recordDelimiter: ['\r\n', '\n', '\r'], // may be mixed in one file
      to: MAX_QUERIES + 2, // the header line, and one query too many
      maxRecordSize: MAX_LINE,
    });
  } catch (error) {
    const { lines } = error as { lines?: number };
    throw new RegisterError(COMMON_ERRORS.body_malformed, `The body is not valid CSV (line ${lines ?? 1})`);
  }
}

function fail(message: string): never {
  throw validationFailed([{ field: 'csv', message }]);
}

/** An answer as a line of CSV; every line has every column. */
export function toLine(
  ip: string,
  time: number | string,
  { holder, mapping }: HeldDto,
  error: string,
): object {
  return {
    ip,
    time,
    ...Object.fromEntries(MEMBERS_BY_USER_ID.map((name) => [name, holder?.[name] ?? null])),
    deleted: holder?.deleted ?? null,
    mapping_id: mapping?.id ?? null,
    ipdr_customer_id: mapping?.ipdr_customer_id ?? null,
    ipsubnet: mapping?.ipsubnet ?? null,
    starttime: mapping?.starttime ?? null,
    endtime: mapping?.endtime ?? null,
    terminalid: mapping?.terminalid ?? null,
    error,
  };
}

/** The columns of a line, in order. */
export const CSV_COLUMNS = Object.keys(toLine('', '', { holder: null, mapping: null }, ''));
