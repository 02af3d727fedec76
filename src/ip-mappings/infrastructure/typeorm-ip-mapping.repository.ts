import { Injectable } from '@nestjs/common';
import type { ContextId } from '../../identity/domain/principal.js';
import { BATCH, wholeList } from '../../shared/database/batches.js';
import { Database, type SqlValue } from '../../shared/database/database.js';
import { unlessDuplicate } from '../../shared/database/driver-errors.js';
import { insertInto } from '../../shared/database/insert-into.js';
import {
  IpMappingRepository,
  MAX_AHEAD_MS,
  type ListedMapping,
} from '../application/ip-mapping.repository.js';
import type { IpMappingDetails, RecordedMapping } from '../domain/ip-mapping.js';
import { OVERLAPPING_IN_TIME, startingAt } from './held-addresses.sql.js';
import {
  endOf,
  IpMappingEntity,
  presentColumns,
  toMapping,
  toOrOpen,
  toValues,
  WRITTEN_COLUMNS,
  type MappingRow,
} from './ip-mapping.entity.js';

const PRESENT = presentColumns('m');
const GUARD = insertInto('ip_mapping_guards', ['context_id', 'changed_at']);
const INSERT = insertInto('ip_mappings', ['context_id', ...WRITTEN_COLUMNS, 'updated_at']);
const UPDATE = `UPDATE ip_mappings
  SET ${[...WRITTEN_COLUMNS, 'updated_at'].map((column) => `${column} = ?`).join(', ')}
  WHERE context_id = ? AND id = ?`;

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
    return unlessDuplicate(() =>
      this.database.write(INSERT, [context, ...toValues(mapping), mapping.updatedAt]),
    );
  }

  async update(context: ContextId, mapping: RecordedMapping): Promise<boolean> {
    const parameters = [...toValues(mapping), mapping.updatedAt, context, mapping.id];
    return (await unlessDuplicate(() => this.database.write(UPDATE, parameters))) !== undefined;
  }

  async delete(context: ContextId, id: number): Promise<void> {
    await this.database.manager.delete(IpMappingEntity, { contextId: context, id });
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
