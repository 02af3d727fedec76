import { parse } from 'csv-parse/sync';
import { RegisterError, validationFailed } from '../../shared/errors.js';
import { MAX_QUERIES, type HeldDto } from './lookup.dto.js';

const COLUMNS = ['ip', 'time'];

/**
 * Reads queries from CSV with the columns `ip,time`, with or without a header line.
 *
 * @throws RegisterError `body_malformed`, `validation_failed`
 */
export function parseQueries(csv: string): { ip: string; time: string }[] {
  const rows = parseRows(csv);
  const [first = []] = rows;
  const hasHeader = first.some((cell) => COLUMNS.includes(cell.toLowerCase()));
  const columns = hasHeader ? first.map((cell) => cell.toLowerCase()) : COLUMNS;
  const unknown = columns.filter((name, n) => !COLUMNS.includes(name) || columns.indexOf(name) !== n);
  if (unknown.length > 0) fail('the header line may name each of the columns ip and time once');
  const queries = hasHeader ? rows.slice(1) : rows;
  if (queries.length > MAX_QUERIES) fail(`must hold at most ${MAX_QUERIES} queries`);
  return queries.map((cells) => {
    if (cells.length > columns.length) fail(`must have no more than the columns ${columns.join(' and ')}`);
    const cell = (name: string): string => cells[columns.indexOf(name)] ?? '';
    return { ip: cell('ip'), time: cell('time') };
  });
}

function parseRows(csv: string): string[][] {
  try {
    return parse(csv, {
      ...{ bom: true, trim: true, relaxColumnCount: true, skipEmptyLines: true },
      recordDelimiter: ['\r\n', '\n', '\r'], // in one file, too
    });
  } catch (error) {
    const { lines } = error as { lines?: number };
    throw new RegisterError('body_malformed', `The body is not valid CSV (line ${lines ?? 1})`);
  }
}

function fail(message: string): never {
  throw validationFailed([{ field: 'csv', message }]);
}

/** An answer as a line of CSV; every line has every column. */
export function toLine(ip: string, time: number | null, { holder, mapping }: HeldDto, error: string): object {
  return {
    ip,
    time,
    UserID: holder?.UserID ?? null,
    Name: holder?.Name ?? null,
    Address: holder?.Address ?? null,
    Email: holder?.Email ?? null,
    PhoneNumber: holder?.PhoneNumber ?? null,
    AltPhoneNumber: holder?.AltPhoneNumber ?? null,
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
