import {
  CUSTOMER_FIELDS,
  FIELDS,
  PHONE_NUMBERS,
  type CustomerField,
} from '../../customers/domain/customer-fields.js';
import type { Customer } from '../../customers/domain/customer.js';

/** The fields that an inquiry needs. */
export const NEEDED: readonly CustomerField[] = ['address', 'email', 'phoneNumber'];

/** Fields whose numbers may be placeholders. */
export const NUMBERS = FIELDS.filter((field) => CUSTOMER_FIELDS[field].kind === PHONE_NUMBERS);

/** What CRMs contain instead of a value. */
const FILLER = /^(na|n\/a|nil|none|null|unknown|not (available|known|provided))$/i;
/** Shorter numbers may be extensions. */
const MIN_DIGITS = 6;
const SEQUENCES = ['01234567890', '09876543210'];

/** The needed fields that are empty, and the phone numbers that can't be real. */
export interface FieldDoubts {
  readonly missing: readonly CustomerField[];
  readonly placeholders: readonly CustomerField[];
}

export function doubtsOf(customer: Customer): FieldDoubts {
  return {
    missing: NEEDED.filter((field) => isEmpty(customer[field])),
    placeholders: NUMBERS.filter((field) => isPlaceholder(customer[field] ?? '')),
  };
}

function isEmpty(text: string | null): boolean {
  return text === null || !/[\p{L}\p{N}]/u.test(text) || FILLER.test(text.trim());
}

/** Whether all numbers of a field are like 9999999999 or 1234567890, with or without a prefix. */
function isPlaceholder(field: string): boolean {
  const numbers = field.split(/[,;/]/).map((number) => number.replace(/\D/g, ''));
  const given = numbers.filter((digits) => digits !== '');
  return given.length > 0 && given.every(isMadeUp);
}

function isMadeUp(digits: string): boolean {
  if (digits.length < MIN_DIGITS) return false;
  const isSequence = SEQUENCES.some((sequence) => sequence.includes(digits.slice(-10)));
  return isSequence || new RegExp(`^\\d{0,3}(\\d)\\1{${MIN_DIGITS - 1},}$`).test(digits);
}
