import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import type { DeletedCustomer } from '../../customers/domain/customer.js';
import type { ContextId, Principal } from '../../identity/domain/principal.js';
import { parts } from '../../shared/database/batches.js';
import { Database } from '../../shared/database/database.js';
import { insertInto } from '../../shared/database/insert.js';
import type { ChangeMade, RecordedVersion } from '../../versions/domain/version.js';
import {
  RECORD_COLUMNS,
  recordedColumns,
  toRecord,
  toVersion,
  type VersionAndBefore,
} from '../../versions/infrastructure/version-columns.js';
import { readDeletions, withBefore } from '../../versions/infrastructure/version-reads.js';
import { IpMappingVersionRepository } from '../application/ip-mapping-version.repository.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';
import {
  IpMappingEntity,
  IpMappingVersionEntity,
  pastColumns,
  ROW_NAMES,
  toMapping,
  toValues,
  WRITTEN_COLUMNS,
  type MappingRow,
} from './ip-mapping.entity.js';

const DELETED = { table: 'ip_mapping_versions', columns: 'v.mapping_id AS id' };
const insert = insertInto('ip_mapping_versions', [
  'context_id',
  'mapping_id',
  ...WRITTEN_COLUMNS,
  ...RECORD_COLUMNS,
]);

/** Builds the page from the index alone, then reads only its versions. */
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
export class TypeOrmIpMappingVersionRepository extends IpMappingVersionRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(by: Principal, change: ChangeMade, mappings: readonly RecordedMapping[]): Promise<void> {
    const rows = mappings.map((mapping) => [
      by.context,
      mapping.id,
      ...toValues(mapping),
      ...toRecord(by, change, mapping.updatedAt),
    ]);
    await this.database.insert(insert(rows));
  }

  async history(
    context: ContextId,
    customerIds: readonly number[],
    mappingId: number | undefined,
    before: number,
    limit: number,
  ): Promise<RecordedVersion<RecordedMapping>[]> {
    const customers = JSON.stringify(customerIds.map((id) => [id]));
    const one = mappingId === undefined ? [] : [mappingId];
    const sql = history(this.database, mappingId !== undefined);
    const parameters = [customers, context, ...one, before, limit];
    const rows = await this.database.query<VersionAndBefore<MappingRow>>(sql, parameters);
    return rows.map((row) => toVersion(row, ROW_NAMES, toMapping));
  }

  async purgeOf(customers: readonly DeletedCustomer[], throughBlock: number): Promise<DeletedCustomer[]> {
    const purged: DeletedCustomer[] = [];
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
    const deletions = await readDeletions<{ id: number }>(this.database, DELETED, throughBlock, after, limit);
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
}
