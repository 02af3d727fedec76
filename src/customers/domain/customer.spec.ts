import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { faultOf, type CustomerField } from './customer-fields.js';
import type { FieldFault, RegisterError } from '../../shared/errors.js';
import { requireValidFields, toUserId, type CustomerFields } from './customer.js';

const LIMITS = [
  ['userId', 1, 128],
  ['name', 1, 255],
  ['address', 0, 1024],
  ['email', 0, 254],
  ['phoneNumber', 0, 64],
  ['altPhoneNumber', 0, 64],
] as const;

const FIELDS = LIMITS.map(([field]) => field);
const REQUIRED: readonly CustomerField[] = ['userId', 'name'];

/** A text of `count` characters that `field` takes, made of `character` where the field allows that. */
function ofLength(field: CustomerField, count: number, character: string): string {
  if (field === 'phoneNumber' || field === 'altPhoneNumber') return '7'.repeat(count);
  return field === 'email' && count > 2 ? `${character.repeat(count - 2)}@x` : character.repeat(count);
}

const characters = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => String.fromCodePoint(from + n));
const ASCII_CONTROLS = [...characters(0, 0x1f), '\u007f'];
const LATIN_CONTROLS = characters(0x80, 0x9f);

/** `inner` with ordinary text around it. */
const around = (inner: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom('', 'x', 'é😀'), inner, fc.constantFrom('', 'x', '😀é'))
    .map((parts) => parts.join(''));

const isAccepted = (field: CustomerField, value: string | null): boolean =>
  faultOf(field, value) === undefined;

describe('a field of a customer', () => {
  it.each(LIMITS)('%s has %i to %i characters, each counted once', (field, min, max) => {
    const counts = fc.oneof(fc.constantFrom(0, 1, max, max + 1), fc.integer({ min: 3, max: 3 * max }));
    fc.assert(
      fc.property(counts, fc.constantFrom('a', 'é', '中', '😀', '𐀀'), (count, character) => {
        fc.pre(field !== 'email' || count === 0 || count > 2);
        expect(isAccepted(field, ofLength(field, count, character))).toBe(count >= min && count <= max);
      }),
    );
  });

  it.each(FIELDS)('%s has a message for each limit', (field) => {
    const [, min, max] = LIMITS.find(([name]) => name === field) ?? [];
    expect(faultOf(field, 'x'.repeat(5000))).toBe(`must be at most ${max} characters`);
    expect(faultOf(field, '')).toBe(min === 0 ? undefined : 'must not be empty');
    const isRequired = REQUIRED.includes(field);
    expect(faultOf(field, null)).toBe(isRequired ? 'is required and cannot be null' : undefined);
  });

  it.each(FIELDS)('%s refuses half a surrogate pair', (field) => {
    const half = fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit));
    fc.assert(
      fc.property(around(half), (text) => {
        expect(faultOf(field, text)).toBe('must be valid Unicode text');
      }),
    );
  });

  it.each([
    ['userId', [...ASCII_CONTROLS, ...LATIN_CONTROLS]],
    ['name', ASCII_CONTROLS],
    ['address', ASCII_CONTROLS.filter((control) => !'\t\n\r'.includes(control))],
    ['email', ASCII_CONTROLS],
    ['phoneNumber', ASCII_CONTROLS],
    ['altPhoneNumber', ASCII_CONTROLS],
  ] as const)('%s refuses control characters', (field, controls) => {
    fc.assert(
      fc.property(around(fc.constantFrom(...controls)), (text) => {
        expect(isAccepted(field, text)).toBe(false);
      }),
    );
  });

  it('userId refuses any kind of space at either end', () => {
    for (const space of [' ', '\u00a0', '\u1680', '\u2003', '\u2028', '\u3000', '\ufeff']) {
      for (const text of [`${space}a`, `a${space}`, space]) {
        expect(faultOf('userId', text)).toBe('must not begin or end with a space');
      }
      expect(isAccepted('userId', `a${space}a`)).toBe(true);
    }
  });

  it('userId takes what is special in URLs, SQL and spreadsheets', () => {
    for (const text of ['a/b', 'user@realm', '..', '%41', `'"\\;--`, '=1+1', '__proto__', 'null', '0']) {
      expect(faultOf('userId', text)).toBeUndefined();
    }
  });

  it('name must not be blank', () => {
    for (const blank of [' ', '   ', '\u00a0', '\u3000'])
      expect(faultOf('name', blank)).toBe('must not be blank');
    expect(faultOf('name', ' x ')).toBeUndefined();
  });

  it('address takes line breaks and tabs', () => {
    expect(faultOf('address', 'MG Road 1\r\n\tChennai\n')).toBeUndefined();
  });

  it.each(['a@b', 'demo@gmail.com', `o'brien+x@mail.example.co.in`, 'jörg@müller.example', '用户@例子.中国'])(
    'email takes %s',
    (address) => {
      expect(faultOf('email', address)).toBeUndefined();
    },
  );

  it.each(['a', '@', 'a@', '@b', 'a@b@c', 'a b@c', 'a@b c', 'a@.b', 'a@b.', 'a@b..c', ' a@b', 'a@b ', ' '])(
    'email refuses "%s"',
    (address) => {
      expect(faultOf('email', address)).toBe('must be an e-mail address');
    },
  );

  it('email is checked quickly, whatever it holds', () => {
    expect(isAccepted('email', `a@${'a.'.repeat(125)}`)).toBe(false);
    expect(isAccepted('email', `${'a'.repeat(253)}@`)).toBe(false);
  });

  it.each(['phoneNumber', 'altPhoneNumber'] as const)(
    '%s takes digits and the signs of phone numbers',
    (field) => {
      for (const text of ['1234567890', '+91 (44) 12-34/56', '1.2,3;4'])
        expect(faultOf(field, text)).toBeUndefined();
      for (const text of ['1a', '#1', '*1', '１', '٣', '1\u00a02', '1_2']) {
        expect(faultOf(field, text)).toBe('may contain digits, spaces and + - ( ) . / , ; only');
      }
    },
  );

  it('is reported with all other faults under its name in the API', () => {
    const userId = toUserId('');
    expect(faultsOf({ userId, name: 'N', email: 'x', address: null })).toEqual([
      { field: 'Email', message: 'must be an e-mail address' },
      { field: 'UserID', message: 'must not be empty' },
    ]);
    expect(faultsOf({ name: ' ' })).toEqual([{ field: 'Name', message: 'must not be blank' }]);
    expect(faultsOf({})).toEqual([]);
  });
});

describe('toUserId', () => {
  const text = fc.string({ unit: 'binary' });

  it('returns one UserID for all Unicode forms of a text', () => {
    fc.assert(
      fc.property(text, (written) => {
        const userId = toUserId(written);
        expect(toUserId(userId)).toBe(userId);
        expect(toUserId(written.normalize('NFD'))).toBe(userId);
      }),
    );
    expect(toUserId('e\u0301')).toBe('é');
    expect(toUserId('Å')).toBe('Å');
  });

  it('keeps characters that are only compatible in Unicode apart', () => {
    for (const other of ['ﬁ', 'ａ', '²', 'ſ', 'A']) expect(toUserId(other)).toBe(other);
  });

  it('does not change whether a UserID is accepted', () => {
    fc.assert(
      fc.property(text, (written) => {
        expect(faultOf('userId', toUserId(written))).toBe(faultOf('userId', written));
      }),
    );
  });

  it('comes before the length of a UserID is counted', () => {
    expect(isAccepted('userId', 'e\u0301'.repeat(128))).toBe(true);
    expect(isAccepted('userId', 'e\u0301'.repeat(129))).toBe(false);
    // U+0958 is one character, but two in NFC.
    expect(isAccepted('userId', '\u0958'.repeat(64))).toBe(true);
    expect(isAccepted('userId', '\u0958'.repeat(65))).toBe(false);
  });
});

/** What `requireValidFields` refuses. */
function faultsOf(fields: Partial<CustomerFields>): readonly FieldFault[] {
  try {
    requireValidFields(fields);
    return [];
  } catch (error) {
    return (error as RegisterError).faults;
  }
}
