/** What the register keeps in versions. */
export interface Versioned {
  /** Given by the register and never used again. */
  readonly id: number;
  /** Since when it is known in this version: Unix milliseconds, greater in every later version. */
  readonly updatedAt: number;
}

export type ChangeMade = 'created' | 'updated' | 'deleted';

/** Who recorded a version: names as they were then, null where they are not known. */
export interface Recorder {
  readonly userName: string | null;
  readonly tokenId: number | null;
  readonly tokenLabel: string | null;
  readonly address: string | null;
}

/** A version, and what became of what. Of a deletion: as it was, and `updatedAt` is when it was deleted. */
export interface RecordedVersion<Of extends Versioned> extends Recorder {
  /** Of the version: later ones have the greater. */
  readonly id: number;
  readonly change: ChangeMade;
  readonly state: Of;
  /** The version that it took the place of. */
  readonly before: Of | undefined;
}

/** A place in the final order of changes: nothing is ever added before a change that was read. */
export interface FeedPlace {
  /** The block of the audit trail that seals the change. */
  readonly block: number;
  /** The id of the version; 0 = the beginning of the block. */
  readonly id: number;
}

/** A version that is sealed, and so has a place in the feed. */
export interface SealedChange<State> extends FeedPlace {
  readonly change: ChangeMade;
  /** As it became; of a deletion, as it was. */
  readonly state: State;
}

/** Whether a version is one of those that the client expects to change. */
export type Expectation = (version: string) => boolean;

/** Tells this version from all others, of this and of others of its kind. */
export function versionOf({ id, updatedAt }: Versioned): string {
  return `${id}-${updatedAt}`;
}

/**
 * When the version after `before` is recorded. Clocks of several instances differ, and go back at times; versions
 * must not.
 */
export function nextVersionAt(before: Versioned, now: number): number {
  return Math.max(now, before.updatedAt + 1);
}
