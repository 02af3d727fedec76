import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { BATCH, batches } from '../../shared/database/batches.js';
import { Database, type Snapshot, type SqlValue } from '../../shared/database/database.js';
import { insertInto } from '../../shared/database/insert.js';
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
const insert = insertInto(AUDIT_ENTRIES, Object.values(COLUMN_OF));
const READ_COLUMNS = ['id', 'block', ...FIELDS.map((field) => `${COLUMN_OF[field]} AS ${field}`)].join(', ');
const READ = `SELECT ${READ_COLUMNS} FROM audit_entries`;
const READ_BLOCK = `SELECT number, sealed_at AS sealedAt, digests, version_digests AS versionDigests, hash
  FROM audit_blocks`;

/** Unsealed rows, except forged ones whose ids are too large for a JavaScript number. */
const UNSEALED = `block IS NULL AND id <= ${Number.MAX_SAFE_INTEGER}`;
/** The most ids that one query compares with another table. */
const IDS_PER_COMPARISON = 5000;

/** A row of a sealed table. Other columns differ from table to table. */
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
    const [first] = entries;
    if (first === undefined) return;
    const id = await this.database.insert(
      insert(entries.map((entry) => FIELDS.map((field) => entry[field]))),
    );
    this.database.proveBy('SELECT 1 FROM audit_entries WHERE id = ? AND nonce = ?', [id, first.nonce]);
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
    // Don't lock the last block itself: every waiting transaction would also lock the gap after it. Write row 0, since
    // Galera detects concurrent writes of a row, but keeps locks local to a node.
    await this.database.manager.update(AuditBlockEntity, { number: 0 }, { hash: nonce() });
    return this.head();
  }

  async head(): Promise<Block | undefined> {
    const sql = `${READ_BLOCK} WHERE number > 0 ORDER BY number DESC LIMIT 1`;
    return (await this.database.query<Block>(sql, [])).map(withBuffers)[0];
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
        const blocks: Block[] = (await snapshot.query<Block>(sql, [last])).map(withBuffers);
        for (const some of groups(blocks)) yield* this.sealedIn(snapshot, some);
        const next: number | undefined = blocks.at(-1)?.number;
        last = Number.isSafeInteger(next) ? next : undefined; // a forged number could make this loop endless
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
    // Skip the last block, which may have more entries: never delete a part of a block.
    const partial = found.length < limit ? undefined : found.at(-1)?.block;
    const ids = found.filter((entry) => entry.block !== partial).map(({ id }) => id);
    // Delete by id: a range of blocks would lock the gap where new entries are inserted.
    if (ids.length > 0) await this.database.manager.delete(AuditEntryEntity, ids);
    return ids.length;
  }

  private everyTable(): string[] {
    return [AUDIT_ENTRIES, ...this.tables.all.map(({ name }) => name)];
  }

  /**
   * Writes the number of a block to its rows.
   *
   * @throws Error if a row was removed or sealed meanwhile: its block would never verify
   */
  private async place(table: string, rows: readonly { readonly id: number }[], block: number): Promise<void> {
    if (rows.length === 0) return;
    const ids = rows.map(({ id }) => id).join(', ');
    // Force the primary key: MySQL prefers to scan small tables, and would wait for rows that others are writing.
    const sql = `UPDATE ${table}${this.database.byPrimaryKey} SET block = ${block}
      WHERE id IN (${ids}) AND block IS NULL`;
    const placed = await this.database.manager.queryRunner?.query(sql, [], true);
    if (placed?.affected !== rows.length) throw new Error(`${table} changed while its rows were sealed`);
  }

  /** The remaining entries and versions of consecutive blocks. */
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
      const changed = await this.firstOf(snapshot, table.currentTable, changedSince(table));
      if (changed !== undefined) return { table: table.currentTable, id: changed, isMissing: false };
      const missing = await this.firstOf(snapshot, table.name, missingOf(table));
      if (missing !== undefined) return { table: table.currentTable, id: missing, isMissing: true };
    }
    return undefined;
  }

  /** The first id that `sql` finds. Queries few rows at a time, to let requests run in between. @param sql takes two ids of `table` */
  private async firstOf(snapshot: Snapshot, table: string, sql: string): Promise<number | undefined> {
    for (let through = Number.MIN_SAFE_INTEGER; ;) {
      // Skip gaps, which a forged id can make as wide as it likes.
      const next = `SELECT MIN(id) AS id FROM ${table} WHERE id > ?`;
      const from = (await snapshot.query<{ id: number | null }>(next, [through]))[0]?.id ?? undefined;
      if (from === undefined || !Number.isSafeInteger(from + IDS_PER_COMPARISON)) return from;
      through = from + IDS_PER_COMPARISON - 1;
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

/** Hashes all columns except `block`. Skips null, so that a column added later leaves old digests valid. */
function toSealedVersion(table: string, row: VersionRow): SealedVersion {
  const values = Object.entries(row).filter(([column, value]) => column !== 'block' && value !== null);
  const text = JSON.stringify([table, ...values.sort(([a], [b]) => (a < b ? -1 : 1))]);
  const digest = createHash('sha256').update(text).digest();
  return { table, id: row.id, digest, at: row.recorded_at, hasAuthor: row.by_user !== null };
}

/** Selects, between two ids, a current row that differs from its last version. */
function changedSince({ name, currentTable, reference, columns }: SealedTable): string {
  const same = columns.map(
    (column) => `(v.${column} = p.${column} OR v.${column} IS NULL AND p.${column} IS NULL)`,
  );
  return `SELECT p.id FROM ${currentTable} p WHERE p.id BETWEEN ? AND ? AND (NOT EXISTS (
      SELECT 1 FROM ${name} v WHERE v.${reference} = p.id AND v.recorded_at = p.updated_at AND v.change_made <> 'deleted'
        AND ${same.join(' AND ')})
    OR EXISTS (SELECT 1 FROM ${name} v WHERE v.${reference} = p.id AND v.recorded_at > p.updated_at)) LIMIT 1`;
}

/** Selects, between two ids of versions, the id of a row that is missing though its last version is not a deletion. */
function missingOf({ name, currentTable, reference }: SealedTable): string {
  return `SELECT v.${reference} AS id FROM ${name} v WHERE v.id BETWEEN ? AND ? AND v.change_made <> 'deleted'
    AND NOT EXISTS (SELECT 1 FROM ${currentTable} p WHERE p.id = v.${reference})
    AND NOT EXISTS (SELECT 1 FROM ${name} n WHERE n.${reference} = v.${reference} AND n.recorded_at > v.recorded_at) LIMIT 1`;
}

/** SQLite lets a tamperer put values of any type into a column. */
function withBuffers(block: Block): Block {
  return {
    ...block,
    digests: bytes(block.digests),
    versionDigests: block.versionDigests && bytes(block.versionDigests),
  };
}

function bytes(value: unknown): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(String(value));
}

/** Groups consecutive blocks that have few enough entries to be read together. */
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
