import type { ContextId, Principal } from '../../access/application/principal.js';
import type { ChangeMade, RecordedVersion } from '../../shared/version.js';
import type { Customer, UserId } from '../domain/customer.js';

/** A customer as it was at a time. */
export interface PastCustomer extends Customer {
  /** Whether it was deleted since. */
  readonly isDeleted: boolean;
}

/** A customer that was deleted. */
export interface GoneCustomer {
  readonly context: ContextId;
  readonly id: number;
}

/** A place in the order of changes, which is final: nothing is ever added before a change that was told. */
export interface ChangePlace {
  /** The block of the audit trail that it is sealed in. */
  readonly block: number;
  readonly id: number;
}

export interface CustomerChange extends ChangePlace {
  readonly change: ChangeMade;
  readonly customer: Customer;
}

/** Every state that the customers of a context were in. Writes exist inside `Transactions.run` alone. */
export abstract class CustomerVersionRepository {
  abstract insert(by: Principal, change: ChangeMade, customer: Customer): Promise<void>;

  /** The customer that had this UserID at a time, as it was then; Unix milliseconds. */
  abstract asOf(context: ContextId, userId: UserId, at: number): Promise<Customer | undefined>;

  /**
   * Customers, as each was at a time; before its first version, as it was in that one.
   *
   * @param moments Unix milliseconds, inclusive
   * @param knownAt versions from after this time, Unix milliseconds, are not known yet
   * @returns in the order of `moments`; undefined = the context has no such customer
   */
  abstract asOfEach(
    context: ContextId,
    moments: readonly { readonly customerId: number; readonly at: number }[],
    knownAt: number,
  ): Promise<(PastCustomer | undefined)[]>;

  /**
   * At most `limit` versions with an id below `before` of every customer that has, or once had, this UserID;
   * the newest first.
   */
  abstract history(
    context: ContextId,
    userId: UserId,
    before: number,
    limit: number,
  ): Promise<RecordedVersion<Customer>[]>;

  /** The ids of all customers that have, or once had, this UserID. */
  abstract everCalled(context: ContextId, userId: UserId): Promise<number[]>;

  /** At most `limit` changes behind a place, in their order, and none in a block behind `through`. */
  abstract changes(
    context: ContextId,
    after: ChangePlace,
    through: number,
    limit: number,
  ): Promise<CustomerChange[]>;

  /** The last block that any change is placed in, of whatever context. */
  abstract lastBlock(): Promise<number>;

  /**
   * Customers whose deletion is sealed in a block up to `throughBlock`.
   *
   * @param after where to begin, by the id of a version
   * @param limit how many at most
   * @returns who they are, and where to go on; undefined = that was all
   */
  abstract deletedThrough(
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ customers: GoneCustomer[]; next: number | undefined }>;

  /** Deletes all versions of customers. */
  abstract purge(customers: readonly GoneCustomer[]): Promise<void>;
}
