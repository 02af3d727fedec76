import { Injectable } from '@nestjs/common';
import type { Principal } from '../../access/application/principal.js';
import { Clock } from '../../shared/clock.js';
import { validationFailed } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import { customerExists, customerNotFound } from '../domain/customer.errors.js';
import { faultsOf, type Customer, type CustomerDetails, type UserId } from '../domain/customer.js';
import { CustomerRepository, type CustomerFilter } from './customer.repository.js';

/** The customers of the context that the caller works in. */
@Injectable()
export class CustomersService {
  constructor(
    private readonly customers: CustomerRepository,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /** @throws RegisterError `customer_not_found` */
  async get(by: Principal, userId: UserId): Promise<Customer> {
    return known(await this.customers.find(by.context, userId));
  }

  /** A page of at most `limit` customers; `next` is the id to go on after, undefined on the last page. */
  async page(
    by: Principal,
    filter: CustomerFilter,
    after: number,
    limit: number,
  ): Promise<{ customers: Customer[]; next: number | undefined }> {
    const customers = await this.customers.page(by.context, filter, after, limit + 1);
    const next = customers.length > limit ? customers[limit - 1]?.id : undefined;
    return { customers: customers.slice(0, limit), next };
  }

  /** All customers, a batch at a time. */
  all(by: Principal, filter: CustomerFilter, after: number): AsyncGenerator<Customer[]> {
    return this.customers.all(by.context, filter, after);
  }

  /** @throws RegisterError `customer_exists`, `validation_failed` */
  create(by: Principal, details: CustomerDetails): Promise<Customer> {
    check(details);
    return this.transactions.run(async () => {
      const id = await this.customers.insert(by.context, details, this.clock.now());
      if (id === undefined) throw customerExists(details.userId, by.contextName);
      return { id, ...details };
    });
  }

  /**
   * Changes the fields that `changes` holds; another `userId` among them renames the customer.
   *
   * @throws RegisterError `customer_not_found`, `customer_exists`, `validation_failed`
   */
  change(by: Principal, userId: UserId, changes: Partial<CustomerDetails>): Promise<Customer> {
    check(changes);
    return this.transactions.run(async () => {
      const before = known(await this.customers.lock(by.context, userId));
      const after = { ...before, ...changes };
      if (!(await this.customers.update(by.context, after, this.clock.now()))) {
        throw customerExists(after.userId, by.contextName);
      }
      return after;
    });
  }

  /** @throws RegisterError `customer_not_found` */
  delete(by: Principal, userId: UserId): Promise<Customer> {
    return this.transactions.run(async () => {
      const customer = known(await this.customers.lock(by.context, userId));
      await this.customers.delete(by.context, customer.id);
      return customer;
    });
  }
}

function known(customer: Customer | undefined): Customer {
  if (customer === undefined) throw customerNotFound();
  return customer;
}

/** The last line: whatever way a customer comes in, one that breaks a rule is not kept. */
function check(fields: Partial<CustomerDetails>): void {
  const faults = faultsOf(fields);
  if (faults.length > 0) throw validationFailed(faults);
}
