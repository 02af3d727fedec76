import { Injectable } from '@nestjs/common';
import type { ContextId } from '../../identity/domain/principal.js';
import { BATCH, parts, wholeList } from '../../shared/database/batches.js';
import { Database, type SqlValue } from '../../shared/database/database.js';
import { unlessDuplicate } from '../../shared/database/driver-errors.js';
import { insertInto, insertUnlessDuplicate } from '../../shared/database/insert.js';
import type { Inserted } from '../../shared/inserted.js';
import {
  CustomerRepository,
  type CustomerFilter,
  type NewCustomer,
} from '../application/customer.repository.js';
import { FIELDS } from '../domain/customer-fields.js';
import { toUserId, type Customer, type UserId } from '../domain/customer.js';
import {
  COLUMN_OF,
  READ_COLUMNS,
  CustomerEntity,
  searchKey,
  toValues,
  WRITTEN_COLUMNS,
} from './customer.entity.js';

/** UserIDs per query: MariaDB turns an IN list of 1,000 or more into a subquery. */
const USER_IDS_PER_QUERY = 512;
const insert = insertInto('customers', [...WRITTEN_COLUMNS, 'context_id']);
const UPDATE = `UPDATE customers SET ${WRITTEN_COLUMNS.map((column) => `${column} = ?`).join(', ')}
  WHERE context_id = ? AND id = ?`;

@Injectable()
export class TypeOrmCustomerRepository extends CustomerRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async find(context: ContextId, userId: UserId): Promise<Customer | undefined> {
    return this.findOne(context, userId, '');
  }

  async lock(context: ContextId, userId: UserId): Promise<Customer | undefined> {
    return this.findOne(context, userId, this.database.forUpdate);
  }

  insert(context: ContextId, customers: readonly NewCustomer[]): Promise<Inserted<NewCustomer>> {
    return insertUnlessDuplicate(
      customers,
      ({ userId }) => userId,
      () => this.database.insert(insert(customers.map((customer) => [...toValues(customer), context]))),
      () => this.idsOf(context, customers),
    );
  }

  async update(context: ContextId, customer: Customer): Promise<boolean> {
    const parameters = [...toValues(customer), context, customer.id];
    return (await unlessDuplicate(() => this.database.write(UPDATE, parameters))) !== undefined;
  }

  async delete(context: ContextId, id: number): Promise<void> {
    await this.database.manager.delete(CustomerEntity, { contextId: context, id });
  }

  page(context: ContextId, filter: CustomerFilter, after: number, limit: number): Promise<Customer[]> {
    return this.read(this.database, context, filter, after, limit);
  }

  all(
    context: ContextId,
    filter: CustomerFilter,
    after: number,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<Customer[]> {
    return wholeList<Customer>(
      this.database,
      announce,
      (from) => this.count(from, context, filter, after),
      (from, last) => this.read(from, context, filter, last?.id ?? after, BATCH),
    );
  }

  private async idsOf(context: ContextId, customers: readonly NewCustomer[]): Promise<Map<string, number>> {
    const ids = new Map<string, number>();
    const userIds = customers.map(({ userId }) => userId);
    for (const some of parts(userIds, USER_IDS_PER_QUERY)) {
      const sql = `SELECT id, user_id AS userId FROM customers${this.database.useIndex('customers_user_id')}
        WHERE context_id = ? AND user_id IN (${some.map(() => '?').join(', ')})${this.database.forUpdate}`;
      const rows = await this.database.query<Pick<Customer, 'id' | 'userId'>>(sql, [context, ...some]);
      for (const { id, userId } of rows) ids.set(userId, id);
    }
    return ids;
  }

  private async count(
    from: Pick<Database, 'query'>,
    context: ContextId,
    filter: CustomerFilter,
    after: number,
  ): Promise<number> {
    const { source, parameters } = selectFrom(context, filter, this.database.useIndex);
    const [row] = await from.query<{ count: number }>(`SELECT COUNT(*) AS count ${source}`, [
      ...parameters,
      after,
    ]);
    return row?.count ?? 0;
  }

  private read(
    from: Pick<Database, 'query'>,
    context: ContextId,
    filter: CustomerFilter,
    after: number,
    limit: number,
  ): Promise<Customer[]> {
    const { source, parameters } = selectFrom(context, filter, this.database.useIndex);
    const sql = `SELECT ${READ_COLUMNS} ${source} ORDER BY id LIMIT ?`;
    return from.query<Customer>(sql, [...parameters, after, limit]);
  }

  private async findOne(context: ContextId, userId: UserId, locking: string): Promise<Customer | undefined> {
    const [customer] = await this.database.query<Customer>(
      `SELECT ${READ_COLUMNS} FROM customers WHERE context_id = ? AND user_id = ?${locking}`,
      [context, userId],
    );
    return customer;
  }
}

type UseIndex = Database['useIndex'];

/** FROM and WHERE of a list. Its last parameter is missing: the id after which the list begins. */
function selectFrom(
  context: ContextId,
  filter: CustomerFilter,
  useIndex: UseIndex,
): { source: string; parameters: SqlValue[] } {
  const searched = filter.search === undefined ? undefined : search(context, filter.search, useIndex);
  const conditions = ['context_id = ?'];
  const parameters: SqlValue[] = [...(searched?.parameters ?? []), context];
  for (const fields of filter.equal ?? []) {
    for (const field of FIELDS) {
      const value = fields[field];
      if (value === undefined) continue;
      conditions.push(value === null ? `${COLUMN_OF[field]} IS NULL` : `${COLUMN_OF[field]} = ?`);
      if (value !== null) parameters.push(value);
    }
  }
  if (filter.updatedSince !== undefined) {
    conditions.push('updated_at >= ?');
    parameters.push(filter.updatedSince);
  }
  conditions.push('id > ?');
  // Without this, MariaDB picks an index on the context alone, and reads all rows before the page.
  const isPlain = conditions.length === 2 && searched === undefined;
  const from =
    searched === undefined
      ? `customers${isPlain ? useIndex('customers_id') : ''}`
      : // CROSS makes SQLite join in this order. Otherwise it would read the whole context.
        `(${searched.sql}) AS searched CROSS JOIN customers USING (id)`;
  return { source: `FROM ${from} WHERE ${conditions.join(' AND ')}`, parameters };
}

/** Selects the ids that match `text`: a UNION of ranges, each on its own index. An OR would read the whole context. */
function search(
  context: ContextId,
  text: string,
  useIndex: UseIndex,
): { sql: string; parameters: SqlValue[] } {
  const starts = [
    { column: 'user_id', index: 'customers_user_id', start: toUserId(text) },
    { column: 'phone_number', index: 'customers_phone', start: text },
    { column: 'name_search', index: 'customers_name', start: searchKey(text) },
    { column: 'email_search', index: 'customers_email', start: searchKey(text) },
  ];
  return {
    sql: starts
      .map(
        ({ column, index }) =>
          `SELECT id FROM customers${useIndex(index)} WHERE context_id = ? AND ${column} >= ? AND ${column} < ?`,
      )
      .join(' UNION '),
    parameters: starts.flatMap(({ start }) => [context, start, `${start}\u{10ffff}`]),
  };
}
