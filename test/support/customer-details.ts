import { FIELDS } from '../../src/customers/domain/customer-fields.js';
import { toUserId, type CustomerDetails, type CustomerFields } from '../../src/customers/domain/customer.js';

const ABSENT = Object.fromEntries(FIELDS.map((field) => [field, null]));

/** The details of a customer, with null for what is not given. Unchecked, since a database must store any text. */
export function detailsOf(userId: string, fields: Partial<CustomerFields> = {}): CustomerDetails {
  return { ...ABSENT, name: 'Trisul', userId: toUserId(userId), ...fields } as unknown as CustomerDetails;
}
