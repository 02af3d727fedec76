import type { ChangeMade } from '../version.js';
import type { Database } from './database.js';

/** A table of versions, the alias that `columns` go by, and what is read of it besides. */
interface Versions {
  readonly table: 'customer_versions' | 'ip_mapping_versions';
  readonly alias: string;
  readonly columns: string;
}

/** A place in the change feed: the block that a version is sealed in, and its id. */
interface Place {
  readonly block: number;
  readonly id: number;
}

type InFeed<Row> = Row & { block: number; version: number; changeMade: ChangeMade };

/** The versions behind a place, in the order of the feed, and none in a block behind `through`. */
export function readFeed<Row>(
  database: Database,
  { table, alias, columns }: Versions,
  context: number,
  after: Place,
  through: number,
  limit: number,
): Promise<InFeed<Row>[]> {
  const read = `SELECT ${alias}.block, ${alias}.id AS version, ${alias}.change_made AS changeMade, ${columns}
    FROM ${table} ${alias}${database.useIndex(`${table}_feed`)} WHERE ${alias}.context_id = ?`;
  // The rest of a block, and what comes after it: in one condition, the block would be read from its beginning.
  return database.query<InFeed<Row>>(
    `SELECT * FROM (${read} AND ${alias}.block = ? AND ${alias}.id > ? ORDER BY ${alias}.id LIMIT ?) AS rest
     UNION ALL
     SELECT * FROM (${read} AND ${alias}.block > ? AND ${alias}.block <= ?
       ORDER BY ${alias}.block, ${alias}.id LIMIT ?) AS later
     ORDER BY block, version LIMIT ?`,
    [context, after.block, after.id, limit, context, after.block, through, limit, limit],
  );
}

/** The last block that a version is sealed in, of whatever context; 0 = none is. */
export async function lastBlockOf(database: Database, table: Versions['table']): Promise<number> {
  const sql = `SELECT MAX(block) AS block FROM ${table}`;
  return (await database.query<{ block: number | null }>(sql, []))[0]?.block ?? 0;
}

/** At most `limit` deletions sealed in a block up to `throughBlock`, with an id above `after`, by ascending id. */
export function readDeletions<Row>(
  database: Database,
  { table, alias, columns }: Versions,
  throughBlock: number,
  after: number,
  limit: number,
): Promise<(Row & { version: number })[]> {
  const sql = `SELECT ${alias}.id AS version, ${columns} FROM ${table} ${alias}
    WHERE ${alias}.id > ? AND ${alias}.change_made = 'deleted' AND ${alias}.block <= ? ORDER BY ${alias}.id LIMIT ?`;
  return database.query(sql, [after, throughBlock, limit]);
}

/** Joins to each version `v` the one that it took the place of, `p`: a probe for its time, and one for it. */
export function withBefore(table: Versions['table'], id: 'customer_id' | 'mapping_id'): string {
  return `LEFT JOIN ${table} p ON p.${id} = v.${id} AND p.recorded_at = (
    SELECT MAX(b.recorded_at) FROM ${table} b WHERE b.${id} = v.${id} AND b.recorded_at < v.recorded_at)`;
}
