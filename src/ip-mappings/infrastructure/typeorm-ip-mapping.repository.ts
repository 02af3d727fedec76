import { Injectable } from '@nestjs/common';
import type { ContextId } from '../../identity/domain/principal.js';
import { BATCH, wholeList } from '../../shared/database/batches.js';
import { Database, type SqlValue } from '../../shared/database/database.js';
import { unlessDuplicate } from '../../shared/database/driver-errors.js';
import { insertInto, insertUnlessDuplicate } from '../../shared/database/insert.js';
import type { Inserted } from '../../shared/inserted.js';
import {
  IpMappingRepository,
  MAX_AHEAD_MS,
  type ListedMapping,
  type NewMapping,
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
const GUARD = 'INSERT INTO ip_mapping_guards (context_id, changed_at) VALUES (?, ?)';
const insert = insertInto('ip_mappings', ['context_id', ...WRITTEN_COLUMNS, 'updated_at']);
const UPDATE = `UPDATE ip_mappings
  SET ${[...WRITTEN_COLUMNS, 'updated_at'].map((column) => `${column} = ?`).join(', ')}
  WHERE context_id = ? AND id = ?`;

/** A mapping's values in the unique key of the table, without the context. */
function keyOf({ customerId, network, validity }: NewMapping): (string | number)[] {
  const { first, last } = network;
  return [first.toString('hex'), last.toString('hex'), validity.from, endOf(validity), customerId];
}

/** The columns of `keyOf`, and the row's place in the list. */
const KEY_COLUMNS = {
  first_address: 'hex',
  last_address: 'hex',
  valid_from: 'integer',
  valid_to: 'integer',
  customer_id: 'integer',
  place: 'integer',
} as const;

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
    const isSingle = network.first.equals(network.last); // no network is inside it
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

  insert(context: ContextId, mappings: readonly NewMapping[]): Promise<Inserted<NewMapping>> {
    const rows = mappings.map((mapping) => [context, ...toValues(mapping), mapping.updatedAt]);
    return insertUnlessDuplicate(
      mappings,
      (mapping) => JSON.stringify(keyOf(mapping)),
      () => this.database.insert(insert(rows)),
      () => this.idsOf(context, mappings),
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

  private async idsOf(context: ContextId, mappings: readonly NewMapping[]): Promise<Map<string, number>> {
    const ids = new Map<string, number>();
    const { jsonTable, thenJoin, useIndex, forUpdate } = this.database;
    const sql = `SELECT q.place AS place, m.id AS id FROM ${jsonTable(KEY_COLUMNS)} q
      ${thenJoin} ip_mappings m${useIndex('ip_mappings_network')} ON m.context_id = ?
        AND m.first_address = q.first_address AND m.last_address = q.last_address
        AND m.valid_from = q.valid_from AND m.valid_to = q.valid_to AND m.customer_id = q.customer_id${forUpdate}`;
    const keys = mappings.map(keyOf);
    for (let start = 0; start < keys.length; start += BATCH) {
      const some = keys.slice(start, start + BATCH);
      const batch = JSON.stringify(some.map((key, place) => [...key, place]));
      const rows = await this.database.query<{ place: number; id: number }>(sql, [batch, context]);
      for (const { place, id } of rows) ids.set(JSON.stringify(some[place]), id);
    }
    return ids;
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
    // Don't spread: for many rows, that takes longer than reading them.
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
