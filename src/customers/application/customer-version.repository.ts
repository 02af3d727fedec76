import type { ContextId, Principal } from '../../access/application/principal.js';
import type { Customer, UserId } from '../domain/customer.js';

export type Change = 'created' | 'updated' | 'deleted';

/** Who recorded a version: names as they were then, null where they are not known. */
export interface Recorder {
  readonly userName: string | null;
  readonly tokenId: number | null;
  readonly tokenLabel: string | null;
  readonly address: string | null;
}

/** A version of a customer. Of a deletion: as the customer was, and `updatedAt` is when it was deleted. */
export interface CustomerVersion extends Recorder {
  readonly id: number;
  readonly change: Change;
  readonly customer: Customer;
  /** The version that it took the place of. */
  readonly before: Customer | undefined;
}

/** A place in the order of changes, which is final: nothing is ever added before a change that was told. */
export interface ChangePlace {
  /** The block of the audit trail that it is sealed in. */
  readonly block: number;
  readonly id: number;
}

export interface CustomerChange extends ChangePlace {
  readonly change: Change;
  readonly customer: Customer;
}

/** Every state that the customers of a context were in. Writes exist inside `Transactions.run` alone. */
export abstract class CustomerVersionRepository {
  abstract insert(by: Principal, change: Change, customer: Customer): Promise<void>;

  /** The customer that had this UserID at a time, as it was then; Unix milliseconds. */
  abstract asOf(context: ContextId, userId: UserId, at: number): Promise<Customer | undefined>;

  /**
   * At most `limit` versions with an id below `before` of every customer that has, or once had, this UserID;
   * the newest first.
   */
  abstract history(
    context: ContextId,
    userId: UserId,
    before: number,
    limit: number,
  ): Promise<CustomerVersion[]>;

  /** At most `limit` changes behind a place, in their order. Those not placed yet are not among them. */
  abstract changes(context: ContextId, after: ChangePlace, limit: number): Promise<CustomerChange[]>;

  /** The last block that any change is placed in, of whatever context. */
  abstract lastBlock(): Promise<number>;

  /**
   * Deletes all versions of customers whose deletion is sealed in a block up to `throughBlock`.
   *
   * @param after where to begin, by the id of a version
   * @param limit how many customers at most
   * @returns how many customers, and where to go on; undefined = that was all
   */
  abstract purge(
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ customers: number; next: number | undefined }>;
}
