import { COMMON_ERRORS, errorCodes, RegisterError } from '../../shared/errors.js';
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

/** @throws RegisterError `customer_not_found` if there is none */
export function known(customer: Customer | undefined): Customer {
  if (customer === undefined) throw customerNotFound();
  return customer;
}

export function customerChanged(): RegisterError {
  return new RegisterError(
    COMMON_ERRORS.precondition_failed,
    'The customer is in another version than If-Match or If-None-Match says; read it again, then decide',
  );
}
