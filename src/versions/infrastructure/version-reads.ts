import type { Database } from '../../shared/database/database.js';

/** A table of versions, and how queries read its state. */
export interface VersionTable {
  readonly table: string;
  /** The select list of the state, with the alias `v`. */
  readonly columns: string;
}

/** At most `limit` deletions sealed in blocks up to `throughBlock`, with ids above `after`, by ascending id. */
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
 * Joins to each version `v` the previous one, `p`, with one index probe for its time and one for its row.
 *
 * @param of the column that identifies the customer or mapping
 */
export function withBefore(table: string, of: string): string {
  return `LEFT JOIN ${table} p ON p.${of} = v.${of} AND p.recorded_at = (
    SELECT MAX(b.recorded_at) FROM ${table} b WHERE b.${of} = v.${of} AND b.recorded_at < v.recorded_at)`;
}
