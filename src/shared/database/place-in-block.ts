import type { Database } from './database.js';

const BATCH = 1000;

/** Notes in rows of `table` the block of the audit trail that they belong to. */
export async function placeInBlock(
  database: Database,
  table: string,
  ids: readonly number[],
  block: number,
): Promise<void> {
  for (let start = 0; start < ids.length; start += BATCH) {
    const batch = ids.slice(start, start + BATCH).join(', ');
    // A scan, which MySQL prefers on small tables, would wait for rows that others are writing.
    await database.manager.query(
      `UPDATE ${table}${database.byPrimaryKey} SET block = ${block} WHERE id IN (${batch})`,
    );
  }
}
