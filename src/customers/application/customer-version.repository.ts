import type { ContextId, Principal } from '../../identity/domain/principal.js';
import type { ChangeMade, RecordedVersion } from '../../versions/domain/version.js';
import type { Customer, DeletedCustomer, PastCustomer, UserId } from '../domain/customer.js';

/** Every version of the customers of a context. Writes work only inside `Transactions.run`. */
export abstract class CustomerVersionRepository {
  /** Adds a version of each customer: its state after the change, or before it for a deletion. */
  abstract insert(by: Principal, change: ChangeMade, customers: readonly Customer[]): Promise<void>;

  /** The customer that had this UserID at a time, as it was then. @param at Unix milliseconds */
  abstract asOf(context: ContextId, userId: UserId, at: number): Promise<Customer | undefined>;

  /**
   * Each customer as it was at a time; before its first version, as in that version.
   *
   * @param moments Unix milliseconds, inclusive
   * @param knownAt Unix milliseconds: whether a customer is deleted is as of this time
   * @returns in the order of `moments`; undefined = the context has no such customer
   */
  abstract asOfEach(
    context: ContextId,
    moments: readonly { readonly customerId: number; readonly at: number }[],
    knownAt: number,
  ): Promise<(PastCustomer | undefined)[]>;

  /**
   * At most `limit` versions with an id below `before`, newest first, of every customer that has or once had this
   * UserID.
   */
  abstract history(
    context: ContextId,
    userId: UserId,
    before: number,
    limit: number,
  ): Promise<RecordedVersion<Customer>[]>;

  /** The ids of all customers that have or once had this UserID. */
  abstract customerIdsOf(context: ContextId, userId: UserId): Promise<number[]>;

  /**
   * At most `limit` customers whose deletion is sealed in a block up to `throughBlock`.
   *
   * @param after begin after the version with this id
   * @returns `next`: the `after` of the next call; undefined = there are no more
   */
  abstract deletedThrough(
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ customers: DeletedCustomer[]; next: number | undefined }>;

  /** Deletes all versions of customers. */
  abstract purge(customers: readonly DeletedCustomer[]): Promise<void>;
}
