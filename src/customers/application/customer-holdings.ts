import type { Principal } from '../../identity/domain/principal.js';
import type { Customer, DeletedCustomer } from '../domain/customer.js';

/** What customers hold. A port, which the feature that keeps the holdings implements. */
export abstract class CustomerHoldings {
  /**
   * Makes all other transactions that change holdings of the context wait for this one. MUST come before the
   * transaction's first plain read, which fixes what it sees.
   */
  abstract open(by: Principal): Promise<OpenHoldings>;

  /**
   * Removes the holdings of deleted customers for good. Skips a customer unless blocks up to `throughBlock` seal them all.
   *
   * @returns the customers that have no holdings left
   */
  abstract purgeOf(customers: readonly DeletedCustomer[], throughBlock: number): Promise<DeletedCustomer[]>;
}

/** Lets the current transaction change holdings. */
export interface OpenHoldings {
  /** Ends the customer's current holdings, and withdraws those that begin later. */
  release(customer: Customer): Promise<void>;
}
