import { Injectable } from '@nestjs/common';
import type { ContextId, Principal } from '../../access/application/principal.js';
import { BATCH, batches } from '../../shared/database/batches.js';
import { Database, type SqlValue } from '../../shared/database/database.js';
import { unlessTaken } from '../../shared/database/driver-errors.js';
import { insertInto } from '../../shared/database/insert-into.js';
import { RECORD_COLUMNS, toRecord } from '../../shared/database/version-columns.js';
import { nonce } from '../../shared/nonce.js';
import {
  IpMappingRepository,
  type ListedMapping,
  type MappingChange,
  type RecordedMapping,
} from '../application/ip-mapping.repository.js';
import type { IpMappingDetails } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';
import {
  endOf,
  IpMappingEntity,
  IpMappingGuardEntity,
  readColumns,
  toMapping,
  toOrOpen,
  toValues,
  WRITTEN_COLUMNS,
  type MappingRow,
} from './ip-mapping.entity.js';

/** The place of the last mapping that a first address may have, as the index has it. */
const BEHIND_ALL = [Buffer.alloc(16, 0xff), ...Array<number>(3).fill(Number.MAX_SAFE_INTEGER)];
const PRESENT = readColumns('m', 'id', 'updated_at');
const THEN = readColumns('m', 'mapping_id', 'recorded_at');
const INSERT = insertInto('ip_mappings', ['context_id', ...WRITTEN_COLUMNS, 'updated_at']);
const INSERT_VERSION = insertInto('ip_mapping_versions', [
  ...['context_id', 'mapping_id', ...WRITTEN_COLUMNS, ...RECORD_COLUMNS],
]);
const UPDATE = `UPDATE ip_mappings
  SET ${[...WRITTEN_COLUMNS, 'updated_at'].map((column) => `${column} = ?`).join(', ')}
  WHERE context_id = ? AND id = ?`;

/** What holds a range of addresses, as far as its first address is one of some: an index probe for each. */
function startingAt(starts: readonly Buffer[]): string {
  return `m.context_id = ? AND m.first_address IN (${starts.map(() => '?').join(', ')}) AND m.last_address >= ?`;
}

const OVERLAPPING_IN_TIME = 'm.valid_from < ? AND m.valid_to > ?';

@Injectable()
export class TypeOrmIpMappingRepository extends IpMappingRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async guard(context: ContextId): Promise<void> {
    await this.database.manager
      .createQueryBuilder()
      .insert()
      .into(IpMappingGuardEntity)
      .values({ contextId: context, version: nonce() })
      .orUpdate(['version'], ['context_id'])
      .updateEntity(false)
      .execute();
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

  async insertVersion(by: Principal, change: MappingChange, mapping: RecordedMapping): Promise<void> {
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

  async *all(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<ListedMapping[]> {
    const snapshot = await this.database.snapshot();
    try {
      const { where, parameters } = listed(context, customerId, after);
      const count = `SELECT COUNT(*) AS count FROM ip_mappings m WHERE ${where}`;
      await announce((await snapshot.query<{ count: number }>(count, parameters))[0]?.count ?? 0);
      yield* batches<ListedMapping>((last) =>
        this.list(snapshot, context, customerId, last?.id ?? after, BATCH),
      );
    } finally {
      await snapshot.close();
    }
  }

  async holding(
    context: ContextId,
    address: IpAddress,
    second: number,
    recordedAt?: number,
  ): Promise<RecordedMapping[]> {
    const starts = address.coveringStarts();
    const where = `${startingAt(starts)} AND m.valid_from <= ? AND m.valid_to > ?`;
    const parameters = [context, ...starts, address.bytes, second, second];
    const rows =
      recordedAt === undefined
        ? await this.database.query<MappingRow>(this.present(where), parameters)
        : await this.database.query<MappingRow>(this.past(where), [...parameters, recordedAt, recordedAt]);
    return rows.map(toMapping);
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

  private present(where: string): string {
    const index = this.database.useIndex('ip_mappings_network');
    return `SELECT ${PRESENT} FROM ip_mappings m${index} WHERE ${where}`;
  }

  /** Takes the time of which it is asked as two more parameters. */
  private past(where: string): string {
    const index = this.database.useIndex('ip_mapping_versions_network');
    return `SELECT ${THEN} FROM ip_mapping_versions m${index} WHERE ${where}
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
    return rows.map(({ id, customerId: holder, ipSubnet, validFrom, validTo, terminalId }) => ({
      ...{ id, customerId: holder, ipSubnet, terminalId },
      ...{ from: validFrom, to: toOrOpen(validTo) },
    }));
  }
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
