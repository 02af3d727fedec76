import { Injectable } from '@nestjs/common';
import type { ContextId } from '../../identity/domain/principal.js';
import { known } from '../domain/customer.errors.js';
import { toUserId, type Customer, type PastCustomer, type UserId } from '../domain/customer.js';
import { CustomerVersionRepository } from './customer-version.repository.js';
import { CustomerRepository } from './customer.repository.js';

/** Which customer is asked for, and as of when. */
export interface HolderAsked {
  readonly customerId: number;
  /** Unix seconds; inclusive. */
  readonly second: number;
}

/** The customers, to features that know them as holders of addresses. */
@Injectable()
export class Holders {
  constructor(
    private readonly customers: CustomerRepository,
    private readonly versions: CustomerVersionRepository,
  ) {}

  /** The customer that has a UserID. The caller audits it, a miss too. */
  find(context: ContextId, userId: UserId): Promise<Customer | undefined> {
    return this.customers.find(context, userId);
  }

  /** The ids of all customers that have, or once had, a UserID: renamed and deleted ones are among them. */
  everCalled(context: ContextId, userId: UserId): Promise<number[]> {
    return this.versions.everCalled(context, userId);
  }

  /**
   * All customers by ascending id, a batch at a time, as they are when the first batch is read.
   *
   * @param announce called with their number, before the first batch
   */
  all(context: ContextId, announce: (count: number) => Promise<void>): AsyncGenerator<Customer[]> {
    return this.customers.all(context, {}, 0, announce);
  }

  /**
   * The customer that has a UserID, whom others neither change nor delete until the transaction ends.
   *
   * @throws RegisterError `customer_not_found`
   */
  async lock(context: ContextId, userId: string): Promise<Customer> {
    return known(await this.customers.lock(context, toUserId(userId)));
  }

  /** The UserID that a customer has, or had when it was deleted. */
  async userIdOf(context: ContextId, customerId: number): Promise<UserId> {
    const [holder] = await this.asOf(context, [{ customerId, second: Infinity }]);
    if (holder === undefined) throw new Error(`no version of customer ${customerId}`);
    return holder.userId;
  }

  /**
   * Each customer with the data that it had at the end of a second; for a time before it was recorded, its first.
   * One that is not of the context, or was purged, is undefined.
   *
   * @param recordedAt as the register knew it at this time, Unix milliseconds; undefined = now
   */
  async asOf(
    context: ContextId,
    asked: readonly HolderAsked[],
    recordedAt = Number.MAX_SAFE_INTEGER,
  ): Promise<(PastCustomer | undefined)[]> {
    const moments = asked.map(({ customerId, second }) => ({
      customerId,
      at: Math.min((second + 1) * 1000 - 1, recordedAt),
    }));
    return this.versions.asOfEach(context, moments, recordedAt);
  }
}
