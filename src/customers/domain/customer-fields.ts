/** What is wrong with a text, to follow the field's name in a sentence; undefined if nothing is. */
type Rule = (text: string) => string | undefined;

/** A kind of text, whichever field holds it. */
interface TextKind {
  readonly rules: readonly Rule[];
  /** What the rules accept, as far as a regular expression can say it to clients. */
  readonly pattern?: string;
  /** The Unicode form in which it is kept and counted; undefined = as it was given. */
  readonly form?: 'NFC';
}

/** All that is to be said of a field; only its column is elsewhere, in customer.entity.ts. */
export interface FieldDescriptor {
  /** The name that the API has for it, in JSON and CSV. */
  readonly wireName: string;
  /** Whether no customer is without it; other fields are null until they are given. */
  readonly isRequired: boolean;
  /** Whether it is one of the six of the Trisul IPDR customers API, all of which a PUT must send. */
  readonly isOfReference: boolean;
  readonly kind: TextKind;
  /** In Unicode code points, as the databases count them. */
  readonly maxLength: number;
  readonly example: string;
  /** For the OpenAPI document. */
  readonly description?: string;
}

function pattern(expression: RegExp, fault: string): Rule {
  return (text) => (expression.test(text) ? undefined : fault);
}

const noControls = pattern(/^\P{Cc}*$/u, 'must not contain control characters or line breaks');

const USER_ID: TextKind = {
  form: 'NFC',
  rules: [noControls, pattern(/^\S(.*\S)?$/su, 'must not begin or end with a space')],
};

const NAME: TextKind = { rules: [noControls, pattern(/\S/, 'must not be blank')] };

const LINES: TextKind = {
  rules: [
    pattern(/^(\P{Cc}|[\t\n\r])*$/u, 'must not contain control characters other than line breaks and tabs'),
  ],
};

const EMAIL: TextKind = {
  rules: [
    noControls,
    // Loose on purpose: refusing an address that works is worse than keeping one that does not.
    pattern(/^([^\s@]+@[^\s@.]+(\.[^\s@.]+)*)?$/u, 'must be an e-mail address'),
  ],
};

const PHONE_SIGNS = /^[\d +\-().,/;]*$/;

export const PHONE_NUMBERS: TextKind = {
  rules: [pattern(PHONE_SIGNS, 'may contain digits, spaces and + - ( ) . / , ; only')],
  pattern: PHONE_SIGNS.source,
};

/**
 * The fields of a customer, in the order of answers. The types, the checks, the API's members, filters and CSV columns, the
 * look-up, the history and the SQL follow from this table: docs/architecture.md says how to add a field.
 */
export const CUSTOMER_FIELDS = {
  name: {
    wireName: 'Name',
    isRequired: true,
    isOfReference: true,
    kind: NAME,
    maxLength: 255,
    example: 'Trisul',
    description: 'Not blank, no control characters',
  },
  address: {
    wireName: 'Address',
    isRequired: false,
    isOfReference: true,
    kind: LINES,
    maxLength: 1024,
    example: 'Chennai',
    description: 'Line breaks are allowed',
  },
  email: {
    wireName: 'Email',
    isRequired: false,
    isOfReference: true,
    kind: EMAIL,
    maxLength: 254,
    example: 'demo@gmail.com',
  },
  phoneNumber: {
    wireName: 'PhoneNumber',
    isRequired: false,
    isOfReference: true,
    kind: PHONE_NUMBERS,
    maxLength: 64,
    example: '1234567890',
  },
  altPhoneNumber: {
    wireName: 'AltPhoneNumber',
    isRequired: false,
    isOfReference: true,
    kind: PHONE_NUMBERS,
    maxLength: 64,
    example: '9999999999',
  },
  userId: {
    wireName: 'UserID',
    isRequired: true,
    isOfReference: true,
    kind: USER_ID,
    maxLength: 128,
    example: 'B68t19',
    description:
      'Unique in the context, case-sensitive, compared in Unicode NFC; no control characters, ' +
      'no space at the beginning or the end',
  },
} as const satisfies Readonly<Record<string, FieldDescriptor>>;

export type CustomerField = keyof typeof CUSTOMER_FIELDS;

/** The value of a field: null where it was never given. */
export type FieldValue<Field extends CustomerField> =
  (typeof CUSTOMER_FIELDS)[Field]['isRequired'] extends true ? string : string | null;

export const FIELDS = Object.keys(CUSTOMER_FIELDS) as CustomerField[];

/** What is wrong with a value of `field`, to follow the field's name in a sentence; undefined if nothing is. */
export function faultOf(field: CustomerField, value: string | null): string | undefined {
  const { isRequired, maxLength, kind }: FieldDescriptor = CUSTOMER_FIELDS[field];
  if (value === null) return isRequired ? 'is required and cannot be null' : undefined;
  if (!value.isWellFormed()) return 'must be valid Unicode text';
  const text = kind.form === undefined ? value : value.normalize(kind.form);
  if (isRequired && text === '') return 'must not be empty';
  if (isLongerThan(maxLength, text)) return `must be at most ${maxLength} characters`;
  for (const rule of kind.rules) {
    const fault = rule(text);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function isLongerThan(max: number, text: string): boolean {
  // A code point has one or two code units: only in between must they be counted.
  return text.length > max && (text.length > 2 * max || [...text].length > max);
}
