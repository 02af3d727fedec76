import type { ContextId } from '../../identity/domain/principal.js';
import type { FieldFault } from '../../shared/errors.js';

declare const userId: unique symbol;

/** The name under which a customer is known in its context, in Unicode NFC. */
export type UserId = string & { readonly [userId]: true };

/** What is known of a customer. An optional field that was never given is null; '' stays ''. */
export interface CustomerDetails {
  readonly userId: UserId;
  readonly name: string;
  readonly address: string | null;
  readonly email: string | null;
  readonly phoneNumber: string | null;
  readonly altPhoneNumber: string | null;
}

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

export type CustomerField = keyof CustomerDetails;

/** The same text, typed in another Unicode form, is the same UserID. */
export function toUserId(text: string): UserId {
  return text.normalize('NFC') as UserId;
}

/** The fields of which `changes` holds another value than `before`. */
export function changedFields(before: CustomerDetails, changes: Partial<CustomerDetails>): CustomerField[] {
  const fields = Object.keys(FIELDS) as CustomerField[];
  return fields.filter((field) => changes[field] !== undefined && changes[field] !== before[field]);
}

/** What is wrong with a value of `field`, to follow the field's name in a sentence; undefined if nothing is. */
export function faultOf(field: CustomerField, value: string | null): string | undefined {
  const { required, rules } = FIELDS[field];
  if (value === null) return required ? 'is required and cannot be null' : undefined;
  if (!value.isWellFormed()) return 'must be valid Unicode text';
  for (const rule of rules) {
    const fault = rule(value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Everything that is wrong with `fields`, under the names that `nameOf` gives them. */
export function faultsOf(
  fields: Partial<CustomerDetails>,
  nameOf: (field: CustomerField) => string = (field) => field,
): FieldFault[] {
  return Object.entries(fields).flatMap(([field, value]) => {
    const fault = faultOf(field as CustomerField, value);
    return fault === undefined ? [] : [{ field: nameOf(field as CustomerField), message: fault }];
  });
}

type Rule = (text: string) => string | undefined;

/** Characters are Unicode code points, as the databases count them. */
function length(min: number, max: number): Rule {
  return (text) => {
    // A code point has one or two code units: only in between must they be counted.
    if (text.length >= min && text.length <= max) return undefined;
    const characters = text.length > 2 * max ? text.length : [...text].length;
    if (characters < min) return 'must not be empty';
    return characters > max ? `must be at most ${max} characters` : undefined;
  };
}

function pattern(expression: RegExp, fault: string): Rule {
  return (text) => (expression.test(text) ? undefined : fault);
}

const noControls = pattern(/^\P{Cc}*$/u, 'must not contain control characters or line breaks');

const phoneNumber = {
  required: false,
  rules: [length(0, 64), pattern(/^[\d +\-().,/;]*$/, 'may contain digits, spaces and + - ( ) . / , ; only')],
};

const FIELDS: Record<CustomerField, { required: boolean; rules: readonly Rule[] }> = {
  userId: {
    required: true,
    rules: [
      (text) => length(1, 128)(text.normalize('NFC')),
      noControls,
      pattern(/^\S(.*\S)?$/su, 'must not begin or end with a space'),
    ],
  },
  name: { required: true, rules: [length(1, 255), noControls, pattern(/\S/, 'must not be blank')] },
  address: {
    required: false,
    rules: [
      length(0, 1024),
      pattern(/^(\P{Cc}|[\t\n\r])*$/u, 'must not contain control characters other than line breaks and tabs'),
    ],
  },
  email: {
    required: false,
    rules: [
      length(0, 254),
      noControls,
      // Loose on purpose: refusing an address that works is worse than keeping one that does not.
      pattern(/^([^\s@]+@[^\s@.]+(\.[^\s@.]+)*)?$/u, 'must be an e-mail address'),
    ],
  },
  phoneNumber,
  altPhoneNumber: phoneNumber,
};
