import type { ContextId } from '../../identity/domain/principal.js';
import type { Inserted } from '../../shared/inserted.js';
import type { Customer, CustomerDetails, UserId } from '../domain/customer.js';

/** Narrows a list to the customers that meet every condition. */
export interface CustomerFilter {
  /** Fields equal to these values; null = not set. */
  readonly equal?: readonly Partial<CustomerDetails>[];
  /** The start of UserID or PhoneNumber, or, without regard to case, of Name or Email. */
  readonly search?: string;
  /** Created or changed at this time or later; Unix milliseconds. */
  readonly updatedSince?: number;
}

export type NewCustomer = Omit<Customer, 'id'>;

/** The present customers of a context. Writes work only inside `Transactions.run`. */
export abstract class CustomerRepository {
  abstract find(context: ContextId, userId: UserId): Promise<Customer | undefined>;

  /** Like `find`, and keeps others from changing the customer until the transaction ends. */
  abstract lock(context: ContextId, userId: UserId): Promise<Customer | undefined>;

  /** Inserts all of the customers, or none if a UserID is taken. */
  abstract insert(context: ContextId, customers: readonly NewCustomer[]): Promise<Inserted<NewCustomer>>;

  /** @returns false = the new UserID is taken; nothing was written */
  abstract update(context: ContextId, customer: Customer): Promise<boolean>;

  abstract delete(context: ContextId, id: number): Promise<void>;

  /** At most `limit` customers with an id greater than `after`, by ascending id. */
  abstract page(
    context: ContextId,
    filter: CustomerFilter,
    after: number,
    limit: number,
  ): Promise<Customer[]>;

  /**
   * The whole list by ascending id, in batches, as of the first batch.
   *
   * @param announce called with the number of customers, before the first batch
   */
  abstract all(
    context: ContextId,
    filter: CustomerFilter,
    after: number,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<Customer[]>;
}
