import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { BATCH, batches } from '../../shared/database/batches.js';
import { Database, type Snapshot, type SqlValue } from '../../shared/database/database.js';
import { nonce } from '../../shared/nonce.js';
import { AuditRepository } from '../application/audit.repository.js';
import {
  DIGEST_BYTES,
  type Block,
  type Differing,
  type Remainder,
  type SealedBlock,
  type SealedVersion,
  type Stray,
  type Unsealed,
} from '../domain/audit-chain.js';
import type { AuditEntry, AuditFilter, EntryPlace, RecordedEntry } from '../domain/audit-entry.js';
import { AuditBlockEntity, AuditEntryEntity } from './audit.entities.js';
import { SealedTables, type SealedTable } from './sealed-tables.js';

const AUDIT_ENTRIES = 'audit_entries';
const COLUMN_OF = {
  at: 'at',
  action: 'action',
  userName: 'user_name',
  tokenId: 'token_id',
  tokenLabel: 'token_label',
  address: 'address',
  contextName: 'context_name',
  userId: 'user_id',
  details: 'details',
  nonce: 'nonce',
} as const satisfies Record<keyof AuditEntry, string>;

const FIELDS = Object.keys(COLUMN_OF) as (keyof AuditEntry)[];
const COLUMNS = FIELDS.map((field) => COLUMN_OF[field]).join(', ');
const INSERT = `INSERT INTO audit_entries (${COLUMNS}) VALUES `;
const ROW = `(${FIELDS.map(() => '?').join(', ')})`;
const READ_COLUMNS = ['id', 'block', ...FIELDS.map((field) => `${COLUMN_OF[field]} AS ${field}`)].join(', ');
const READ = `SELECT ${READ_COLUMNS} FROM audit_entries`;
const READ_BLOCK = `SELECT number, sealed_at AS sealedAt, digests, version_digests AS versionDigests, hash
  FROM audit_blocks`;

/** What waits for a block, but for what was put there with an id that JavaScript can't tell from others. */
const UNSEALED = `block IS NULL AND id <= ${Number.MAX_SAFE_INTEGER}`;
/** Rows of a table that are compared with another at once. */
const COMPARED = 5000;

/** A row of one of the sealed tables, whatever columns that has besides. */
interface VersionRow extends Readonly<Record<string, unknown>> {
  readonly id: number;
  readonly block: number | null;
  readonly recorded_at: number;
  readonly by_user: string | null;
}

@Injectable()
export class TypeOrmAuditRepository extends AuditRepository {
  constructor(
    private readonly database: Database,
    private readonly tables: SealedTables,
  ) {
    super();
  }

  async insert(entries: readonly AuditEntry[]): Promise<void> {
    const id = await this.database.write(
      INSERT + entries.map(() => ROW).join(', '),
      entries.flatMap((entry) => FIELDS.map((field) => entry[field])),
    );
    const [{ nonce } = { nonce: '' }] = entries; // of several ids, MySQL tells the first
    this.database.proveBy('SELECT 1 FROM audit_entries WHERE id = ? AND nonce = ?', [id, nonce]);
  }

  async hasUnsealed(): Promise<boolean> {
    const probes = this.everyTable().map(
      (table) => `EXISTS (SELECT 1 FROM ${table} WHERE block IS NULL) AS ${table}`,
    );
    const [found = {}] = await this.database.query<Record<string, number>>(`SELECT ${probes.join(', ')}`, []);
    return Object.values(found).includes(1);
  }

  unsealed(limit: number): Promise<RecordedEntry[]> {
    return this.database.query<RecordedEntry>(`${READ} WHERE ${UNSEALED} ORDER BY id LIMIT ?`, [limit]);
  }

  async unsealedVersions(limit: number): Promise<SealedVersion[]> {
    const found: SealedVersion[] = [];
    for (const { name } of this.tables.all) {
      const sql = `SELECT * FROM ${name} WHERE ${UNSEALED} ORDER BY id LIMIT ?`;
      const rows = await this.database.query<VersionRow>(sql, [limit - found.length]);
      found.push(...rows.map((row) => toSealedVersion(name, row)));
    }
    return found;
  }

  async lockHead(): Promise<Block | undefined> {
    // The last block can't be locked itself: that would lock the place behind it too, for each who waits for it.
    // Row 0 is written, as a lock is a node's own on Galera: there, two who write it are in each other's way.
    await this.database.manager.update(AuditBlockEntity, { number: 0 }, { hash: nonce() });
    return this.head();
  }

  async head(): Promise<Block | undefined> {
    const sql = `${READ_BLOCK} WHERE number > 0 ORDER BY number DESC LIMIT 1`;
    return (await this.database.query<Block>(sql, [])).map(asItIs)[0];
  }

  async insertBlock({ block, entries, versions }: SealedBlock): Promise<void> {
    await this.database.manager.insert(AuditBlockEntity, block);
    await this.place(AUDIT_ENTRIES, entries, block.number);
    for (const { name } of this.tables.all) {
      await this.place(
        name,
        versions.filter(({ table }) => table === name),
        block.number,
      );
    }
  }

  page(filter: AuditFilter, before: EntryPlace | undefined, limit: number): Promise<RecordedEntry[]> {
    return this.read(this.database, filter, before, limit);
  }

  async *all(
    filter: AuditFilter,
    before: EntryPlace | undefined,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<RecordedEntry[]> {
    const snapshot = await this.database.snapshot();
    try {
      const { from, where, parameters } = this.select(filter, before);
      const count = `SELECT COUNT(*) AS count FROM ${from} WHERE ${where}`;
      await announce((await snapshot.query<{ count: number }>(count, parameters))[0]?.count ?? 0);
      yield* batches((last?: EntryPlace) => this.read(snapshot, filter, last ?? before, BATCH));
    } finally {
      await snapshot.close();
    }
  }

  async *chain(): AsyncGenerator<SealedBlock, Remainder> {
    const snapshot = await this.database.snapshot();
    try {
      for (let last: number | undefined = 0; last !== undefined;) {
        const sql = `${READ_BLOCK} WHERE number > ? ORDER BY number LIMIT 100`;
        const blocks: Block[] = (await snapshot.query<Block>(sql, [last])).map(asItIs);
        for (const some of groups(blocks)) yield* this.sealedIn(snapshot, some);
        const next: number | undefined = blocks.at(-1)?.number;
        last = Number.isSafeInteger(next) ? next : undefined; // one that was forged might be read again and again
      }
      return {
        stray: await this.stray(snapshot),
        differing: await this.differing(snapshot),
        unsealed: await this.waiting(snapshot),
      };
    } finally {
      await snapshot.close();
    }
  }

  async deleteThrough(block: number, limit: number): Promise<number> {
    const found = await this.database.query<{ id: number; block: number }>(
      'SELECT id, block FROM audit_entries WHERE block <= ? ORDER BY block, id LIMIT ?',
      [block, limit],
    );
    // The last one may have more entries: a block must not be half gone.
    const partial = found.length < limit ? undefined : found.at(-1)?.block;
    const ids = found.filter((entry) => entry.block !== partial).map(({ id }) => id);
    // By id: a range of blocks would lock the place where new entries are added.
    if (ids.length > 0) await this.database.manager.delete(AuditEntryEntity, ids);
    return ids.length;
  }

  private everyTable(): string[] {
    return [AUDIT_ENTRIES, ...this.tables.all.map(({ name }) => name)];
  }

  /**
   * Puts rows into a block, which is to be the one place of each: a row that was removed or sealed since it was read
   * would leave a block that never verifies.
   */
  private async place(table: string, rows: readonly { readonly id: number }[], block: number): Promise<void> {
    if (rows.length === 0) return;
    const ids = rows.map(({ id }) => id).join(', ');
    // A scan, which MySQL prefers on small tables, would wait for rows that others are writing.
    const sql = `UPDATE ${table}${this.database.byPrimaryKey} SET block = ${block}
      WHERE id IN (${ids}) AND block IS NULL`;
    const placed = await this.database.manager.queryRunner?.query(sql, [], true);
    if (placed?.affected !== rows.length) throw new Error(`${table} changed while its rows were sealed`);
  }

  /** What is left of some blocks that follow each other. */
  private async *sealedIn(snapshot: Snapshot, blocks: [Block, ...Block[]]): AsyncGenerator<SealedBlock> {
    const range = [blocks[0].number, blocks.at(-1)?.number ?? 0];
    const within = 'WHERE block BETWEEN ? AND ? ORDER BY block, id';
    const entries = byBlock(await snapshot.query<RecordedEntry>(`${READ} ${within}`, range));
    const versions = new Map<number, SealedVersion[]>();
    for (const { name } of this.tables.all) {
      const rows = byBlock(await snapshot.query<VersionRow>(`SELECT * FROM ${name} ${within}`, range));
      for (const [block, some] of rows) {
        const sealed = some.map((row) => toSealedVersion(name, row));
        versions.set(block, [...(versions.get(block) ?? []), ...sealed]);
      }
    }
    for (const block of blocks) {
      const { number } = block;
      yield { block, entries: entries.get(number) ?? [], versions: versions.get(number) ?? [] };
    }
  }

  private async stray(snapshot: Snapshot): Promise<Stray | undefined> {
    const found = this.everyTable().map(
      (table) => `
        SELECT * FROM (SELECT '${table}' AS origin, id, block FROM ${table} WHERE block IS NOT NULL AND NOT EXISTS
          (SELECT 1 FROM audit_blocks b WHERE b.number = ${table}.block AND b.number > 0)
          ORDER BY block DESC LIMIT 1) AS ${table}_stray`,
    );
    const sql = `${found.join(' UNION ALL ')} ORDER BY block DESC LIMIT 1`;
    const [row] = await snapshot.query<{ origin: string; id: number; block: number }>(sql, []);
    return row && { table: row.origin, id: row.id, block: row.block };
  }

  private async differing(snapshot: Snapshot): Promise<Differing | undefined> {
    for (const table of this.tables.all) {
      const changed = await this.firstOf(snapshot, table.present, changedSince(table));
      if (changed !== undefined) return { table: table.present, id: changed, isMissing: false };
      const missing = await this.firstOf(snapshot, table.name, missingOf(table));
      if (missing !== undefined) return { table: table.present, id: missing, isMissing: true };
    }
    return undefined;
  }

  /** Asks for some rows at a time: others have their turn in between. @param sql takes two ids of the table */
  private async firstOf(snapshot: Snapshot, table: string, sql: string): Promise<number | undefined> {
    for (let through = Number.MIN_SAFE_INTEGER; ;) {
      // Over gaps, which may be as wide as whoever put a row there likes.
      const next = `SELECT MIN(id) AS id FROM ${table} WHERE id > ?`;
      const from = (await snapshot.query<{ id: number | null }>(next, [through]))[0]?.id ?? undefined;
      if (from === undefined || !Number.isSafeInteger(from + COMPARED)) return from;
      through = from + COMPARED - 1;
      const [row] = await snapshot.query<{ id: number }>(sql, [from, through]);
      if (row !== undefined) return row.id;
    }
  }

  private async waiting(snapshot: Snapshot): Promise<Unsealed> {
    const unsealed: { rows: number; since: number | undefined } = { rows: 0, since: undefined };
    for (const table of this.everyTable()) {
      const at = table === AUDIT_ENTRIES ? 'at' : 'recorded_at';
      const sql = `SELECT COUNT(*) AS count, MIN(${at}) AS since FROM ${table} WHERE block IS NULL`;
      const [row] = await snapshot.query<{ count: number; since: number | null }>(sql, []);
      if (row === undefined || row.since === null) continue;
      unsealed.rows += row.count;
      unsealed.since = Math.min(row.since, unsealed.since ?? row.since);
    }
    return unsealed;
  }

  private read(
    database: Pick<Database, 'query'>,
    filter: AuditFilter,
    before: EntryPlace | undefined,
    limit: number,
  ): Promise<RecordedEntry[]> {
    const { from, where, parameters } = this.select(filter, before);
    const sql = `SELECT ${READ_COLUMNS} FROM ${from} WHERE ${where} ORDER BY at DESC, id DESC LIMIT ?`;
    return database.query<RecordedEntry>(sql, [...parameters, limit]);
  }

  private select(
    filter: AuditFilter,
    before: EntryPlace | undefined,
  ): { from: string; where: string; parameters: SqlValue[] } {
    const conditions = [
      ['user_id = ?', filter.userId],
      ['user_name = ?', filter.userName],
      ['context_name = ?', filter.contextName],
      ['action = ?', filter.action],
      ['at >= ?', filter.from],
      ['at < ?', filter.to],
      ['at <= ?', before?.at],
      ['(at < ? OR id < ?)', before?.at, before?.id],
    ] as const;
    const given = conditions.filter(([, value]) => value !== undefined);
    const index = filter.userId === undefined ? 'audit_entries_at' : 'audit_entries_user_id';
    return {
      from: `audit_entries${this.database.useIndex(index)}`,
      where: given.map(([sql]) => sql).join(' AND ') || 'TRUE',
      parameters: given.flatMap(([, ...values]) => values as SqlValue[]),
    };
  }
}

function byBlock<Row extends { readonly block: number | null }>(rows: readonly Row[]): Map<number, Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.block ?? 0);
    if (group === undefined) groups.set(row.block ?? 0, [row]);
    else group.push(row);
  }
  return groups;
}

/** All that the row holds is sealed, but for its place. A column that is added later changes nothing where it is null. */
function toSealedVersion(table: string, row: VersionRow): SealedVersion {
  const values = Object.entries(row).filter(([column, value]) => column !== 'block' && value !== null);
  const text = JSON.stringify([table, ...values.sort(([a], [b]) => (a < b ? -1 : 1))]);
  const digest = createHash('sha256').update(text).digest();
  return { table, id: row.id, digest, at: row.recorded_at, hasAuthor: row.by_user !== null };
}

/** Of the rows between two ids, one that is there and is not what its last version says. */
function changedSince({ name, present, of, columns }: SealedTable): string {
  const same = columns.map(
    (column) => `(v.${column} = p.${column} OR v.${column} IS NULL AND p.${column} IS NULL)`,
  );
  return `SELECT p.id FROM ${present} p WHERE p.id BETWEEN ? AND ? AND (NOT EXISTS (
      SELECT 1 FROM ${name} v WHERE v.${of} = p.id AND v.recorded_at = p.updated_at AND v.change_made <> 'deleted'
        AND ${same.join(' AND ')})
    OR EXISTS (SELECT 1 FROM ${name} v WHERE v.${of} = p.id AND v.recorded_at > p.updated_at)) LIMIT 1`;
}

/** Of the versions between two ids, what one is of that should be there and is not. */
function missingOf({ name, present, of }: SealedTable): string {
  return `SELECT v.${of} AS id FROM ${name} v WHERE v.id BETWEEN ? AND ? AND v.change_made <> 'deleted'
    AND NOT EXISTS (SELECT 1 FROM ${present} p WHERE p.id = v.${of})
    AND NOT EXISTS (SELECT 1 FROM ${name} n WHERE n.${of} = v.${of} AND n.recorded_at > v.recorded_at) LIMIT 1`;
}

/** Whoever tampers with SQLite can put anything into a column. */
function asItIs(block: Block): Block {
  return {
    ...block,
    digests: bytes(block.digests),
    versionDigests: block.versionDigests && bytes(block.versionDigests),
  };
}

function bytes(value: unknown): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(String(value));
}

/** Blocks one after the other that have few enough entries to be read together. */
function* groups(blocks: readonly Block[]): Generator<[Block, ...Block[]]> {
  let [group, entries]: [Block[], number] = [[], 0];
  for (const block of blocks) {
    const more = (block.digests.length + (block.versionDigests?.length ?? 0)) / DIGEST_BYTES;
    if (group.length > 0 && entries + more > BATCH) {
      yield group as [Block, ...Block[]];
      [group, entries] = [[], 0];
    }
    group.push(block);
    entries += more;
  }
  if (group.length > 0) yield group as [Block, ...Block[]];
}
