import {
  CUSTOMER_FIELDS,
  FIELDS,
  PHONE_NUMBERS,
  type CustomerField,
} from '../../customers/domain/customer-fields.js';
import type { Customer } from '../../customers/domain/customer.js';

/** Without which an inquiry finds nobody. */
export const NEEDED: readonly CustomerField[] = ['address', 'email', 'phoneNumber'];

/** Fields whose numbers may be placeholders. */
export const NUMBERS = FIELDS.filter((field) => CUSTOMER_FIELDS[field].kind === PHONE_NUMBERS);

/** What stands in a field for want of a value, as CRMs are full of it. */
const NOTHING = /^(na|n\/a|nil|none|null|unknown|not (available|known|provided))$/i;
/** Shorter ones are somebody's extension. */
const MIN_DIGITS = 6;
const COUNTING = ['01234567890', '09876543210'];

/** The fields of a customer that an inquiry would find empty, and the numbers that can't be anybody's. */
export interface FieldDoubts {
  readonly missing: readonly CustomerField[];
  readonly placeholders: readonly CustomerField[];
}

export function doubtsOf(customer: Customer): FieldDoubts {
  return {
    missing: NEEDED.filter((field) => isNothing(customer[field])),
    placeholders: NUMBERS.filter((field) => isPlaceholder(customer[field] ?? '')),
  };
}

function isNothing(text: string | null): boolean {
  return text === null || !/[\p{L}\p{N}]/u.test(text) || NOTHING.test(text.trim());
}

/** Whether all numbers of a field are like 9999999999 or 1234567890, with or without what is dialled before them. */
function isPlaceholder(field: string): boolean {
  const numbers = field.split(/[,;/]/).map((number) => number.replace(/\D/g, ''));
  const given = numbers.filter((digits) => digits !== '');
  return given.length > 0 && given.every(isMadeUp);
}

function isMadeUp(digits: string): boolean {
  if (digits.length < MIN_DIGITS) return false;
  const isCounted = COUNTING.some((counting) => counting.includes(digits.slice(-10)));
  return isCounted || new RegExp(`^\\d{0,3}(\\d)\\1{${MIN_DIGITS - 1},}$`).test(digits);
}
