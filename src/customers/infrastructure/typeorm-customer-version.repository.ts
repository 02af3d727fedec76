import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import type { ContextId, Principal } from '../../identity/domain/principal.js';
import { Database } from '../../shared/database/database.js';
import { insertInto } from '../../shared/database/insert.js';
import {
  RECORD_COLUMNS,
  recordedColumns,
  toRecord,
  toVersion,
  type VersionAndBefore,
} from '../../versions/infrastructure/version-columns.js';
import { readDeletions, withBefore } from '../../versions/infrastructure/version-reads.js';
import type { ChangeMade, RecordedVersion } from '../../versions/domain/version.js';
import { CustomerVersionRepository } from '../application/customer-version.repository.js';
import { FIELDS } from '../domain/customer-fields.js';
import type { Customer, DeletedCustomer, PastCustomer, UserId } from '../domain/customer.js';
import { customerColumns, CustomerVersionEntity } from './customer-version.entity.js';
import { COLUMN_OF } from './customer.entity.js';

const insert = insertInto('customer_versions', [
  ...['context_id', 'customer_id', ...Object.values(COLUMN_OF), ...RECORD_COLUMNS],
]);

const AS_OF = `
  SELECT ${customerColumns('v')} FROM customer_versions v
  WHERE v.context_id = ? AND v.user_id = ? AND v.recorded_at <= ? AND v.change_made <> 'deleted'
    AND NOT EXISTS (SELECT 1 FROM customer_versions n
                    WHERE n.customer_id = v.customer_id AND n.recorded_at > v.recorded_at AND n.recorded_at <= ?)
  ORDER BY v.recorded_at DESC, v.id DESC LIMIT 1`;

/** Moments per query. */
const MOMENTS_PER_QUERY = 1024;

const MOMENT_COLUMNS = { place: 'integer', customer_id: 'integer', at: 'integer' } as const;
const asOfEach = ({ jsonTable, thenJoin, useIndex }: Database): string => {
  const index = useIndex('customer_versions_customer');
  const version = `SELECT b.recorded_at FROM customer_versions b${index} WHERE b.customer_id = q.customer_id`;
  return `
    SELECT q.place AS place, ${customerColumns('v')}, (
        SELECT n.change_made FROM customer_versions n${index} WHERE n.customer_id = v.customer_id AND n.recorded_at <= ?
        ORDER BY n.recorded_at DESC LIMIT 1) AS lastChange
    FROM ${jsonTable(MOMENT_COLUMNS)} q ${thenJoin} customer_versions v
      ON v.customer_id = q.customer_id AND v.recorded_at = COALESCE(
        (${version} AND b.recorded_at <= q.at ORDER BY b.recorded_at DESC LIMIT 1),
        (${version} ORDER BY b.recorded_at LIMIT 1))
    WHERE v.context_id = ?`;
};

const DELETED = { table: 'customer_versions', columns: 'v.context_id AS context, v.customer_id AS id' };

const CUSTOMER_IDS =
  'SELECT DISTINCT customer_id FROM customer_versions WHERE context_id = ? AND user_id = ?';

const history = ({ useIndex, thenJoin }: Database): string => `
  SELECT ${recordedColumns('v')}, ${customerColumns('v')}, ${customerColumns('p', 'before_')}
  FROM (${CUSTOMER_IDS}) c
  ${thenJoin} customer_versions v${useIndex('customer_versions_customer')} ON v.customer_id = c.customer_id
  ${withBefore('customer_versions', 'customer_id')}
  WHERE v.context_id = ? AND v.id < ?
  ORDER BY v.id DESC LIMIT ?`;

type PastRow = Customer & { place: number; lastChange: ChangeMade };

const MEMBERS = ['id', ...FIELDS, 'updatedAt'] as const;

@Injectable()
export class TypeOrmCustomerVersionRepository extends CustomerVersionRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(by: Principal, change: ChangeMade, customers: readonly Customer[]): Promise<void> {
    const rows = customers.map((customer) => [
      by.context,
      customer.id,
      ...FIELDS.map((field) => customer[field]),
      ...toRecord(by, change, customer.updatedAt),
    ]);
    await this.database.insert(insert(rows));
  }

  async asOf(context: ContextId, userId: UserId, at: number): Promise<Customer | undefined> {
    return (await this.database.query<Customer>(AS_OF, [context, userId, at, at]))[0];
  }

  async asOfEach(
    context: ContextId,
    moments: readonly { readonly customerId: number; readonly at: number }[],
    knownAt: number,
  ): Promise<(PastCustomer | undefined)[]> {
    const found = moments.map((): PastCustomer | undefined => undefined);
    const rows = moments.map(({ customerId, at }, place) => [place, customerId, at]);
    const sql = asOfEach(this.database);
    for (let start = 0; start < rows.length; start += MOMENTS_PER_QUERY) {
      const batch = JSON.stringify(rows.slice(start, start + MOMENTS_PER_QUERY));
      for (const row of await this.database.query<PastRow>(sql, [knownAt, batch, context])) {
        const { place, lastChange, ...customer } = row;
        found[place] = { ...customer, isDeleted: lastChange === 'deleted' };
      }
    }
    return found;
  }

  async history(
    context: ContextId,
    userId: UserId,
    before: number,
    limit: number,
  ): Promise<RecordedVersion<Customer>[]> {
    const parameters = [context, userId, context, before, limit];
    const sql = history(this.database);
    const rows = await this.database.query<VersionAndBefore<Customer>>(sql, parameters);
    return rows.map((row) => toVersion<Customer, Customer>(row, MEMBERS, (customer) => customer));
  }

  async customerIdsOf(context: ContextId, userId: UserId): Promise<number[]> {
    const rows = await this.database.query<{ customer_id: number }>(CUSTOMER_IDS, [context, userId]);
    return rows.map((row) => row.customer_id);
  }

  async deletedThrough(
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ customers: DeletedCustomer[]; next: number | undefined }> {
    const deletions = await readDeletions<DeletedCustomer>(
      this.database,
      DELETED,
      throughBlock,
      after,
      limit,
    );
    return {
      customers: deletions.map(({ context, id }) => ({ context, id })),
      next: deletions.length < limit ? undefined : deletions.at(-1)?.version,
    };
  }

  async purge(customers: readonly DeletedCustomer[]): Promise<void> {
    if (customers.length === 0) return;
    await this.database.manager.delete(CustomerVersionEntity, {
      customerId: In(customers.map(({ id }) => id)),
    });
  }
}
