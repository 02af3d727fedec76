import type { ContextId, Principal } from '../../identity/domain/principal.js';
import type { ChangeMade, RecordedVersion } from '../../versions/domain/version.js';
import type { Customer, GoneCustomer, PastCustomer, UserId } from '../domain/customer.js';

/** Every state that the customers of a context were in. Writes exist inside `Transactions.run` alone. */
export abstract class CustomerVersionRepository {
  /** Adds the versions that a change of many customers made; of a deletion, the last state of each. */
  abstract insert(by: Principal, change: ChangeMade, customers: readonly Customer[]): Promise<void>;

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
