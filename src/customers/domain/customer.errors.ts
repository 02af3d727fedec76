import { RegisterError } from '../../shared/errors.js';
import type { Customer, UserId } from './customer.js';

export function customerExists(userId: UserId, contextName: string): RegisterError {
  return new RegisterError('customer_exists', `Customer ${userId} already exists in context ${contextName}`);
}

export function customerNotFound(): RegisterError {
  return new RegisterError('customer_not_found', 'IPDR Customer not found');
}

/** @throws RegisterError `customer_not_found` if there is none */
export function known(customer: Customer | undefined): Customer {
  if (customer === undefined) throw customerNotFound();
  return customer;
}

export function cursorUnknown(): RegisterError {
  return new RegisterError(
    'cursor_unknown',
    'This cursor is of changes that the register does not have, as it was restored from a backup or is another one: ' +
      'read all customers and mappings anew, then the changes from their beginning',
  );
}

export function customerChanged(): RegisterError {
  return new RegisterError(
    'precondition_failed',
    'The customer is in another version than If-Match or If-None-Match says; read it again, then decide',
  );
}
