import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { Clock } from '../../shared/clock.js';
import { formatMoment } from '../../shared/instant.js';
import { pageOf, type Page } from '../../shared/page.js';
import { Transactions } from '../../shared/transactions.js';
import {
  nextVersionAt,
  requireVersion,
  type ChangeMade,
  type Expectation,
} from '../../versions/domain/version.js';
import { customerExists, requireCustomer } from '../domain/customer.errors.js';
import {
  changedFields,
  requireValidFields,
  type Customer,
  type CustomerFields,
  type UserId,
} from '../domain/customer.js';
import { CustomerHoldings } from './customer-holdings.js';
import { CustomerVersionRepository } from './customer-version.repository.js';
import { CustomerRepository, type CustomerFilter } from './customer.repository.js';
import { CUSTOMER_ACTIONS } from '../domain/customer.actions.js';

export interface AuditedFilter extends CustomerFilter {
  /** The filter as the client sent it, for the audit entry. */
  readonly sent: object;
}

/** The customers of the caller's context. Audits every read and every write. */
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
   * @param recordedAt Unix milliseconds: answer what the register said then; undefined = now
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
    return requireCustomer(found);
  }

  /** A page of at most `limit` customers. */
  async page(by: Principal, filter: AuditedFilter, after: number, limit: number): Promise<Page<Customer>> {
    const page = pageOf(await this.customers.page(by.context, filter, after, limit + 1), limit);
    await this.recordList(by, filter, page.rows.length);
    return page;
  }

  /** The whole list in batches. */
  all(by: Principal, filter: AuditedFilter, after: number): AsyncGenerator<Customer[]> {
    return this.customers.all(by.context, filter, after, (count) => this.recordList(by, filter, count));
  }

  /** @throws RegisterError `customer_exists`, `validation_failed` */
  create(by: Principal, fields: CustomerFields): Promise<Customer> {
    const details = requireValidFields(fields);
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
    const changes = requireValidFields(fields);
    return this.transactions.run(async () => {
      const before = requireExpected(await this.customers.lock(by.context, userId), isExpected);
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
   * Deletes the customer and releases its holdings as of this second. Its history stays.
   *
   * @throws RegisterError `customer_not_found`, `precondition_failed`
   */
  delete(by: Principal, userId: UserId, isExpected?: Expectation): Promise<Customer> {
    return this.transactions.run(async () => {
      const holdings = await this.holdings.open(by);
      const before = requireExpected(await this.customers.lock(by.context, userId), isExpected);
      await holdings.release(before);
      await this.customers.delete(by.context, before.id);
      await this.record(by, 'deleted', { ...before, updatedAt: nextVersionAt(before, this.clock.now()) });
      return before;
    });
  }

  /** Records the version and the audit entry of a write, in the same transaction. */
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

  private recordList(by: Principal, { sent }: AuditedFilter, records: number): Promise<void> {
    return this.trail.recordRead(by, {
      action: CUSTOMER_ACTIONS.listed,
      details: { filter: sent, records },
    });
  }
}

/** @throws RegisterError `customer_not_found`, `precondition_failed` */
function requireExpected(found: Customer | undefined, isExpected: Expectation | undefined): Customer {
  return requireVersion(requireCustomer(found), isExpected, 'customer');
}
