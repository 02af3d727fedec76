/** A page of a list, and where the next one begins. */
export interface Page<Row> {
  readonly rows: Row[];
  /** The last row of this page; undefined = there is no next page. */
  readonly next: Row | undefined;
}

/** A page of at most `limit` rows. @param found up to `limit + 1` rows, to know whether there is a next page */
export function pageOf<Row>(found: readonly Row[], limit: number): Page<Row> {
  const rows = found.slice(0, limit);
  return { rows, next: found.length > limit ? rows.at(-1) : undefined };
}
