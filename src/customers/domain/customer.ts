import type { ContextId } from '../../identity/domain/principal.js';
import type { FieldFault } from '../../shared/errors.js';
import { CUSTOMER_FIELDS, faultOf, FIELDS, type CustomerField, type FieldValue } from './customer-fields.js';

declare const userId: unique symbol;

/** The name under which a customer is known in its context, in Unicode NFC. */
export type UserId = string & { readonly [userId]: true };

/** What is known of a customer. An optional field that was never given is null; '' stays ''. */
export type CustomerDetails = {
  readonly [Field in CustomerField]: Field extends 'userId' ? UserId : FieldValue<Field>;
};

/** A customer of the register, in one of the versions that it had. */
export interface Customer extends CustomerDetails {
  /** Given by the register and never used again. */
  readonly id: number;
  /** Since when it is known in this version: Unix milliseconds, greater in every later version. */
  readonly updatedAt: number;
}

/** A customer as it was at a time. */
export interface PastCustomer extends Customer {
  /** Whether it was deleted since. */
  readonly isDeleted: boolean;
}

/** A customer that was deleted. */
export interface GoneCustomer {
  readonly context: ContextId;
  readonly id: number;
}

/** The same text, typed in another Unicode form, is the same UserID. */
export function toUserId(text: string): UserId {
  return text.normalize('NFC') as UserId;
}

/** The fields of which `changes` holds another value than `before`. */
export function changedFields(before: CustomerDetails, changes: Partial<CustomerDetails>): CustomerField[] {
  return FIELDS.filter((field) => changes[field] !== undefined && changes[field] !== before[field]);
}

/** Everything that is wrong with `fields`, under the names that the API has for them. */
export function faultsOf(fields: Partial<CustomerDetails>): FieldFault[] {
  return FIELDS.flatMap((field) => {
    const value = fields[field];
    const message = value === undefined ? undefined : faultOf(field, value);
    return message === undefined ? [] : [{ field: CUSTOMER_FIELDS[field].wireName, message }];
  });
}
