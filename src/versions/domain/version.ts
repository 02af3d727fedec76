import { COMMON_ERRORS, RegisterError } from '../../shared/errors.js';

/** A customer or mapping, of which the register keeps versions. */
export interface Versioned {
  /** Assigned by the register and never reused. */
  readonly id: number;
  /** When this version was recorded: Unix milliseconds, greater in every later version. */
  readonly updatedAt: number;
}

export type ChangeMade = 'created' | 'updated' | 'deleted';

/** Who recorded a version, with the names of that time; null = unknown. */
export interface Recorder {
  readonly userName: string | null;
  readonly tokenId: number | null;
  readonly tokenLabel: string | null;
  readonly address: string | null;
}

/** A stored version. A deletion has the last state, with the time of the deletion as `updatedAt`. */
export interface RecordedVersion<Of extends Versioned> extends Recorder {
  /** The id of the version, greater in every later version. */
  readonly id: number;
  readonly change: ChangeMade;
  readonly state: Of;
  /** The state that it replaced. */
  readonly before: Of | undefined;
}

/** A place in the final order of changes. Nothing is inserted before a change that can be read. */
export interface FeedPlace {
  /** The block of the audit trail that seals the change. */
  readonly block: number;
  /** The id of the version; 0 = the beginning of the block. */
  readonly id: number;
}

/** A sealed version, which has a place in the feed. */
export interface SealedChange<State> extends FeedPlace {
  readonly change: ChangeMade;
  /** The state after the change; before it, for a deletion. */
  readonly state: State;
}

/** Whether the client's `If-Match` or `If-None-Match` allows a write to this version. */
export type Expectation = (version: string) => boolean;

/** Identifies a version among all versions of its kind. */
export function versionOf({ id, updatedAt }: Versioned): string {
  return `${id}-${updatedAt}`;
}

/**
 * @param what the kind of state, for the message
 * @throws RegisterError `precondition_failed` if this version is not the expected one
 */
export function requireVersion<State extends Versioned>(
  state: State,
  isExpected: Expectation | undefined,
  what: string,
): State {
  if (isExpected?.(versionOf(state)) !== false) return state;
  throw new RegisterError(
    COMMON_ERRORS.precondition_failed,
    `The current version of the ${what} does not match If-Match or If-None-Match; read it again, then decide`,
  );
}

/**
 * The time of the version after `before`, in Unix milliseconds. Versions must be in order even though the clocks of
 * instances differ and may go back.
 */
export function nextVersionAt(before: Versioned, now: number): number {
  return Math.max(now, before.updatedAt + 1);
}
