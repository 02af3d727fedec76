import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { Clock } from '../../shared/clock.js';
import { formatMoment } from '../../shared/instant.js';
import { pageOf, type Page } from '../../shared/page.js';
import { Transactions } from '../../shared/transactions.js';
import {
  nextVersionAt,
  versionOf,
  type ChangeMade,
  type Expectation,
} from '../../versions/domain/version.js';
import { customerChanged, customerExists, known } from '../domain/customer.errors.js';
import {
  changedFields,
  checkedFields,
  type Customer,
  type CustomerFields,
  type UserId,
} from '../domain/customer.js';
import { CustomerHoldings } from './customer-holdings.js';
import { CustomerVersionRepository } from './customer-version.repository.js';
import { CustomerRepository, type CustomerFilter } from './customer.repository.js';
import { CUSTOMER_ACTIONS } from '../domain/customer.actions.js';

/** A filter, and how the client worded it. */
export interface AskedFilter extends CustomerFilter {
  readonly asked: object;
}

/** The customers of the context that the caller works in. Every read and every write is on record. */
@Injectable()
export class CustomersService {
  constructor(
    private readonly customers: CustomerRepository,
    private readonly versions: CustomerVersionRepository,
    private readonly holdings: CustomerHoldings,
    private readonly trail: AuditTrail,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * @param recordedAt at what time, in Unix milliseconds, the register is asked; undefined = now
   * @throws RegisterError `customer_not_found`
   */
  async get(by: Principal, userId: UserId, recordedAt?: number): Promise<Customer> {
    const found =
      recordedAt === undefined
        ? await this.customers.find(by.context, userId)
        : await this.versions.asOf(by.context, userId, recordedAt);
    const details = {
      ...(found !== undefined && { id: found.id }),
      ...(recordedAt !== undefined && { recorded_at: formatMoment(recordedAt) }),
      records: found === undefined ? 0 : 1,
    };
    await this.trail.recordRead(by, { action: CUSTOMER_ACTIONS.read, userId, details });
    return known(found);
  }

  /** A page of at most `limit` customers. */
  async page(by: Principal, filter: AskedFilter, after: number, limit: number): Promise<Page<Customer>> {
    const page = pageOf(await this.customers.page(by.context, filter, after, limit + 1), limit);
    await this.recordList(by, filter, page.rows.length);
    return page;
  }

  /** All customers, a batch at a time. */
  all(by: Principal, filter: AskedFilter, after: number): AsyncGenerator<Customer[]> {
    return this.customers.all(by.context, filter, after, (count) => this.recordList(by, filter, count));
  }

  /** @throws RegisterError `customer_exists`, `validation_failed` */
  create(by: Principal, fields: CustomerFields): Promise<Customer> {
    const details = checkedFields(fields);
    return this.transactions.run(async () => {
      const customer = { ...details, updatedAt: this.clock.now() };
      const [id] = (await this.customers.insert(by.context, [customer])).ids;
      if (id === undefined) throw customerExists(details.userId, by.contextName);
      return this.record(by, 'created', { id, ...customer });
    });
  }

  /**
   * Changes the given fields; another `userId` renames the customer. Adds no version if nothing changes.
   *
   * @throws RegisterError `customer_not_found`, `precondition_failed`, `customer_exists`, `validation_failed`
   */
  change(
    by: Principal,
    userId: UserId,
    fields: Partial<CustomerFields>,
    isExpected?: Expectation,
  ): Promise<Customer> {
    const changes = checkedFields(fields);
    return this.transactions.run(async () => {
      const before = expected(await this.customers.lock(by.context, userId), isExpected);
      const changed = changedFields(before, changes);
      if (changed.length === 0) {
        await this.trail.record(by, {
          action: CUSTOMER_ACTIONS.unchanged,
          userId,
          details: { id: before.id },
        });
        return before;
      }
      const after = { ...before, ...changes, updatedAt: nextVersionAt(before, this.clock.now()) };
      if (!(await this.customers.update(by.context, after))) {
        throw customerExists(after.userId, by.contextName);
      }
      return this.record(by, 'updated', after, before);
    });
  }

  /**
   * Deletes the customer, who holds no address from this second on; what was before stays.
   *
   * @throws RegisterError `customer_not_found`, `precondition_failed`
   */
  delete(by: Principal, userId: UserId, isExpected?: Expectation): Promise<Customer> {
    return this.transactions.run(async () => {
      const holdings = await this.holdings.open(by);
      const before = expected(await this.customers.lock(by.context, userId), isExpected);
      await holdings.release(before);
      await this.customers.delete(by.context, before.id);
      await this.record(by, 'deleted', { ...before, updatedAt: nextVersionAt(before, this.clock.now()) });
      return before;
    });
  }

  /** A write is kept with its version and its entry in the audit trail, or not at all. */
  private async record(
    by: Principal,
    change: ChangeMade,
    customer: Customer,
    before = customer,
  ): Promise<Customer> {
    await this.versions.insert(by, change, [customer]);
    const details = {
      id: customer.id,
      ...(before.userId === customer.userId ? {} : { renamed_to: customer.userId }),
    };
    await this.trail.record(by, { action: CUSTOMER_ACTIONS[change], userId: before.userId, details });
    return customer;
  }

  private recordList(by: Principal, { asked }: AskedFilter, records: number): Promise<void> {
    return this.trail.recordRead(by, {
      action: CUSTOMER_ACTIONS.listed,
      details: { filter: asked, records },
    });
  }
}

function expected(found: Customer | undefined, isExpected: Expectation | undefined): Customer {
  const customer = known(found);
  if (isExpected?.(versionOf(customer)) === false) throw customerChanged();
  return customer;
}
