import { errorCodes, RegisterError } from '../../shared/errors.js';
import type { Customer, UserId } from './customer.js';

export const CUSTOMER_ERRORS = errorCodes({
  customer_not_found: { kind: 'not_found', when: 'no customer in this context has this UserID' },
  customer_exists: { kind: 'conflict', when: 'another customer of this context has this UserID' },
});

export function customerExists(userId: UserId, contextName: string): RegisterError {
  return new RegisterError(
    CUSTOMER_ERRORS.customer_exists,
    `Customer ${userId} already exists in context ${contextName}`,
  );
}

export function customerNotFound(): RegisterError {
  return new RegisterError(CUSTOMER_ERRORS.customer_not_found, 'IPDR Customer not found');
}

/** @throws RegisterError `customer_not_found` if it is undefined */
export function requireCustomer(customer: Customer | undefined): Customer {
  if (customer === undefined) throw customerNotFound();
  return customer;
}
