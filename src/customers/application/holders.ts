import { Injectable } from '@nestjs/common';
import type { ContextId } from '../../identity/domain/principal.js';
import { requireCustomer } from '../domain/customer.errors.js';
import { toUserId, type Customer, type PastCustomer, type UserId } from '../domain/customer.js';
import { CustomerVersionRepository } from './customer-version.repository.js';
import { CustomerRepository } from './customer.repository.js';

/** A customer, as of a second. */
export interface HolderQuery {
  readonly customerId: number;
  /** Unix seconds; inclusive. */
  readonly second: number;
}

/** Offers customers to features that know them as holders of addresses. Doesn't audit: the caller does. */
@Injectable()
export class Holders {
  constructor(
    private readonly customers: CustomerRepository,
    private readonly versions: CustomerVersionRepository,
  ) {}

  /** The customer that has a UserID. */
  find(context: ContextId, userId: UserId): Promise<Customer | undefined> {
    return this.customers.find(context, userId);
  }

  /** The ids of all customers that have or once had a UserID, renamed and deleted ones included. */
  customerIdsOf(context: ContextId, userId: UserId): Promise<number[]> {
    return this.versions.customerIdsOf(context, userId);
  }

  /**
   * All customers by ascending id, in batches, as of the first batch.
   *
   * @param announce called with the number of customers, before the first batch
   */
  all(context: ContextId, announce: (count: number) => Promise<void>): AsyncGenerator<Customer[]> {
    return this.customers.all(context, {}, 0, announce);
  }

  /**
   * The customer that has a UserID. Keeps others from changing or deleting it until the transaction ends.
   *
   * @throws RegisterError `customer_not_found`
   */
  async lock(context: ContextId, userId: string): Promise<Customer> {
    return requireCustomer(await this.customers.lock(context, toUserId(userId)));
  }

  /** The UserID of a customer; of a deleted one, its last. */
  async userIdOf(context: ContextId, customerId: number): Promise<UserId> {
    const [holder] = await this.asOf(context, [{ customerId, second: Infinity }]);
    if (holder === undefined) throw new Error(`no version of customer ${customerId}`);
    return holder.userId;
  }

  /**
   * Each customer with its data at the end of a second; before its first version, with that version's data.
   *
   * @param recordedAt Unix milliseconds: answer what the register said then; undefined = now
   * @returns in the order of `queries`; undefined = not in the context, or purged
   */
  async asOf(
    context: ContextId,
    queries: readonly HolderQuery[],
    recordedAt = Number.MAX_SAFE_INTEGER,
  ): Promise<(PastCustomer | undefined)[]> {
    const moments = queries.map(({ customerId, second }) => ({
      customerId,
      at: Math.min((second + 1) * 1000 - 1, recordedAt),
    }));
    return this.versions.asOfEach(context, moments, recordedAt);
  }
}
