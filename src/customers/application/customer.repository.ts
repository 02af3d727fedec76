import type { ContextId } from '../../identity/domain/principal.js';
import type { Inserted } from '../../shared/inserted.js';
import type { Customer, CustomerDetails, UserId } from '../domain/customer.js';

/** Which customers a list holds: those to which every condition applies. */
export interface CustomerFilter {
  /** Fields equal to these values; null = never given. */
  readonly equal?: readonly Partial<CustomerDetails>[];
  /** The start of UserID or PhoneNumber, or, without regard to case, of Name or Email. */
  readonly search?: string;
  /** Created or changed at this time or later; Unix milliseconds. */
  readonly updatedSince?: number;
}

export type NewCustomer = Omit<Customer, 'id'>;

/** The customers of one context each. Writes exist inside `Transactions.run` alone. */
export abstract class CustomerRepository {
  abstract find(context: ContextId, userId: UserId): Promise<Customer | undefined>;

  /** As `find`, and keeps others from changing the customer until the transaction ends. */
  abstract lock(context: ContextId, userId: UserId): Promise<Customer | undefined>;

  /** Inserts all of the customers, or none if a UserID is taken. */
  abstract insert(context: ContextId, customers: readonly NewCustomer[]): Promise<Inserted<NewCustomer>>;

  /** @returns false = the new UserID is taken, and nothing was written */
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
   * All of them in the same order, a batch at a time, as they stand when the first batch is asked for.
   *
   * @param announce told how many there are, before the first batch
   */
  abstract all(
    context: ContextId,
    filter: CustomerFilter,
    after: number,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<Customer[]>;
}
