import { describe, expect, it } from '@jest/globals';
import { customer, pathOf, toJson } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { LIST, ONE, REQUIRED, UNKNOWN, useRefusingService, type Refusal } from './support/refusals.js';

const NO_CONTROLS = 'must not contain control characters or line breaks';
const NO_EDGE_SPACE = 'must not begin or end with a space';
const NOT_UNICODE = 'must be valid Unicode text';
const NOT_A_PHONE = 'may contain digits, spaces and + - ( ) . / , ; only';
const NOT_AN_ADDRESS = 'must be an e-mail address';
const NOT_A_TIME = 'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999';
const NOT_A_LIMIT = 'must be a whole number from 1 to 10000';

describe.each(databaseKinds)('on $name, the service', (kind) => {
  const { caller, signed, refuses } = useRefusingService(kind);

  describe('given a field,', () => {
    const faulty = (faults: Record<string, string>): Refusal => ({
      status: 422,
      code: 'validation_failed',
      faults,
    });
    const emails = [
      'demo',
      '@gmail.com',
      'demo@',
      'de mo@gmail.com',
      'a@b@c',
      'demo@gmail..com',
      'demo@.com',
      'a\n@b.c',
    ];

    it.each<[string, string, string]>([
      ['UserID', '', 'must not be empty'],
      ['UserID', 'x'.repeat(129), 'must be at most 128 characters'],
      ['UserID', '😀'.repeat(129), 'must be at most 128 characters'],
      ...[' lead', 'trail ', ' ', '\u00a0x', 'x\u3000', '\ufeffx'].map((text): [string, string, string] => [
        'UserID',
        text,
        NO_EDGE_SPACE,
      ]),
      ...['a\0b', '\0', 'a\nb', 'a\tb', 'a\x1bb', 'a\x7fb', 'a\x85b', 'a\x9bb'].map(
        (text): [string, string, string] => ['UserID', text, NO_CONTROLS],
      ),
      ['UserID', '\ud800', NOT_UNICODE],
      ['UserID', 'a\udc00b', NOT_UNICODE],
      ['Name', '', 'must not be empty'],
      ['Name', '   ', 'must not be blank'],
      ['Name', '\u00a0\u3000', 'must not be blank'],
      ['Name', 'x'.repeat(256), 'must be at most 255 characters'],
      ['Name', 'a\0b', NO_CONTROLS],
      ['Name', 'a\nb', NO_CONTROLS],
      ['Name', '\udfff', NOT_UNICODE],
      ['Address', 'x'.repeat(1025), 'must be at most 1024 characters'],
      ['Address', 'a\0b', 'must not contain control characters other than line breaks and tabs'],
      ['Address', 'a\x1b[2Jb', 'must not contain control characters other than line breaks and tabs'],
      ['Address', '\ud83d', NOT_UNICODE],
      ...emails.map((text): [string, string, string] => [
        'Email',
        text,
        text.includes('\n') ? NO_CONTROLS : NOT_AN_ADDRESS,
      ]),
      ['Email', `${'x'.repeat(249)}@x.com`, 'must be at most 254 characters'],
      ['Email', 'demo\0@gmail.com', NO_CONTROLS],
      ...['PhoneNumber', 'AltPhoneNumber'].flatMap((field): [string, string, string][] => [
        [field, '9'.repeat(65), 'must be at most 64 characters'],
        [field, 'ext. 5', NOT_A_PHONE],
        [field, '١٢٣', NOT_A_PHONE],
        [field, '1\n2', NOT_A_PHONE],
        [field, '1\0', NOT_A_PHONE],
      ]),
    ])('refuses %s %j on every route', async (field, value, message) => {
      const body = { ...customer('field'), [field]: value };
      const refusal = faulty({ [field]: message });
      await refuses(refusal, 'POST', LIST, { body });
      await refuses(refusal, 'PUT', ONE, { body });
      await refuses(refusal, 'PATCH', ONE, { body: { [field]: value } });
    });

    it.each(Object.keys(customer('')))('refuses a %s that is not a string', async (field) => {
      for (const [value, type] of [
        [1, 'a number'],
        [true, 'a boolean'],
        [[], 'an array'],
        [['text'], 'an array'],
        [{}, 'an object'],
        [{ toString: 'text' }, 'an object'],
      ] as const) {
        const body = { ...customer('typed'), [field]: value };
        const refusal = faulty({ [field]: `must be a string, not ${type}` });
        await refuses(refusal, 'POST', LIST, { body });
        await refuses(refusal, 'PUT', ONE, { body });
        await refuses(refusal, 'PATCH', ONE, { body: { [field]: value } });
        await refuses(refusal, 'GET', LIST, { body: { [field]: value } });
      }
    });

    it.each(['UserID', 'Name'])('refuses a missing %s and null', async (field) => {
      const message = 'is required and cannot be null';
      await refuses(faulty({ [field]: message }), 'POST', LIST, {
        body: { ...customer('n'), [field]: null },
      });
      await refuses(faulty({ [field]: message }), 'PUT', ONE, { body: { ...customer('n'), [field]: null } });
      await refuses(faulty({ [field]: message }), 'PATCH', ONE, { body: { [field]: null } });
      await refuses(faulty({ [field]: REQUIRED }), 'POST', LIST, {
        body: { ...customer('n'), [field]: undefined },
      });
    });

    it.each(Object.keys(customer('')))('refuses a PUT without %s', async (field) => {
      const body = { ...customer('B68t19', { Name: 'Changed' }), [field]: undefined };
      await refuses(faulty({ [field]: REQUIRED }), 'PUT', ONE, { body });
    });

    it('refuses a PATCH without any', async () => {
      await refuses(faulty({ body: 'must have at least one member to change' }), 'PATCH', ONE);
    });

    it.each([
      'name',
      'userid',
      'UserId',
      'id',
      'Phone',
      'ipsubnet',
      '',
      ' Name',
      'Name\u0000',
      'contextName',
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      'hasOwnProperty',
      'valueOf',
      '__defineGetter__',
      'then',
    ])('refuses the unknown field %j on every route', async (field) => {
      const member = `,${JSON.stringify(field)}:{"Name":"x"}`;
      const raw = (fields: object): string =>
        `{${signed(`,${JSON.stringify(fields).slice(1, -1)}${member}`)}}`;
      await refuses(faulty({ [field]: UNKNOWN }), 'POST', LIST, { raw: raw(customer('unknown')) });
      await refuses(faulty({ [field]: UNKNOWN }), 'PUT', ONE, {
        raw: raw(customer('B68t19', { Name: 'x' })),
      });
      await refuses(faulty({ [field]: UNKNOWN }), 'PATCH', ONE, { raw: raw({ Name: 'x' }) });
      await refuses(faulty({ [field]: UNKNOWN }), 'GET', LIST, { raw: raw({ Name: 'Trisul' }) });
    });

    it.each(['contexname', 'Name', '__proto__'])('refuses %s on routes without fields', async (field) => {
      const raw = `{${signed(`,${JSON.stringify(field)}:"ipdr"`)}}`;
      await refuses(faulty({ [field]: UNKNOWN }), 'GET', ONE, { raw });
      await refuses(faulty({ [field]: UNKNOWN }), 'DELETE', ONE, { raw });
    });

    it('reports every faulty field at once', async () => {
      const faults = {
        UserID: 'must be a string, not a number',
        Name: REQUIRED,
        Email: NOT_AN_ADDRESS,
        PhoneNumber: NOT_A_PHONE,
        name: UNKNOWN,
        constructor: UNKNOWN,
      };
      const body = { UserID: 5, Email: 'no', PhoneNumber: 'no', name: 'N', constructor: 'C' };
      await refuses(faulty(faults), 'POST', LIST, { body });
    });

    it.each<[string, Record<string, string>]>([
      ['limit=0', { limit: NOT_A_LIMIT }],
      ['limit=10001', { limit: NOT_A_LIMIT }],
      ['limit=-1', { limit: NOT_A_LIMIT }],
      ['limit=1.5', { limit: NOT_A_LIMIT }],
      ['limit=1e2', { limit: NOT_A_LIMIT }],
      ['limit=0x10', { limit: NOT_A_LIMIT }],
      ['limit=', { limit: NOT_A_LIMIT }],
      ['limit=1&limit=2', { limit: 'must be sent once' }],
      ['limit=1;DROP', { limit: NOT_A_LIMIT }],
      ['after=', { after: 'must be a cursor from the Link header or an item of this list' }],
      ['after=1', { after: 'must be a cursor from the Link header or an item of this list' }],
      ['after=aWQ6LTE', { after: 'must be a cursor from the Link header or an item of this list' }],
      ['search=', { search: 'must have 1 to 64 characters' }],
      [`search=${'x'.repeat(65)}`, { search: 'must have 1 to 64 characters' }],
      ['search=a&search=b', { search: 'must be sent once' }],
      ['updated_since=', { updated_since: NOT_A_TIME }],
      ['updated_since=yesterday', { updated_since: NOT_A_TIME }],
      ['updated_since=-1', { updated_since: NOT_A_TIME }],
      ['updated_since=1.5', { updated_since: NOT_A_TIME }],
      ['updated_since=99999999999999999999', { updated_since: NOT_A_TIME }],
      ['updated_since=2026-11-24', { updated_since: NOT_A_TIME }],
      ['updated_since=2026-11-24T00:00:00', { updated_since: NOT_A_TIME }],
      ['updated_since=2026-02-30T00:00:00Z', { updated_since: NOT_A_TIME }],
      ['updated_since=2026-11-24T25:00:00Z', { updated_since: NOT_A_TIME }],
      ['Name=', { Name: 'must not be empty' }],
      ['Name=a&Name=b', { Name: 'must be sent once' }],
      ['Name[$ne]=x', { 'Name[$ne]': UNKNOWN }],
      ['Email=no', { Email: NOT_AN_ADDRESS }],
      ['order=id', { order: UNKNOWN }],
      ['Limit=1', { Limit: UNKNOWN }],
      ['__proto__=x', { ['__proto__']: UNKNOWN }],
      ['constructor=x', { constructor: UNKNOWN }],
      ['toString=x', { toString: UNKNOWN }],
      ['limit=0&nam=x&search=', { limit: NOT_A_LIMIT, nam: UNKNOWN, search: 'must have 1 to 64 characters' }],
    ])('refuses the query string %s', async (query, faults) => {
      await refuses(faulty(faults), 'GET', `${LIST}?${query}`);
    });

    it.each(['contextname=ipdr', 'dry_run=true', 'limit=1'])(
      'refuses the query string %s on routes without one',
      async (query) => {
        const refusal = faulty({ [query.split('=')[0] ?? '']: UNKNOWN });
        await refuses(refusal, 'GET', `${ONE}?${query}`);
        await refuses(refusal, 'DELETE', `${ONE}?${query}`);
        await refuses(refusal, 'POST', `${LIST}?${query}`, { body: customer('query') });
        await refuses(refusal, 'PATCH', `${ONE}?${query}`, { body: { Name: 'x' } });
      },
    );
  });

  describe('given a UserID,', () => {
    it('takes another case for another customer', async () => {
      const { status, text, json } = await caller().call('POST', LIST, { body: customer('b68T19') });
      expect([status, text]).toEqual([200, toJson((json as { id: number }).id, customer('b68T19'))]);
      expect((await caller().call('DELETE', pathOf('b68T19'))).status).toBe(200);
    });

    it.each(['Zoé', 'Zoe\u0301'])('takes either Unicode form for the same customer: %j', async (userId) => {
      const { contextname } = caller().credentials;
      const message = `Customer Zoé already exists in context ${contextname}`;
      await refuses({ status: 409, code: 'customer_exists', message }, 'POST', LIST, {
        body: customer(userId),
      });
    });
  });
});
