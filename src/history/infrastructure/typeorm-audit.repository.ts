import { Injectable } from '@nestjs/common';
import { Database, type SqlValue } from '../../shared/database/database.js';
import { placeInBlock } from '../../shared/database/place-in-block.js';
import { AuditRepository, type AuditFilter, type Place } from '../application/audit.repository.js';
import { DIGEST_BYTES, type Block } from '../domain/audit-chain.js';
import type { AuditEntry, RecordedEntry } from '../domain/audit-entry.js';
import { AuditBlockEntity, AuditEntryEntity } from './audit.entities.js';

const BATCH = 1000;
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
const READ_BLOCK = 'SELECT number, sealed_at AS sealedAt, digests, hash FROM audit_blocks';

@Injectable()
export class TypeOrmAuditRepository extends AuditRepository {
  constructor(private readonly database: Database) {
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
    const sql = 'SELECT id FROM audit_entries WHERE block IS NULL LIMIT 1';
    return (await this.database.query(sql, [])).length > 0;
  }

  unsealed(limit: number): Promise<RecordedEntry[]> {
    return this.database.query<RecordedEntry>(`${READ} WHERE block IS NULL ORDER BY id LIMIT ?`, [limit]);
  }

  async lockHead(): Promise<Block | undefined> {
    // The last block can't be locked itself: that would lock the place behind it too, for each who waits for it.
    await this.database.query(
      `SELECT number FROM audit_blocks WHERE number = 0${this.database.forUpdate}`,
      [],
    );
    return this.head();
  }

  async head(): Promise<Block | undefined> {
    const sql = `${READ_BLOCK} WHERE number > 0 ORDER BY number DESC LIMIT 1`;
    return (await this.database.query<Block>(sql, []))[0];
  }

  async insertBlock(block: Block, entries: readonly RecordedEntry[]): Promise<void> {
    await this.database.manager.insert(AuditBlockEntity, block);
    const ids = entries.map(({ id }) => id);
    await placeInBlock(this.database, 'audit_entries', ids, block.number);
  }

  page(filter: AuditFilter, before: Place | undefined, limit: number): Promise<RecordedEntry[]> {
    return this.read(this.database, filter, before, limit);
  }

  async *all(
    filter: AuditFilter,
    before: Place | undefined,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<RecordedEntry[]> {
    const snapshot = await this.database.snapshot();
    try {
      const { from, where, parameters } = this.select(filter, before);
      const count = `SELECT COUNT(*) AS count FROM ${from} WHERE ${where}`;
      await announce((await snapshot.query<{ count: number }>(count, parameters))[0]?.count ?? 0);
      for (let last = before, isOver = false; !isOver;) {
        const batch = await this.read(snapshot, filter, last, BATCH);
        if (batch.length > 0) yield batch;
        isOver = batch.length < BATCH;
        last = batch.at(-1);
      }
    } finally {
      await snapshot.close();
    }
  }

  async *chain(): AsyncGenerator<{ block: Block; entries: RecordedEntry[] }, number> {
    const snapshot = await this.database.snapshot();
    try {
      for (let last: number | undefined = 0; last !== undefined;) {
        const sql = `${READ_BLOCK} WHERE number > ? ORDER BY number LIMIT 100`;
        const blocks: Block[] = await snapshot.query<Block>(sql, [last]);
        for (const some of groups(blocks)) {
          const entries = await snapshot.query<RecordedEntry>(
            `${READ} WHERE block BETWEEN ? AND ? ORDER BY block, id`,
            [some[0].number, some.at(-1)?.number ?? 0],
          );
          const byBlock = new Map<number, RecordedEntry[]>(some.map(({ number }) => [number, []]));
          for (const entry of entries) byBlock.get(entry.block ?? 0)?.push(entry);
          for (const block of some) yield { block, entries: byBlock.get(block.number) ?? [] };
        }
        last = blocks.at(-1)?.number;
      }
      const [{ block } = { block: 0 }] = await snapshot.query<{ block: number | null }>(
        'SELECT MAX(block) AS block FROM audit_entries',
        [],
      );
      return block ?? 0;
    } finally {
      await snapshot.close();
    }
  }

  async lastBlockBefore(at: number): Promise<number> {
    const sql =
      'SELECT number FROM audit_blocks WHERE sealed_at < ? ORDER BY sealed_at DESC, number DESC LIMIT 1';
    return (await this.database.query<{ number: number }>(sql, [at]))[0]?.number ?? 0;
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

  private read(
    database: Pick<Database, 'query'>,
    filter: AuditFilter,
    before: Place | undefined,
    limit: number,
  ): Promise<RecordedEntry[]> {
    const { from, where, parameters } = this.select(filter, before);
    const sql = `SELECT ${READ_COLUMNS} FROM ${from} WHERE ${where} ORDER BY at DESC, id DESC LIMIT ?`;
    return database.query<RecordedEntry>(sql, [...parameters, limit]);
  }

  private select(
    filter: AuditFilter,
    before: Place | undefined,
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

/** Blocks one after the other that have few enough entries to be read together. */
function* groups(blocks: readonly Block[]): Generator<[Block, ...Block[]]> {
  let [group, entries]: [Block[], number] = [[], 0];
  for (const block of blocks) {
    const more = block.digests.length / DIGEST_BYTES;
    if (group.length > 0 && entries + more > BATCH) {
      yield group as [Block, ...Block[]];
      [group, entries] = [[], 0];
    }
    group.push(block);
    entries += more;
  }
  if (group.length > 0) yield group as [Block, ...Block[]];
}
