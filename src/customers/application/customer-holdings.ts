import type { Principal } from '../../identity/domain/principal.js';
import type { Customer, GoneCustomer } from '../domain/customer.js';

/** What customers hold, as far as customers must know: the feature that keeps holdings implements it. */
export abstract class CustomerHoldings {
  /**
   * Makes all others who change holdings of the context wait for this transaction. Must be its first statement: what a
   * transaction reads first settles what it sees.
   */
  abstract open(by: Principal): Promise<OpenHoldings>;

  /**
   * Removes for good what deleted customers held, if all of it is sealed in blocks up to `throughBlock`.
   *
   * @returns the customers of whom nothing is left
   */
  abstract purgeOf(customers: readonly GoneCustomer[], throughBlock: number): Promise<GoneCustomer[]>;
}

/** Holdings that the transaction under way may change. */
export interface OpenHoldings {
  /** Ends what the customer holds now, and withdraws what it would hold later. */
  release(customer: Customer): Promise<void>;
}
