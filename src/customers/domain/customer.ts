import type { ContextId } from '../../identity/domain/principal.js';
import { validationFailed } from '../../shared/errors.js';
import { CUSTOMER_FIELDS, faultOf, FIELDS, type CustomerField, type FieldValue } from './customer-fields.js';

declare const userId: unique symbol;

/** Identifies a customer in its context; in Unicode NFC. */
export type UserId = string & { readonly [userId]: true };

/** The fields of a customer, unchecked. An optional field that was not given is null; '' stays ''. */
export type CustomerFields = {
  readonly [Field in CustomerField]: Field extends 'userId' ? UserId : FieldValue<Field>;
};

declare const checked: unique symbol;

/** Fields that obey every rule: only `requireValidFields` makes them. */
export type CustomerDetails = CustomerFields & { readonly [checked]: true };

/** A customer in one of its versions. */
export interface Customer extends CustomerDetails {
  /** Assigned by the register and never reused. */
  readonly id: number;
  /** When this version was recorded: Unix milliseconds, greater in every later version. */
  readonly updatedAt: number;
}

/** A customer as it was at an earlier instant. */
export interface PastCustomer extends Customer {
  /** Whether it has been deleted since. */
  readonly isDeleted: boolean;
}

export interface DeletedCustomer {
  readonly context: ContextId;
  readonly id: number;
}

/** Normalizes to NFC, so that all Unicode forms of a text are the same UserID. */
export function toUserId(text: string): UserId {
  return text.normalize('NFC') as UserId;
}

/** The fields to which `changes` gives a new value. */
export function changedFields(before: CustomerDetails, changes: Partial<CustomerDetails>): CustomerField[] {
  return FIELDS.filter((field) => changes[field] !== undefined && changes[field] !== before[field]);
}

/** @throws RegisterError `validation_failed` with every fault */
export function requireValidFields(fields: CustomerFields): CustomerDetails;
export function requireValidFields(fields: Partial<CustomerFields>): Partial<CustomerDetails>;
export function requireValidFields(fields: Partial<CustomerFields>): Partial<CustomerDetails> {
  const faults = FIELDS.flatMap((field) => {
    const value = fields[field];
    const message = value === undefined ? undefined : faultOf(field, value);
    return message === undefined ? [] : [{ field: CUSTOMER_FIELDS[field].wireName, message }];
  });
  if (faults.length > 0) throw validationFailed(faults);
  return fields;
}
