/** What the register keeps in versions. */
export interface Versioned {
  /** Given by the register and never used again. */
  readonly id: number;
  /** Since when it is known in this version: Unix milliseconds, greater in every later version. */
  readonly updatedAt: number;
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
