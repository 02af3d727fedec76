import { QueryFailedError } from 'typeorm';
import { COMMON_ERRORS, RegisterError } from '../errors.js';
import type { Statement } from './database.js';

/**
 * The meaning of a database driver's error:
 * - `duplicate`: a unique key has this value already
 * - `reference`: a foreign key is violated
 * - `conflict`: another transaction interfered; this one must be rolled back and may be retried
 * - `lost`: the connection failed or could not be opened
 * - `full`: there is no space to write
 */
export type DriverFailure = 'duplicate' | 'reference' | 'conflict' | 'lost' | 'full';

/** Error numbers of MySQL and MariaDB; 8002 to 9007 are TiDB's. */
const NUMBERS: Readonly<Record<DriverFailure, readonly number[]>> = {
  duplicate: [1062, 1586],
  reference: [1451, 1452],
  conflict: [1213, 1205, 1020, 3572, 8002, 8005, 8022, 8028, 9007],
  lost: [1040, 1047, 1053, 1077, 1079, 1129, 1203, 1290, 1836, 1927, 2002, 2003, 2006, 2013],
  full: [167, 1021, 1041, 1114, 1135, 1461, 1467, 3675],
};
const BY_NUMBER: ReadonlyMap<number, DriverFailure> = new Map(
  (Object.keys(NUMBERS) as DriverFailure[]).flatMap((failure) =>
    NUMBERS[failure].map((number) => [number, failure]),
  ),
);

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

/** The connection was lost after COMMIT was sent, so the outcome is unknown. */
export class CommitInDoubt extends Error {
  override readonly name = 'CommitInDoubt';
  /** Makes `driverFailure` classify this as `lost`. */
  readonly code = 'PROTOCOL_CONNECTION_LOST';

  /** @param result the result of the transaction if it was committed */
  constructor(
    readonly proof: Statement | undefined,
    readonly result: unknown,
    cause: unknown,
  ) {
    super('the connection was lost while committing', { cause });
  }
}

/** The meaning of an error; undefined = it is not a driver's error, or a bug of ours. */
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
  // mysql2 marks errors that end the connection as fatal, sometimes without a code.
  return known ?? (fatal === true ? 'lost' : undefined);
}

/** Whether a statement's failure rolls back its whole transaction, like a deadlock, a lost connection or a full disk. */
export function endsTransaction(error: unknown): boolean {
  const failure = driverFailure(error);
  return failure !== undefined && failure !== 'duplicate' && failure !== 'reference';
}

/** Converts a failure of the database to an error for the client; returns other errors unchanged. */
export function toClientError(error: unknown): unknown {
  switch (driverFailure(error)) {
    case 'conflict':
    case 'reference': // a concurrent deletion: the client's next try finds that out
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

/** Runs a write. @returns undefined = a unique key rejected it */
export function unlessDuplicate<T>(write: () => Promise<T>): Promise<T | undefined> {
  return unless('duplicate', write);
}

/** Runs a write. @returns undefined = a foreign key rejected it */
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
