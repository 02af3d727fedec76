/** What is wrong with a text, as the predicate of a sentence; undefined = it is valid. */
type Rule = (text: string) => string | undefined;

/** The rules for a kind of text, which several fields may share. */
interface TextKind {
  readonly rules: readonly Rule[];
  /** A regular expression for the OpenAPI document, if one can express the rules. */
  readonly pattern?: string;
  /** The Unicode form to which it is normalized; undefined = none. */
  readonly form?: 'NFC';
}

/** Describes a field of a customer, except for its column, which is in customer.entity.ts. */
export interface FieldDescriptor {
  /** Its name in JSON and CSV. */
  readonly wireName: string;
  /** Whether every customer has it; other fields are null until they are set. */
  readonly isRequired: boolean;
  /** Whether it is one of the six of the Trisul IPDR customers API, all of which a PUT must send. */
  readonly isInReference: boolean;
  readonly kind: TextKind;
  /** In Unicode code points, which the databases count too. */
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
    // Loose on purpose: to refuse a working address is worse than to accept a broken one.
    pattern(/^([^\s@]+@[^\s@.]+(\.[^\s@.]+)*)?$/u, 'must be an e-mail address'),
  ],
};

const PHONE_SIGNS = /^[\d +\-().,/;]*$/;

export const PHONE_NUMBERS: TextKind = {
  rules: [pattern(PHONE_SIGNS, 'may contain digits, spaces and + - ( ) . / , ; only')],
  pattern: PHONE_SIGNS.source,
};

/**
 * The fields of a customer, in the order of answers. Types, checks, API members, filters, CSV columns, look-up, history
 * and SQL follow from this table; docs/architecture.md says how to add a field.
 */
export const CUSTOMER_FIELDS = {
  name: {
    wireName: 'Name',
    isRequired: true,
    isInReference: true,
    kind: NAME,
    maxLength: 255,
    example: 'Trisul',
    description: 'Not blank, no control characters',
  },
  address: {
    wireName: 'Address',
    isRequired: false,
    isInReference: true,
    kind: LINES,
    maxLength: 1024,
    example: 'Chennai',
    description: 'Line breaks are allowed',
  },
  email: {
    wireName: 'Email',
    isRequired: false,
    isInReference: true,
    kind: EMAIL,
    maxLength: 254,
    example: 'demo@gmail.com',
  },
  phoneNumber: {
    wireName: 'PhoneNumber',
    isRequired: false,
    isInReference: true,
    kind: PHONE_NUMBERS,
    maxLength: 64,
    example: '1234567890',
  },
  altPhoneNumber: {
    wireName: 'AltPhoneNumber',
    isRequired: false,
    isInReference: true,
    kind: PHONE_NUMBERS,
    maxLength: 64,
    example: '9999999999',
  },
  userId: {
    wireName: 'UserID',
    isRequired: true,
    isInReference: true,
    kind: USER_ID,
    maxLength: 128,
    example: 'B68t19',
    description:
      'Unique in the context, case-sensitive, compared in Unicode NFC; no control characters, ' +
      'no space at the beginning or the end',
  },
} as const satisfies Readonly<Record<string, FieldDescriptor>>;

export type CustomerField = keyof typeof CUSTOMER_FIELDS;

/** The value of a field; null = not set. */
export type FieldValue<Field extends CustomerField> =
  (typeof CUSTOMER_FIELDS)[Field]['isRequired'] extends true ? string : string | null;

export const FIELDS = Object.keys(CUSTOMER_FIELDS) as CustomerField[];

/** What is wrong with a value of `field`, as the predicate of a sentence; undefined = it is valid. */
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
  // A code point has one or two code units, so that only lengths in between need counting.
  return text.length > max && (text.length > 2 * max || [...text].length > max);
}
