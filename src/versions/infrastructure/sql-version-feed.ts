import type { ContextId } from '../../identity/domain/principal.js';
import type { Database } from '../../shared/database/database.js';
import { VersionFeed } from '../application/version-feed.js';
import type { ChangeMade, FeedPlace, SealedChange } from '../domain/version.js';
import type { VersionTable } from './version-reads.js';

type FeedRow<Row> = Row & { block: number; version: number; changeMade: ChangeMade };

/** Reads the feed of one table of versions. The table needs the index `<table>_feed` on context and block. */
export class SqlVersionFeed<Row extends object, State> implements VersionFeed<State> {
  constructor(
    private readonly database: Database,
    private readonly versions: VersionTable,
    private readonly toState: (row: Row) => State,
  ) {}

  async changes(
    context: ContextId,
    after: FeedPlace,
    through: number,
    limit: number,
  ): Promise<SealedChange<State>[]> {
    const { table, columns } = this.versions;
    const read = `SELECT v.block, v.id AS version, v.change_made AS changeMade, ${columns}
      FROM ${table} v${this.database.useIndex(`${table}_feed`)} WHERE v.context_id = ?`;
    // Read the rest of the block apart from later blocks: with one condition, MySQL reads the block from its beginning.
    const rows = await this.database.query<FeedRow<Row>>(
      `SELECT * FROM (${read} AND v.block = ? AND v.id > ? ORDER BY v.id LIMIT ?) AS rest
       UNION ALL
       SELECT * FROM (${read} AND v.block > ? AND v.block <= ? ORDER BY v.block, v.id LIMIT ?) AS later
       ORDER BY block, version LIMIT ?`,
      [context, after.block, after.id, limit, context, after.block, through, limit, limit],
    );
    return rows.map(({ block, version: id, changeMade: change, ...row }) => ({
      block,
      id,
      change,
      state: this.toState(row as unknown as Row),
    }));
  }

  async lastBlock(): Promise<number> {
    const sql = `SELECT MAX(block) AS block FROM ${this.versions.table}`;
    return (await this.database.query<{ block: number | null }>(sql, []))[0]?.block ?? 0;
  }
}
