import type { Database } from '../../shared/database/database.js';

/** A table of versions, and what a query reads of it under the alias `v`. */
export interface VersionTable {
  readonly table: string;
  /** Columns of the state, each `v.column AS name`. */
  readonly columns: string;
}

/** At most `limit` deletions sealed in a block up to `throughBlock`, with an id above `after`, by ascending id. */
export function readDeletions<Row>(
  database: Database,
  { table, columns }: VersionTable,
  throughBlock: number,
  after: number,
  limit: number,
): Promise<(Row & { version: number })[]> {
  const sql = `SELECT v.id AS version, ${columns} FROM ${table} v
    WHERE v.id > ? AND v.change_made = 'deleted' AND v.block <= ? ORDER BY v.id LIMIT ?`;
  return database.query(sql, [after, throughBlock, limit]);
}

/**
 * Joins to each version `v` the one before it, `p`: one index probe for its time and one for the row.
 *
 * @param of the column that says what a version is of
 */
export function withBefore(table: string, of: string): string {
  return `LEFT JOIN ${table} p ON p.${of} = v.${of} AND p.recorded_at = (
    SELECT MAX(b.recorded_at) FROM ${table} b WHERE b.${of} = v.${of} AND b.recorded_at < v.recorded_at)`;
}
