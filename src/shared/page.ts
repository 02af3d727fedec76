/** A part of a list, and where the next one begins. */
export interface Page<Row> {
  readonly rows: Row[];
  /** The last of the rows, if others come after it. */
  readonly next: Row | undefined;
}

/** The page of at most `limit` rows, out of the up to `limit + 1` that were read to know whether it is the last. */
export function pageOf<Row>(found: readonly Row[], limit: number): Page<Row> {
  const rows = found.slice(0, limit);
  return { rows, next: found.length > limit ? rows.at(-1) : undefined };
}
