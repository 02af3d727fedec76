import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { TokenRepository } from '../src/access/application/access.repositories.js';
import { generateToken } from '../src/access/domain/token.js';
import { asHeaders, newCaller, type Caller } from './support/callers.js';
import { customer, pathOf, toJson } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { exchange, firstAnswer, hangUpAfter } from './support/raw-http.js';
import { withoutSealing, type Answer, type Call, type TestService } from './support/service.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const ONE = '/api/ipdrcustomers/B68t19';
const KIB = 1024;
const MIB = 1024 * KIB;

const REQUIRED = 'is required';
const UNKNOWN = 'is unknown here; correct its spelling or leave it out';
const NO_CONTROLS = 'must not contain control characters or line breaks';
const NO_EDGE_SPACE = 'must not begin or end with a space';
const NOT_UNICODE = 'must be valid Unicode text';
const NOT_A_PHONE = 'may contain digits, spaces and + - ( ) . / , ; only';
const NOT_AN_ADDRESS = 'must be an e-mail address';
const NOT_A_TIME = 'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999';
const NOT_A_LIMIT = 'must be a whole number from 1 to 10000';

/** What a request must be refused with; `message` exactly, or a part of it. */
interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message?: string | RegExp;
  /** Every field at fault, in any order. */
  readonly faults?: Readonly<Record<string, string>>;
}

describe.each(databaseKinds)('bad input on $name', (kind) => {
  const { service } = useService(kind, { adapt: withoutSealing });
  let caller: Caller;
  /** The list, which no test may change. */
  let kept: string;

  beforeAll(async () => {
    caller = await newCaller(service());
    for (const userId of ['B68t19', 'Zoé']) {
      expect((await caller.call('POST', LIST, { body: customer(userId) })).status).toBe(200);
    }
    kept = await list();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    const before = kept;
    kept = await list();
    expect(kept).toBe(before);
  });

  /** The credentials as the first members of a body that is written by hand. */
  const signed = (members = ''): string => `${JSON.stringify(caller.credentials).slice(1, -1)}${members}`;
  const list = async (): Promise<string> => (await caller.call('GET', LIST)).text;

  /** Sends a request, and sees it refused in the one error shape. */
  const refuses = async (
    { status, code, message, faults }: Refusal,
    method: string,
    path: string,
    call?: Call,
  ): Promise<Answer> => {
    const answer = await caller.call(method, path, call);
    expect(`${answer.status} ${answer.text}`).toMatch(
      `${status} {"status":"ERROR","code":"${code}","message":"`,
    );
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const json = answer.json as { message: string; errors?: { field: string; message: string }[] };
    const request_id = answer.headers['x-request-id'];
    expect(request_id).toEqual(expect.any(String));
    expect(json).toEqual({
      status: 'ERROR',
      code,
      message: json.message,
      request_id,
      ...(faults && { errors: json.errors }),
    });
    if (message !== undefined) expect(json.message).toMatch(message);
    if (typeof message === 'string') expect(json.message).toBe(message);
    if (faults !== undefined) {
      expect(Object.fromEntries(json.errors?.map((fault) => [fault.field, fault.message]) ?? [])).toEqual(
        faults,
      );
      expect(json.errors).toHaveLength(Object.keys(faults).length);
    }
    expect(answer.text).not.toMatch(/select |insert |sqlite|mysql|typeorm|node_modules|\.js:/i);
    return answer;
  };

  describe('the body', () => {
    const malformed = (message: RegExp | string): Refusal => ({
      status: 400,
      code: 'body_malformed',
      message,
    });
    const NOT_JSON =
      /^The body is not valid JSON( \(line \d+, column \d+\)|: it ends too early|: it is blank)$/;
    const REPEATED = /^The body repeats a member \(line \d+, column \d+\)$/;
    const TOO_DEEP = /^The body is nested deeper than 20 levels \(line \d+, column \d+\)$/;
    const NOT_UTF8 = 'The body is not valid UTF-8';
    const bytes = (...parts: (string | number[])[]): Buffer =>
      Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    const within = (...inside: number[]): Buffer =>
      bytes(`{${signed(',"UserID":"u8","Name":"N')}`, inside, '"}');
    const nested = (levels: number): string =>
      `{${signed(`,"x":${'['.repeat(levels)}${']'.repeat(levels)}`)}}`;

    it.each<[string, Refusal, () => string | Buffer]>([
      ['an array', malformed('The body must be a JSON object, not an array'), () => `[{${signed()}}]`],
      ['an empty array', malformed('The body must be a JSON object, not an array'), () => '[]'],
      ['a string', malformed('The body must be a JSON object, not a string'), () => '"text"'],
      ['a number', malformed('The body must be a JSON object, not a number'), () => '1'],
      ['true', malformed('The body must be a JSON object, not a boolean'), () => 'true'],
      ['null', malformed('The body must be a JSON object, not null'), () => 'null'],
      ['blank', malformed(NOT_JSON), () => ' \n'],
      ['not JSON', malformed(NOT_JSON), () => 'UserID=u1&Name=N'],
      ['cut off in a string', malformed(NOT_JSON), () => `{${signed(',"UserID":"u1')}`],
      ['cut off before the end', malformed(NOT_JSON), () => `{${signed(',"UserID":"u1","Name":"N"')}`],
      ['the document twice', malformed(NOT_JSON), () => `{${signed()}}{${signed()}}`],
      ['with a trailing comma', malformed(NOT_JSON), () => `{${signed(',"UserID":"u1","Name":"N",')}}`],
      ['with a comment', malformed(NOT_JSON), () => `{${signed('/**/,"UserID":"u1","Name":"N"')}}`],
      ['with single quotes', malformed(NOT_JSON), () => `{${signed(`,'UserID':'u1',"Name":"N"`)}}`],
      ['with NaN', malformed(NOT_JSON), () => `{${signed(',"UserID":"u1","Name":NaN')}}`],
      [
        'with a line break in a string',
        malformed(NOT_JSON),
        () => `{${signed(',"UserID":"u1","Name":"a\nb"')}}`,
      ],
      [
        'with a member twice',
        malformed(REPEATED),
        () => `{${signed(',"Name":"a","UserID":"u","Name":"b"')}}`,
      ],
      [
        'with the same member twice',
        malformed(REPEATED),
        () => `{${signed(',"Name":"a","UserID":"u","Name":"a"')}}`,
      ],
      [
        'with a member again by escapes',
        malformed(REPEATED),
        () => `{${signed(',"Name":"a","UserID":"u","N\\u0061me":"b"')}}`,
      ],
      [
        'with the token again',
        malformed(REPEATED),
        () => `{${signed(',"UserID":"u","Name":"N","api_token":"x"')}}`,
      ],
      [
        'with a member twice, deeper down',
        malformed(REPEATED),
        () => `{${signed(',"Name":[{"a":1,"a":2}]')}}`,
      ],
      ['with __proto__ twice', malformed(REPEATED), () => `{${signed(',"__proto__":1,"__proto__":2')}}`],
      ['21 levels deep', malformed(TOO_DEEP), () => nested(20)],
      ['10,000 levels deep', malformed(TOO_DEEP), () => nested(10_000)],
      [
        '10,000 levels deep in objects',
        malformed(TOO_DEEP),
        () => `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
      ],
      ['10,000 levels deep, cut off', malformed(TOO_DEEP), () => '['.repeat(10_000)],
      ['UTF-8 with a stray byte', malformed(NOT_UTF8), () => within(0xff)],
      ['UTF-8 cut off in a character', malformed(NOT_UTF8), () => within(0xc3)],
      ['UTF-8 with an overlong form', malformed(NOT_UTF8), () => within(0xc0, 0xaf)],
      ['UTF-8 with a surrogate', malformed(NOT_UTF8), () => within(0xed, 0xa0, 0x80)],
      ['Latin-1', malformed(NOT_UTF8), () => within(0xe9)],
      [
        'UTF-16',
        malformed(NOT_UTF8),
        () => Buffer.from(`\ufeff{${signed(',"UserID":"u","Name":"N"')}}`, 'utf16le'),
      ],
    ])('is refused: %s', async (_what, refusal, raw) => {
      await refuses(refusal, 'POST', LIST, { raw: raw() });
      await refuses(refusal, 'DELETE', ONE, { raw: raw() });
    });

    it('may be 20 levels deep', async () => {
      const faults = { x: UNKNOWN, UserID: REQUIRED, Name: REQUIRED };
      await refuses({ status: 422, code: 'validation_failed', faults }, 'POST', LIST, { raw: nested(19) });
    });

    it('is needed to create', async () => {
      const faults = { UserID: REQUIRED, Name: REQUIRED };
      const headers = asHeaders(caller.credentials);
      await refuses({ status: 422, code: 'validation_failed', faults }, 'POST', LIST, { raw: '', headers });
      await refuses({ status: 401, code: 'invalid_token' }, 'POST', LIST, { raw: '' });
    });

    it('that its sender never ends changes nothing', async () => {
      const body = JSON.stringify({ ...caller.credentials, ...customer('unfinished') });
      const head = `POST ${LIST} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json`;
      const logged = service().log.length;
      await hangUpAfter(service().url, `${head}\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`);
      await until(() => service().log.length > logged);
    });
  });

  describe('the content type', () => {
    const refusal = { status: 415, code: 'content_type_unsupported' };

    it.each([
      '',
      'text/plain',
      'text/json',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      'text/csv',
      'application/jsonx',
      'application/json; charset=latin1',
      'application/json; charset=iso-8859-1',
      'application/json; charset=utf-16',
      'application/json; charset="us-ascii"',
    ])('%j is refused', async (type) => {
      const call = { body: customer('typed'), headers: { 'content-type': type } };
      await refuses(refusal, 'POST', LIST, call);
      await refuses(refusal, 'DELETE', ONE, { headers: call.headers });
    });

    it('form-encoded is refused, with the fields of a form too', async () => {
      const raw = new URLSearchParams({ ...caller.credentials, UserID: 'form', Name: 'N' }).toString();
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      await refuses(refusal, 'POST', LIST, { raw, headers });
    });

    it.each([
      'APPLICATION/JSON',
      'application/json;charset=UTF-8',
      'application/merge-patch+json; charset="utf-8"',
    ])('%s is taken', async (type) => {
      const answer = await caller.call('PATCH', ONE, {
        body: { Name: 'Trisul' },
        headers: { 'content-type': type },
      });
      expect(answer.status).toBe(200);
    });

    it.each<[string, Refusal, Buffer]>([
      ['br, x-unknown', refusal, Buffer.from('{}')],
      ['gzip', { status: 400, code: 'body_malformed' }, Buffer.from('{"not":"gzip"}')],
      ['gzip', { status: 413, code: 'body_too_large' }, gzipSync(Buffer.alloc(5 * MIB, ' '))],
    ])('with Content-Encoding: %s is refused with %j', async (encoding, expected, raw) => {
      await refuses(expected, 'POST', LIST, { raw, headers: { 'content-encoding': encoding } });
    });
  });

  describe('the size', () => {
    const head = (more: string): string =>
      `POST ${LIST} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}\r\n\r\n`;

    it.each([
      ['said to be', head('Content-Length: 99999999')],
      ['said to be, and asks first', head('Content-Length: 99999999\r\nExpect: 100-continue')],
      [
        'is, in one chunk of many',
        `${head('Transfer-Encoding: chunked')}110000\r\n${'x'.repeat(0x110000)}\r\n`,
      ],
    ])('that %s too large is refused before all of it has come', async (_what, bytes) => {
      expect(await firstAnswer(service().url, bytes)).toMatch(/^HTTP\/1\.1 413 /);
    });

    it('that is not too large is asked for', async () => {
      const bytes = head('Content-Length: 2\r\nExpect: 100-continue');
      expect(await firstAnswer(service().url, bytes)).toMatch(/^HTTP\/1\.1 100 /);
    });

    const refusal = { status: 413, code: 'body_too_large', message: `The body is larger than ${MIB} bytes` };
    const sized = (size: number): string => {
      const start = `{${signed(',"UserID":"big","Name":"N","Address":"')}`;
      return `${start}${'x'.repeat(size - start.length - 2)}"}`;
    };

    it.each<[string, () => Call]>([
      ['5 MB', () => ({ raw: sized(5 * MIB) })],
      [
        '5 MB in chunks',
        () => ({ raw: Readable.from([sized(5 * MIB)].flatMap((text) => text.match(/.{1,65536}/gs) ?? [])) }),
      ],
      ['a byte more than 1 MiB', () => ({ raw: sized(MIB + 1) })],
    ])('%s is refused', async (_what, call) => {
      await refuses(refusal, 'POST', LIST, call());
    });

    it('1 MiB is read', async () => {
      const faults = { Address: 'must be at most 1024 characters' };
      await refuses({ status: 422, code: 'validation_failed', faults }, 'POST', LIST, { raw: sized(MIB) });
    });
  });

  describe('a field', () => {
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
    ])('%s of %j is refused on every way in', async (field, value, message) => {
      const body = { ...customer('field'), [field]: value };
      const refusal = faulty({ [field]: message });
      await refuses(refusal, 'POST', LIST, { body });
      await refuses(refusal, 'PUT', ONE, { body });
      await refuses(refusal, 'PATCH', ONE, { body: { [field]: value } });
    });

    it.each(Object.keys(customer('')))('%s must be a string', async (field) => {
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

    it.each(['UserID', 'Name'])('%s is required and cannot be null', async (field) => {
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

    it.each(Object.keys(customer('')))('%s left out of PUT is refused', async (field) => {
      const body = { ...customer('B68t19', { Name: 'Changed' }), [field]: undefined };
      await refuses(faulty({ [field]: REQUIRED }), 'PUT', ONE, { body });
    });

    it('is needed by PATCH, at least one', async () => {
      await refuses(faulty({ body: 'must have at least one member to change' }), 'PATCH', ONE);
    });

    it.each([
      ...['name', 'userid', 'UserId', 'id', 'Phone', 'ipsubnet', '', ' Name', 'Name\u0000', 'contextName'],
      ...[
        '__proto__',
        'constructor',
        'prototype',
        'toString',
        'hasOwnProperty',
        'valueOf',
        '__defineGetter__',
        'then',
      ],
    ])('%j is unknown, and refused on every route', async (field) => {
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

    it.each(['contexname', 'Name', '__proto__'])('%s is unknown where no field belongs', async (field) => {
      const raw = `{${signed(`,${JSON.stringify(field)}:"ipdr"`)}}`;
      await refuses(faulty({ [field]: UNKNOWN }), 'GET', ONE, { raw });
      await refuses(faulty({ [field]: UNKNOWN }), 'DELETE', ONE, { raw });
    });

    it('and all others at fault are told at once', async () => {
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
    ])('in the query string is refused: %s', async (query, faults) => {
      await refuses(faulty(faults), 'GET', `${LIST}?${query}`);
    });

    it.each(['contextname=ipdr', 'dry_run=true', 'limit=1'])(
      'in the query string is unknown where none belongs: %s',
      async (query) => {
        const refusal = faulty({ [query.split('=')[0] ?? '']: UNKNOWN });
        await refuses(refusal, 'GET', `${ONE}?${query}`);
        await refuses(refusal, 'DELETE', `${ONE}?${query}`);
        await refuses(refusal, 'POST', `${LIST}?${query}`, { body: customer('query') });
        await refuses(refusal, 'PATCH', `${ONE}?${query}`, { body: { Name: 'x' } });
      },
    );
  });

  describe('a UserID', () => {
    it('in another case is another customer', async () => {
      const { status, text, json } = await caller.call('POST', LIST, { body: customer('b68T19') });
      expect([status, text]).toEqual([200, toJson((json as { id: number }).id, customer('b68T19'))]);
      expect((await caller.call('DELETE', pathOf('b68T19'))).status).toBe(200);
    });

    it.each(['Zoé', 'Zoe\u0301'])('in either Unicode form is the same customer: %j', async (userId) => {
      const { contextname } = caller.credentials;
      const message = `Customer Zoé already exists in context ${contextname}`;
      await refuses({ status: 409, code: 'customer_exists', message }, 'POST', LIST, {
        body: customer(userId),
      });
    });
  });

  describe('the path', () => {
    const malformed = { status: 400, code: 'path_malformed' };
    const unknown = { status: 404, code: 'route_not_found' };

    it.each<[string, string, Refusal]>([
      ['GET', `${LIST}/%`, malformed],
      ['GET', `${LIST}/%ZZ`, malformed],
      ['PATCH', `${LIST}/a%2`, malformed],
      ['DELETE', `${LIST}/%ff`, malformed],
      ['DELETE', `${LIST}/%c3%28`, malformed],
      ['DELETE', `${LIST}/%ed%a0%80`, malformed],
      ['GET', `${LIST}/a/b`, unknown],
      ['DELETE', `${ONE}/mapping`, unknown],
      ['GET', `${ONE}/mappings/1/reassign/2`, unknown],
      ['GET', '/API/ipdrcustomers', unknown],
      ['GET', '/api/ipdrcustomerS', unknown],
      ['GET', '/', unknown],
      ['GET', '/.env', unknown],
      ['GET', '//api/ipdrcustomers', unknown],
      ['GET', '/api/docs/../ipdrcustomers', unknown],
      ['GET', '/api/docs/..%2f..%2f..%2fetc/passwd', unknown],
      ['GET', '/api/docs/%2e%2e/%2e%2e/package.json', unknown],
    ])('%s %s is refused', async (method, path, refusal) => {
      await refuses(refusal, method, path, { body: method === 'PATCH' ? { Name: 'N' } : {} });
    });
  });

  describe('the method', () => {
    const ALL = 'DELETE, GET, PATCH, PUT';

    it.each<[string, string, string]>([
      ...['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'].map(
        (method): [string, string, string] => [method, LIST, 'GET, POST'],
      ),
      ...['POST', 'OPTIONS', 'TRACE', 'PURGE'].map((method): [string, string, string] => [method, ONE, ALL]),
      ['DELETE', `${LIST}/`, 'GET, POST'],
      ['POST', `${LIST}/a%2Fb`, ALL],
      ['DELETE', '/api/admin/users', 'GET, POST'],
      ['GET', '/api/admin/tokens/1', 'DELETE'],
      ['POST', '/health/live', 'GET'],
      ['DELETE', '/metrics', 'GET'],
    ])('%s %s is refused, and Allow says what is served', async (method, path, allow) => {
      const refusal = {
        status: 405,
        code: 'method_not_allowed',
        message: `This path supports only ${allow}`,
      };
      const { headers } = await refuses(refusal, method, path, { body: customer('B68t19') });
      expect(headers['allow']).toBe(allow);
    });

    it('is taken as it is sent, whatever X-HTTP-Method-Override says', async () => {
      const answer = await caller.call('GET', ONE, { headers: { 'x-http-method-override': 'DELETE' } });
      expect(answer.status).toBe(200);
      expect((await caller.call('GET', ONE)).text).toBe(answer.text);
    });

    it.each([LIST, ONE])('HEAD %s answers the headers of GET, to those who may GET', async (path) => {
      const headers = asHeaders(caller.credentials);
      const [head, get] = [
        await caller.call('HEAD', path, { raw: '', headers }),
        await caller.call('GET', path, { raw: '', headers }),
      ];
      expect(head).toMatchObject({ status: 200, text: '' });
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
      expect((await caller.call('HEAD', path, { raw: '' })).status).toBe(401);
    });
  });

  describe('the query string', () => {
    it.each(['Name=%C3', 'search=%ff', 'search=%zz', 'limit=1&Name=%', '%E0%A4%A=1'])(
      'that is not encoded rightly is refused: %s',
      (query) => refuses({ status: 400, code: 'query_malformed' }, 'GET', `${LIST}?${query}`),
    );
  });

  describe('the type accepted', () => {
    it.each([
      'application/json; charset=utf-8',
      'application/json;charset=UTF-8;q=0.9, text/plain',
      'application/json;version=1',
      'application/x-ndjson;charset=utf-8',
      'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2',
      '*',
    ])('may have parameters: %s', async (accept) => {
      expect((await caller.call('GET', LIST, { headers: { accept } })).status).toBe(200);
    });

    it.each([
      ['GET', LIST, 'image/png'],
      ['GET', LIST, 'text/html'],
      ['GET', LIST, 'application/json;q=0'],
      ['GET', ONE, 'application/x-ndjson'],
      ['POST', LIST, 'text/plain'],
      ['PUT', ONE, 'application/xml'],
      ['DELETE', ONE, 'text/csv'],
      ['GET', '/metrics', 'application/json'],
    ])('%s %s with Accept: %s is refused', async (method, path, accept) => {
      const body = { POST: customer('accept'), PUT: customer('B68t19', { Name: 'x' }) }[method] ?? {};
      await refuses({ status: 406, code: 'not_acceptable' }, method, path, { body, headers: { accept } });
    });
  });

  describe('the credentials', () => {
    const invalid = { status: 401, code: 'invalid_token', message: 'Invalid API token' };
    const shapes: unknown[] = [
      ...[0, 1, -1, 0.5, 1e308, true, false, null, [], [0], [true], ['@'], [['@']], [null]],
      ...[{}, { '@': 1 }, { toString: '@' }, { toSqlString: '@' }, { length: 20 }, { $gt: '' }, { 0: '@' }],
    ];
    const members = ['api_token', 'username', 'contextname', 'context'] as const;

    describe.each(members)('%s', (member) => {
      it.each(shapes)('as %j is refused, and never reaches SQL', async (shape) => {
        const credentials = { ...caller.credentials, contextname: undefined };
        const value: unknown = JSON.parse(JSON.stringify(shape).replaceAll('@', credentials.api_token));
        const raw = JSON.stringify({ ...credentials, ...customer('shape'), [member]: value });
        const signIn = jest.spyOn(service().app.get(TokenRepository), 'signIn');
        const { query, snapshot } = spyOnDatabase(service());
        const answer = await caller.call('POST', LIST, { raw });
        expect([signIn, snapshot].map((spy) => spy.mock.calls.length)).toEqual([0, 0]);
        // The failure is on record, with the name of the user if that was a string.
        const userName = member === 'username' ? '' : credentials.username;
        expect(query.mock.calls.map(([, parameters]) => parameters)).toEqual([[userName]]);
        expect(answer.status).toBe(401);
        expect(answer.json).toMatchObject({
          message: 'Invalid API token',
          errors: [{ field: member, message: 'must be a JSON string' }],
        });
        await refuses({ ...invalid, faults: { [member]: 'must be a JSON string' } }, 'GET', LIST, { raw });
        await refuses({ ...invalid, faults: { [member]: 'must be a JSON string' } }, 'DELETE', ONE, { raw });
      });

      it.each(shapes)('as %j is refused, though good headers come with it', async (shape) => {
        const raw = JSON.stringify({ [member]: shape });
        const faults = { [member]: 'must be a JSON string' };
        await refuses({ ...invalid, faults }, 'GET', LIST, { raw, headers: asHeaders(caller.credentials) });
      });
    });

    it.each<Record<string, string | string[]>>([
      ...[
        '0',
        '1',
        'true',
        'false',
        'null',
        'undefined',
        '[]',
        '{}',
        `'`,
        `'='`,
        '"@"',
        '@,',
        '@ @',
        '%40',
        '',
      ].map((text) => ({ authorization: `Bearer ${text}` })),
      ...['Bearer', 'Basic @', 'Token @', '@', 'Bearer:@', 'Bearer@', ''].map((text) => ({
        authorization: text,
      })),
      ...['0', '1', 'true', 'null', '[]', '{}', '', `'='`, 'admin', 'User', 'USER', 'user ,'].map((text) => ({
        'x-username': text,
      })),
    ])('in headers as %j are refused, and reach SQL as text alone', async (given) => {
      const { api_token, username } = caller.credentials;
      const fill = (text: string): string => text.replaceAll('@user', username).replaceAll('@', api_token);
      const headers = Object.fromEntries(
        Object.entries(given).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.map(fill) : fill(value),
        ]),
      );
      const { query } = spyOnDatabase(service());
      const call = { raw: '', headers: { ...asHeaders(caller.credentials), ...headers } };
      expect((await caller.call('GET', LIST, call)).status).toBe(401);
      for (const [sql, parameters] of query.mock.calls) {
        expect(sql).not.toContain(api_token);
        expect(parameters.filter((value) => typeof value !== 'string')).toEqual([]);
        expect(parameters).not.toContain(api_token);
      }
      await refuses(invalid, 'DELETE', ONE, call);
    });

    it.each(['0', '1', 'true', 'null', '[]', `' OR 1=1 -- `, 'default;'])(
      'with the context %j, in a header, name none',
      async (name) => {
        const headers = { ...asHeaders(caller.credentials), 'x-context': name };
        const message = `Invalid Context name - ${name.trim()}`;
        await refuses({ status: 404, code: 'context_not_found', message }, 'DELETE', ONE, {
          raw: '',
          headers,
        });
      },
    );

    it.each<[string, (other: { api_token: string; username: string; contextname: string }) => Call]>([
      ['api_token', ({ api_token }) => ({ headers: asHeaders({ api_token }) })],
      ['username', ({ username }) => ({ headers: asHeaders({ username }) })],
      ['contextname', ({ contextname }) => ({ headers: asHeaders({ contextname }) })],
      ['contextname', ({ contextname }) => ({ body: { context: contextname } })],
      ['api_token', ({ api_token }) => ({ headers: { authorization: twice('Bearer @', api_token) } })],
      ['username', ({ username }) => ({ headers: { 'x-username': twice('@', username) } })],
      ['contextname', ({ contextname }) => ({ headers: { 'x-context': twice('@', contextname) } })],
    ])('in conflict over %s are refused', async (member, call) => {
      const other = { api_token: service().tokens.admin, username: 'admin', contextname: 'default' };
      const message = `${member} is given twice, with different values`;
      await refuses({ status: 400, code: 'credentials_conflict', message }, 'DELETE', ONE, call(other));
    });

    it('may be given twice, if they agree; context0 is default', async () => {
      const { tokens } = service();
      const as = { api_token: tokens.user, username: 'user', contextname: 'default', context: 'context0' };
      const headers = {
        authorization: [`Bearer ${tokens.user}`, `Bearer ${tokens.user}`],
        'x-username': ['user', 'user'],
        'x-context': ['context0', 'default'],
      };
      expect((await service().callAs(as, 'GET', LIST, { headers })).status).toBe(200);
    });

    const missing = ['api_token', 'username'] as const;
    it.each(missing)('without %s are refused', async (member) => {
      const raw = JSON.stringify({ ...caller.credentials, [member]: undefined });
      await refuses(invalid, 'DELETE', ONE, { raw });
    });
  });

  describe('a token in the URL', () => {
    const refusal = { status: 400, code: 'credentials_in_url' };
    const thousand = 'a&'.repeat(1000);

    const queries = [
      'api_token=@',
      'username=user&api_token=@',
      'api_token',
      'api_token=',
      'API_TOKEN=@',
      'Api_Token=@',
      '%61pi_token=@',
      '%61%70%69%5f%74%6f%6b%65%6e=@',
      '%41PI%5FTOKEN=@',
      'api_token[]=@',
      'api_token[0]=@',
      'api_token%5B%5D=@',
      'api_token=@&api_token=@',
      'limit=0&order=x&api_token=@',
      'api_token=%ZZ@',
      `${thousand}api_token=@`,
    ];
    it.each(queries.map((query) => [query.slice(0, 60), query]))('is refused: ?%s', async (_start, query) => {
      const filled = query.replaceAll('@', caller.credentials.api_token);
      for (const [method, path] of [
        ['GET', LIST],
        ['GET', ONE],
        ['DELETE', ONE],
        ['POST', LIST],
      ] as const) {
        await refuses(refusal, method, `${path}?${filled}`, {
          body: method === 'POST' ? customer('url') : {},
        });
      }
    });

    it.each(['/@', '/x@x/history', '?search=@', '?@=1', '/U1/mappings?after=@', '/%69@'])(
      'is refused wherever it was put: %s',
      async (place) => {
        for (const token of [caller.credentials.api_token, generateToken()]) {
          await refuses(refusal, 'GET', LIST + place.replace('@', token));
        }
        // What only looks like one may be anything.
        const { status } = await caller.call('GET', LIST + place.replace('@', `ipdr_${'x'.repeat(36)}`));
        expect([200, 404, 422]).toContain(status);
      },
    );

    it.each<[string, string, string, () => Call]>([
      ['no credentials besides', 'GET', LIST, () => ({ raw: '' })],
      ['a body that is no JSON', 'POST', LIST, () => ({ raw: '{' })],
      ['a body of another type', 'POST', LIST, () => ({ headers: { 'content-type': 'text/plain' } })],
      ['a body of 5 MB', 'POST', LIST, () => ({ raw: ' '.repeat(5 * MIB) })],
      ['fields at fault', 'POST', LIST, () => ({ body: { UserID: 5 } })],
      ['credentials at fault', 'DELETE', ONE, () => ({ body: { api_token: 0 } })],
      ['a context that is not there', 'DELETE', ONE, () => ({ body: { contextname: 'ipdrr' } })],
      ['an Accept that cannot be met', 'GET', LIST, () => ({ headers: { accept: 'image/png' } })],
      ['a method that is not served', 'TRACE', LIST, () => ({})],
      ['a path that is not served', 'GET', '/nowhere', () => ({})],
      ['a broken path', 'GET', `${LIST}/%ZZ`, () => ({})],
      ['the administration', 'GET', '/api/admin/tokens', () => ({})],
      ['a public route', 'GET', '/health/live', () => ({})],
      ['the metrics', 'GET', '/metrics', () => ({})],
      ['the pages', 'GET', '/api/docs', () => ({})],
      ['the document', 'GET', '/api/openapi.json', () => ({})],
    ])('is refused together with %s', async (_what, method, path, call) => {
      await refuses(refusal, method, `${path}?api_token=${caller.credentials.api_token}`, call());
    });

    it('was never logged', () => {
      const log = service().log.join('');
      expect(log).toContain('"status":400');
      expect(log).not.toContain(caller.credentials.api_token);
    });
  });

  describe('what is not even HTTP', () => {
    const request = (line: string, headers = ''): string =>
      `${line}\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`;

    it.each<[string, number, string]>([
      ['garbage', 400, 'nonsense\r\n\r\n'],
      ['a method of its own', 400, request(`FETCH ${LIST} HTTP/1.1`)],
      ['no Host', 400, `GET ${LIST} HTTP/1.1\r\nConnection: close\r\n\r\n`],
      [
        'two lengths',
        400,
        request(`POST ${LIST} HTTP/1.1`, 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
      ],
      ['headers of 20 kB', 431, request(`GET ${LIST} HTTP/1.1`, `X-Long: ${'x'.repeat(20 * KIB)}\r\n`)],
      ['a URL of 20 kB', 431, request(`GET ${LIST}?search=${'x'.repeat(20 * KIB)} HTTP/1.1`)],
    ])('is refused in the one error shape: %s', async (_what, status, bytes) => {
      const answer = await exchange(service().url, bytes);
      expect(answer).toMatch(`HTTP/1.1 ${status} `);
      expect(answer).toMatch(/^x-request-id: \S+\r$/im);
      expect(answer).toMatch('{"status":"ERROR","code":"');
    });
  });
});

/** Watches what the service asks of its database, and lets it pass. */
function spyOnDatabase({ database }: TestService) {
  return {
    query: jest.spyOn(database, 'query'),
    run: jest.spyOn(database, 'run'),
    snapshot: jest.spyOn(database, 'snapshot'),
  };
}

/** A header that says one thing and then another. */
function twice(form: string, other: string): string[] {
  return [form.replace('@', 'something'), form.replace('@', other)];
}
