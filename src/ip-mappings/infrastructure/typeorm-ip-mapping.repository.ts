import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import type { ContextId, Principal } from '../../access/application/principal.js';
import type { GoneCustomer } from '../../customers/application/customer-version.repository.js';
import { BATCH, batches, parts, wholeList } from '../../shared/database/batches.js';
import { Database, type SqlValue } from '../../shared/database/database.js';
import { unlessTaken } from '../../shared/database/driver-errors.js';
import { insertInto } from '../../shared/database/insert-into.js';
import {
  RECORD_COLUMNS,
  recordedColumns,
  toRecord,
  toVersion,
  type VersionAndBefore,
} from '../../shared/database/version-columns.js';
import { lastBlockOf, readDeletions, readFeed, withBefore } from '../../shared/database/version-reads.js';
import type { ChangeMade, RecordedVersion } from '../../shared/version.js';
import {
  IpMappingRepository,
  MAX_AHEAD_MS,
  type ListedMapping,
  type MappingChangePlace,
  type Moment,
  type RecordedMapping,
  type RecordedMappingChange,
} from '../application/ip-mapping.repository.js';
import type { IpMappingDetails } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';
import {
  endOf,
  IpMappingEntity,
  IpMappingVersionEntity,
  pastColumns,
  presentColumns,
  ROW_NAMES,
  toMapping,
  toOrOpen,
  toValues,
  WRITTEN_COLUMNS,
  type MappingRow,
} from './ip-mapping.entity.js';

/** The place of the last mapping that a first address may have, as the index has it. */
const BEHIND_ALL = [Buffer.alloc(16, 0xff), ...Array<number>(3).fill(Number.MAX_SAFE_INTEGER)];
const PRESENT = presentColumns('m');
const THEN = pastColumns('m');
const VERSIONS = { table: 'ip_mapping_versions', alias: 'm' } as const;
const FEED = { ...VERSIONS, columns: THEN };
const GONE = { ...VERSIONS, columns: 'm.mapping_id AS id' };
const GUARD = insertInto('ip_mapping_guards', ['context_id', 'changed_at']);
const INSERT = insertInto('ip_mappings', ['context_id', ...WRITTEN_COLUMNS, 'updated_at']);
const INSERT_VERSION = insertInto('ip_mapping_versions', [
  ...['context_id', 'mapping_id', ...WRITTEN_COLUMNS, ...RECORD_COLUMNS],
]);
const UPDATE = `UPDATE ip_mappings
  SET ${[...WRITTEN_COLUMNS, 'updated_at'].map((column) => `${column} = ?`).join(', ')}
  WHERE context_id = ? AND id = ?`;

/** How many moments are asked for together, at most. */
const MOMENTS = 256;

/** Where something that holds one of the addresses may begin, and what of it is asked for: `START_COLUMNS`. */
interface Start {
  /** Unix seconds, both inclusive. */
  earliest: number;
  latest: number;
  /** What was found, by its last address: of one network, there may be thousands. */
  readonly found: Map<string, RecordedMapping[]>;
}

const START_COLUMNS = { start: 'hex', earliest: 'integer', latest: 'integer' } as const;
/** An index probe for each start. */
const HELD = `m.context_id = ? AND m.first_address = q.start AND m.last_address >= ?
  AND m.valid_from <= q.latest AND m.valid_to > q.earliest`;

/** What holds a range of addresses, as far as its first address is one of some: an index probe for each. */
function startingAt(starts: readonly Buffer[]): string {
  return `m.context_id = ? AND m.first_address IN (${starts.map(() => '?').join(', ')}) AND m.last_address >= ?`;
}

const OVERLAPPING_IN_TIME = 'm.valid_from < ? AND m.valid_to > ?';

/** The page is made of the index alone; then the versions are read that are in it, and no others. */
const history = ({ jsonTable, thenJoin, useIndex, byPrimaryKey }: Database, isOfOne: boolean): string => `
  SELECT ${recordedColumns('v')}, ${pastColumns('v')}, ${pastColumns('p', 'before_')}
  FROM (SELECT m.id FROM ${jsonTable({ customer_id: 'integer' })} q
        ${thenJoin} ip_mapping_versions m${useIndex('ip_mapping_versions_customer')}
          ON m.context_id = ? AND m.customer_id = q.customer_id${isOfOne ? ' AND m.mapping_id = ?' : ''}
        WHERE m.id < ? ORDER BY m.id DESC LIMIT ?) page
  ${thenJoin} ip_mapping_versions v${byPrimaryKey} ON v.id = page.id
  ${withBefore('ip_mapping_versions', 'mapping_id')}
  ORDER BY v.id DESC`;

@Injectable()
export class TypeOrmIpMappingRepository extends IpMappingRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async guard(context: ContextId, now: number): Promise<number> {
    const set = `${this.database.orUpdate('context_id')} changed_at =
      CASE WHEN changed_at >= ? AND changed_at < ? THEN changed_at + 1 ELSE ? END`;
    await this.database.write(`${GUARD}${set}`, [context, now, now, now + MAX_AHEAD_MS, now]);
    const sql = 'SELECT changed_at AS changedAt FROM ip_mapping_guards WHERE context_id = ?';
    const [row] = await this.database.query<{ changedAt: number }>(sql, [context]);
    return row?.changedAt ?? now;
  }

  find(context: ContextId, customerId: number, id: number): Promise<RecordedMapping | undefined> {
    return this.one(context, customerId, id, '');
  }

  lock(context: ContextId, customerId: number, id: number): Promise<RecordedMapping | undefined> {
    return this.one(context, customerId, id, this.database.forUpdate);
  }

  async ofCustomer(context: ContextId, customerId: number): Promise<RecordedMapping[]> {
    const sql = `SELECT ${PRESENT} FROM ip_mappings m
      WHERE m.context_id = ? AND m.customer_id = ? ORDER BY m.id${this.database.forUpdate}`;
    return (await this.database.query<MappingRow>(sql, [context, customerId])).map(toMapping);
  }

  async conflicting(
    context: ContextId,
    { customerId, network, validity }: Pick<IpMappingDetails, 'customerId' | 'network' | 'validity'>,
  ): Promise<RecordedMapping | undefined> {
    const starts = network.coveringStarts();
    const around = [startingAt(starts), [context, ...starts, network.first]] as const;
    const inside = [
      'm.context_id = ? AND m.first_address > ? AND m.first_address <= ?',
      [context, network.first, network.last],
    ] as const;
    const isSingle = network.first.equals(network.last); // nothing is inside
    for (const [where, parameters] of isSingle ? [around] : [around, inside]) {
      const sql = `SELECT ${PRESENT} FROM ip_mappings m${this.database.useIndex('ip_mappings_network')}
        WHERE ${where} AND ${OVERLAPPING_IN_TIME} AND m.customer_id <> ? LIMIT 1${this.database.forUpdate}`;
      const [found] = await this.database.query<MappingRow>(sql, [
        ...parameters,
        endOf(validity),
        validity.from,
        customerId,
      ]);
      if (found !== undefined) return toMapping(found);
    }
    return undefined;
  }

  async insert(context: ContextId, mapping: Omit<RecordedMapping, 'id'>): Promise<number | undefined> {
    return unlessTaken(() => this.database.write(INSERT, [context, ...toValues(mapping), mapping.updatedAt]));
  }

  async update(context: ContextId, mapping: RecordedMapping): Promise<boolean> {
    const parameters = [...toValues(mapping), mapping.updatedAt, context, mapping.id];
    return (await unlessTaken(() => this.database.write(UPDATE, parameters))) !== undefined;
  }

  async delete(context: ContextId, id: number): Promise<void> {
    await this.database.manager.delete(IpMappingEntity, { contextId: context, id });
  }

  async insertVersion(by: Principal, change: ChangeMade, mapping: RecordedMapping): Promise<void> {
    const { id, updatedAt } = mapping;
    await this.database.write(INSERT_VERSION, [
      ...[by.context, id, ...toValues(mapping), ...toRecord(by, change, updatedAt)],
    ]);
  }

  page(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    limit: number,
  ): Promise<ListedMapping[]> {
    return this.list(this.database, context, customerId, after, limit);
  }

  all(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<ListedMapping[]> {
    const { where, parameters } = listed(context, customerId, after);
    const sql = `SELECT COUNT(*) AS count FROM ip_mappings m WHERE ${where}`;
    return wholeList<ListedMapping>(
      this.database,
      announce,
      async (from) => (await from.query<{ count: number }>(sql, parameters))[0]?.count ?? 0,
      (from, last) => this.list(from, context, customerId, last?.id ?? after, BATCH),
    );
  }

  async holding(
    context: ContextId,
    moments: readonly Moment[],
    recordedAt?: number,
  ): Promise<RecordedMapping[][]> {
    if (moments.length === 0) return [];
    if (moments.length <= MOMENTS) return this.holdingSome(this.database, context, moments, recordedAt);
    const found: RecordedMapping[][] = [];
    // Neighbours together: what they have in common is read once, and no more of its past than they ask for.
    const inOrder = [...moments.entries()].sort(
      ([, a], [, b]) => a.address.bytes.compare(b.address.bytes) || a.second - b.second,
    );
    const snapshot = await this.database.snapshot();
    try {
      for (let start = 0; start < inOrder.length; start += MOMENTS) {
        const some = inOrder.slice(start, start + MOMENTS);
        const asked = some.map(([, moment]) => moment);
        const answers = await this.holdingSome(snapshot, context, asked, recordedAt);
        for (const [n, [place]] of some.entries()) found[place] = answers[n] ?? [];
      }
    } finally {
      await snapshot.close();
    }
    return found;
  }

  /** Reads what begins where something that holds one of the addresses may begin, and sorts it out. */
  private async holdingSome(
    from: Pick<Database, 'query'>,
    context: ContextId,
    moments: readonly Moment[],
    recordedAt: number | undefined,
  ): Promise<RecordedMapping[][]> {
    const starts = new Map<string, Start>();
    const startsOf = moments.map(({ address, second }) =>
      address.coveringStarts().map((bytes) => {
        const key = keyOf(bytes);
        let start = starts.get(key);
        if (start === undefined)
          starts.set(key, (start = { earliest: second, latest: second, found: new Map() }));
        start.earliest = Math.min(start.earliest, second);
        start.latest = Math.max(start.latest, second);
        return start;
      }),
    );
    const asked = [...starts].map(([key, { earliest, latest }]) => [key, earliest, latest]);
    const lowest = moments.map(({ address }) => address.bytes).reduce(lower);
    const sql = recordedAt === undefined ? this.present(HELD, this.asked) : this.past(HELD, this.asked);
    const known = recordedAt === undefined ? [] : [recordedAt, recordedAt];
    const rows = await from.query<MappingRow>(sql, [JSON.stringify(asked), context, lowest, ...known]);
    for (const mapping of rows.map(toMapping)) {
      const { first, last } = mapping.network;
      const found = starts.get(keyOf(first))?.found;
      const same = found?.get(keyOf(last));
      if (same === undefined) found?.set(keyOf(last), [mapping]);
      else same.push(mapping);
    }
    return moments.map(({ address, second }, n) =>
      (startsOf[n] ?? [])
        .flatMap(({ found }) => [...found.values()])
        .filter(([one]) => one?.network.holds(address))
        .flatMap((same) => same.filter(({ validity }) => validity.holds(second))),
    );
  }

  async historyOf(context: ContextId, address: IpAddress, period: Validity): Promise<RecordedMapping[]> {
    const starts = address.coveringStarts();
    const sql = `${this.present(`${startingAt(starts)} AND ${OVERLAPPING_IN_TIME}`)} ORDER BY m.valid_from, m.id`;
    const parameters = [context, ...starts, address.bytes, endOf(period), period.from];
    return (await this.database.query<MappingRow>(sql, parameters)).map(toMapping);
  }

  async *within(context: ContextId, network: IpNetwork, period: Validity): AsyncGenerator<RecordedMapping[]> {
    const snapshot = await this.database.snapshot();
    try {
      const starts = network.coveringStarts();
      const time = [endOf(period), period.from];
      const around = this.present(`${startingAt(starts)} AND ${OVERLAPPING_IN_TIME}`);
      const wider = await snapshot.query<MappingRow>(`${around} ORDER BY m.first_address`, [
        ...[context, ...starts, network.first, ...time],
      ]);
      if (wider.length > 0) yield wider.map(toMapping);
      const inside = `${this.present(`m.context_id = ? AND m.first_address >= ? AND m.first_address <= ?
        AND (m.first_address > ? OR (m.last_address, m.valid_from, m.valid_to, m.customer_id) > (?, ?, ?, ?))
        AND ${OVERLAPPING_IN_TIME}`)}
        ORDER BY m.first_address, m.last_address, m.valid_from, m.valid_to, m.customer_id LIMIT ?`;
      yield* batches<RecordedMapping>(async (last) => {
        const start = last?.network.first ?? network.first;
        const place = last === undefined ? BEHIND_ALL : placeOf(last);
        const parameters = [context, start, network.last, start, ...place, ...time, BATCH];
        return (await snapshot.query<MappingRow>(inside, parameters)).map(toMapping);
      });
    } finally {
      await snapshot.close();
    }
  }

  async holdersAmong(
    context: ContextId,
    first: number,
    last: number,
    period: Validity,
  ): Promise<Set<number>> {
    const sql = `SELECT DISTINCT m.customer_id AS id FROM ip_mappings m${this.database.useIndex('ip_mappings_customer')}
      WHERE m.context_id = ? AND m.customer_id BETWEEN ? AND ? AND ${OVERLAPPING_IN_TIME}`;
    const parameters = [context, first, last, endOf(period), period.from];
    return new Set((await this.database.query<{ id: number }>(sql, parameters)).map(({ id }) => id));
  }

  async changes(
    context: ContextId,
    after: MappingChangePlace,
    through: number,
    limit: number,
  ): Promise<RecordedMappingChange[]> {
    const rows = await readFeed<MappingRow>(this.database, FEED, context, after, through, limit);
    return rows.map(({ block, version: id, changeMade: change, ...row }) => ({
      ...{ block, id, change, mapping: toMapping(row) },
    }));
  }

  async history(
    context: ContextId,
    customerIds: readonly number[],
    mappingId: number | undefined,
    before: number,
    limit: number,
  ): Promise<RecordedVersion<RecordedMapping>[]> {
    const asked = JSON.stringify(customerIds.map((id) => [id]));
    const one = mappingId === undefined ? [] : [mappingId];
    const sql = history(this.database, mappingId !== undefined);
    const parameters = [asked, context, ...one, before, limit];
    const rows = await this.database.query<VersionAndBefore<MappingRow>>(sql, parameters);
    return rows.map((row) => toVersion(row, ROW_NAMES, toMapping));
  }

  lastBlock(): Promise<number> {
    return lastBlockOf(this.database, 'ip_mapping_versions');
  }

  async purgeOf(customers: readonly GoneCustomer[], throughBlock: number): Promise<GoneCustomer[]> {
    const purged: GoneCustomer[] = [];
    for (const customer of customers) {
      const mappings = await this.database.query<{ id: number; isLater: number }>(
        `SELECT m.id, MAX(CASE WHEN n.block <= ? THEN 0 ELSE 1 END) AS isLater FROM ip_mappings m
         JOIN ip_mapping_versions n ON n.mapping_id = m.id
         WHERE m.context_id = ? AND m.customer_id = ? GROUP BY m.id`,
        [throughBlock, customer.context, customer.id],
      );
      if (mappings.some(({ isLater }) => isLater === 1)) continue;
      const ids = mappings.map(({ id }) => id);
      await this.deleteVersions(ids);
      const { context: contextId, id: customerId } = customer;
      if (ids.length > 0) await this.database.manager.delete(IpMappingEntity, { contextId, customerId });
      purged.push(customer);
    }
    return purged;
  }

  async purgeDeleted(
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ mappings: number; next: number | undefined }> {
    const deletions = await readDeletions<{ id: number }>(this.database, GONE, throughBlock, after, limit);
    await this.deleteVersions(deletions.map(({ id }) => id));
    return {
      mappings: deletions.length,
      next: deletions.length < limit ? undefined : deletions.at(-1)?.version,
    };
  }

  private async deleteVersions(mappingIds: readonly number[]): Promise<void> {
    for (const ids of parts(mappingIds, 1024)) {
      await this.database.manager.delete(IpMappingVersionEntity, { mappingId: In(ids) });
    }
  }

  private async one(
    context: ContextId,
    customerId: number,
    id: number,
    locking: string,
  ): Promise<RecordedMapping | undefined> {
    const sql = `SELECT ${PRESENT} FROM ip_mappings m
      WHERE m.id = ? AND m.context_id = ? AND m.customer_id = ?${locking}`;
    const [row] = await this.database.query<MappingRow>(sql, [id, context, customerId]);
    return row && toMapping(row);
  }

  /** The table of what is asked for, to be read before another. */
  private get asked(): string {
    return `${this.database.jsonTable(START_COLUMNS)} q ${this.database.thenJoin} `;
  }

  private present(where: string, before = ''): string {
    const index = this.database.useIndex('ip_mappings_network');
    return `SELECT ${PRESENT} FROM ${before}ip_mappings m${index} WHERE ${where}`;
  }

  /** Takes the time of which it is asked as two more parameters. */
  private past(where: string, before: string): string {
    const index = this.database.useIndex('ip_mapping_versions_network');
    return `SELECT ${THEN} FROM ${before}ip_mapping_versions m${index} WHERE ${where}
      AND m.recorded_at <= ? AND m.change_made <> 'deleted' AND NOT EXISTS (
        SELECT 1 FROM ip_mapping_versions n
        WHERE n.mapping_id = m.mapping_id AND n.recorded_at > m.recorded_at AND n.recorded_at <= ?)`;
  }

  private async list(
    from: Pick<Database, 'query'>,
    context: ContextId,
    customerId: number | undefined,
    after: number,
    limit: number,
  ): Promise<ListedMapping[]> {
    const { where, parameters } = listed(context, customerId, after);
    const index = this.database.useIndex(
      customerId === undefined ? 'ip_mappings_id' : 'ip_mappings_customer',
    );
    const sql = `SELECT ${PRESENT} FROM ip_mappings m${index} WHERE ${where} ORDER BY m.id LIMIT ?`;
    const rows = await from.query<MappingRow>(sql, [...parameters, limit]);
    // No spread: of many rows, that costs more than reading them.
    return rows.map((row) => ({
      id: row.id,
      customerId: row.customerId,
      ipSubnet: row.ipSubnet,
      from: row.validFrom,
      to: toOrOpen(row.validTo),
      terminalId: row.terminalId,
    }));
  }
}

/** An address as the key of a Map, and in JSON. */
function keyOf(address: Buffer): string {
  return address.toString('hex');
}

function lower(one: Buffer, other: Buffer): Buffer {
  return one.compare(other) <= 0 ? one : other;
}

/** Its place among those with the same first address. */
function placeOf({ network, validity, customerId }: RecordedMapping): SqlValue[] {
  return [network.last, validity.from, endOf(validity), customerId];
}

function listed(
  context: ContextId,
  customerId: number | undefined,
  after: number,
): { where: string; parameters: SqlValue[] } {
  return customerId === undefined
    ? { where: 'm.context_id = ? AND m.id > ?', parameters: [context, after] }
    : {
        where: 'm.context_id = ? AND m.customer_id = ? AND m.id > ?',
        parameters: [context, customerId, after],
      };
}
