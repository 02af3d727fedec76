import { QueryFailedError } from 'typeorm';
import { COMMON_ERRORS, RegisterError } from '../errors.js';
import type { Statement } from './database.js';

/**
 * What a database driver's error means for us:
 * - `duplicate`: a unique key has the value already
 * - `reference`: a foreign key: the row is still referred to, or what it refers to is gone
 * - `conflict`: another transaction got in the way; this one was or must be rolled back, and may be tried again
 * - `lost`: the connection is gone, or never came to be
 * - `full`: no room to write
 */
export type DriverFailure = 'duplicate' | 'reference' | 'conflict' | 'lost' | 'full';

// MySQL's and MariaDB's error numbers are the server's own reference; 8002 to 9007 are TiDB's.
const BY_NUMBER: ReadonlyMap<number, DriverFailure> = new Map([
  ...([1062, 1586] as const).map((number) => [number, 'duplicate'] as const),
  ...([1451, 1452] as const).map((number) => [number, 'reference'] as const),
  ...([1213, 1205, 1020, 3572, 8002, 8005, 8022, 8028, 9007] as const).map(
    (number) => [number, 'conflict'] as const,
  ),
  ...([1040, 1047, 1053, 1077, 1079, 1129, 1203, 1290, 1836, 1927, 2002, 2003, 2006, 2013] as const).map(
    (number) => [number, 'lost'] as const,
  ),
  ...([167, 1021, 1041, 1114, 1135, 1461, 1467, 3675] as const).map((number) => [number, 'full'] as const),
]);

const BY_CODE: Readonly<Record<string, DriverFailure>> = {
  SQLITE_CONSTRAINT_UNIQUE: 'duplicate',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'duplicate',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'reference',
  SQLITE_FULL: 'full',
  SQLITE_CANTOPEN: 'lost',
  PROTOCOL_CONNECTION_LOST: 'lost',
  PROTOCOL_SEQUENCE_TIMEOUT: 'lost',
  PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR: 'lost',
  PROTOCOL_ENQUEUE_AFTER_QUIT: 'lost',
  ECONNREFUSED: 'lost',
  ECONNRESET: 'lost',
  ECONNABORTED: 'lost',
  EPIPE: 'lost',
  ETIMEDOUT: 'lost',
  EHOSTUNREACH: 'lost',
  ENETUNREACH: 'lost',
  ENOTFOUND: 'lost',
  ENOENT: 'lost',
  EAI_AGAIN: 'lost',
};

/** The connection was lost after COMMIT was sent: it may have been done, or not. */
export class CommitInDoubt extends Error {
  override readonly name = 'CommitInDoubt';
  /** To be told as what it is by `driverFailure`. */
  readonly code = 'PROTOCOL_CONNECTION_LOST';

  /** @param result what the transaction answers if it was done */
  constructor(
    readonly proof: Statement | undefined,
    readonly result: unknown,
    cause: unknown,
  ) {
    super('the connection was lost while committing', { cause });
  }
}

/** What `error` means, or undefined when it is not a driver's, or a mistake of ours. */
export function driverFailure(error: unknown): DriverFailure | undefined {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (typeof cause !== 'object' || cause === null) return undefined;
  const { code, errno, fatal } = cause as { code?: unknown; errno?: unknown; fatal?: unknown };
  if (typeof code === 'string') {
    if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return 'conflict';
    if (/^SQLITE_IOERR/.test(code)) return 'full';
    if (BY_CODE[code] !== undefined) return BY_CODE[code];
  }
  const known = typeof errno === 'number' ? BY_NUMBER.get(errno) : undefined;
  // mysql2 marks what ended the connection, sometimes without a code.
  return known ?? (fatal === true ? 'lost' : undefined);
}

/** Whether a statement's failure undoes its whole transaction, as a deadlock, a lost connection or a full disk does. */
export function endsTransaction(error: unknown): boolean {
  const failure = driverFailure(error);
  return failure !== undefined && failure !== 'duplicate' && failure !== 'reference';
}

/** Puts a failure of the database in words for the client; any other error stays as it is. */
export function tellable(error: unknown): unknown {
  switch (driverFailure(error)) {
    case 'conflict':
    case 'reference': // somebody deleted it meanwhile: the next try finds that out
      return new RegisterError(
        COMMON_ERRORS.database_busy,
        'The register is busy with other changes; try again',
        {
          headers: { 'Retry-After': '1' },
          cause: error,
        },
      );
    case 'lost':
    case 'full':
      return new RegisterError(
        COMMON_ERRORS.database_unavailable,
        'The database is not available; try again',
        {
          headers: { 'Retry-After': '5' },
          cause: error,
        },
      );
    case 'duplicate':
    case undefined:
      return error;
  }
}

/** Runs a write; undefined = a unique key refused it. */
export function unlessDuplicate<T>(write: () => Promise<T>): Promise<T | undefined> {
  return unless('duplicate', write);
}

/** Runs a write; undefined = a foreign key refused it. */
export function unlessReferenced<T>(write: () => Promise<T>): Promise<T | undefined> {
  return unless('reference', write);
}

async function unless<T>(failure: DriverFailure, write: () => Promise<T>): Promise<T | undefined> {
  try {
    return await write();
  } catch (error) {
    if (driverFailure(error) !== failure) throw error;
    return undefined;
  }
}
