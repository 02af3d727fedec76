import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { asHeaders } from './support/callers.js';
import { customer } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { exchange, firstAnswer, hangUpAfter } from './support/raw-http.js';
import { LIST, ONE, REQUIRED, UNKNOWN, useRefusingService, type Refusal } from './support/refusals.js';
import type { Call } from './support/service.js';
import { until } from './support/until.js';

const KIB = 1024;
const MIB = 1024 * KIB;

describe.each(databaseKinds)('on $name, the service', (kind) => {
  const { service, caller, signed, refuses } = useRefusingService(kind);

  describe('given a malformed body,', () => {
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
      [
        'that is an array',
        malformed('The body must be a JSON object, not an array'),
        () => `[{${signed()}}]`,
      ],
      ['that is an empty array', malformed('The body must be a JSON object, not an array'), () => '[]'],
      ['that is a string', malformed('The body must be a JSON object, not a string'), () => '"text"'],
      ['that is a number', malformed('The body must be a JSON object, not a number'), () => '1'],
      ['that is true', malformed('The body must be a JSON object, not a boolean'), () => 'true'],
      ['that is null', malformed('The body must be a JSON object, not null'), () => 'null'],
      ['that is blank', malformed(NOT_JSON), () => ' \n'],
      ['that is not JSON', malformed(NOT_JSON), () => 'UserID=u1&Name=N'],
      ['that ends inside a string', malformed(NOT_JSON), () => `{${signed(',"UserID":"u1')}`],
      [
        'that ends before its last brace',
        malformed(NOT_JSON),
        () => `{${signed(',"UserID":"u1","Name":"N"')}`,
      ],
      ['that is two documents', malformed(NOT_JSON), () => `{${signed()}}{${signed()}}`],
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
        'with a repeated member',
        malformed(REPEATED),
        () => `{${signed(',"Name":"a","UserID":"u","Name":"b"')}}`,
      ],
      [
        'with a repeated member of the same value',
        malformed(REPEATED),
        () => `{${signed(',"Name":"a","UserID":"u","Name":"a"')}}`,
      ],
      [
        'with a member repeated in escapes',
        malformed(REPEATED),
        () => `{${signed(',"Name":"a","UserID":"u","N\\u0061me":"b"')}}`,
      ],
      [
        'with a repeated token',
        malformed(REPEATED),
        () => `{${signed(',"UserID":"u","Name":"N","api_token":"x"')}}`,
      ],
      [
        'with a repeated member further down',
        malformed(REPEATED),
        () => `{${signed(',"Name":[{"a":1,"a":2}]')}}`,
      ],
      ['with a repeated __proto__', malformed(REPEATED), () => `{${signed(',"__proto__":1,"__proto__":2')}}`],
      ['of 21 levels', malformed(TOO_DEEP), () => nested(20)],
      ['of 10,000 levels', malformed(TOO_DEEP), () => nested(10_000)],
      [
        'of 10,000 levels of objects',
        malformed(TOO_DEEP),
        () => `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
      ],
      ['of 10,000 levels that never close', malformed(TOO_DEEP), () => '['.repeat(10_000)],
      ['in UTF-8 with a stray byte', malformed(NOT_UTF8), () => within(0xff)],
      ['in UTF-8 that ends inside a character', malformed(NOT_UTF8), () => within(0xc3)],
      ['in UTF-8 with an overlong form', malformed(NOT_UTF8), () => within(0xc0, 0xaf)],
      ['in UTF-8 with a surrogate', malformed(NOT_UTF8), () => within(0xed, 0xa0, 0x80)],
      ['in Latin-1', malformed(NOT_UTF8), () => within(0xe9)],
      [
        'in UTF-16',
        malformed(NOT_UTF8),
        () => Buffer.from(`\ufeff{${signed(',"UserID":"u","Name":"N"')}}`, 'utf16le'),
      ],
    ])('refuses one %s', async (_what, refusal, raw) => {
      await refuses(refusal, 'POST', LIST, { raw: raw() });
      await refuses(refusal, 'DELETE', ONE, { raw: raw() });
    });

    it('accepts one of 20 levels', async () => {
      const faults = { x: UNKNOWN, UserID: REQUIRED, Name: REQUIRED };
      await refuses({ status: 422, code: 'validation_failed', faults }, 'POST', LIST, { raw: nested(19) });
    });

    it('refuses a creation without a body', async () => {
      const faults = { UserID: REQUIRED, Name: REQUIRED };
      const headers = asHeaders(caller().credentials);
      await refuses({ status: 422, code: 'validation_failed', faults }, 'POST', LIST, { raw: '', headers });
      await refuses({ status: 401, code: 'invalid_token' }, 'POST', LIST, { raw: '' });
    });

    it('ignores one whose sender hangs up before its end', async () => {
      const body = JSON.stringify({ ...caller().credentials, ...customer('unfinished') });
      const head = `POST ${LIST} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json`;
      const logged = service().log.length;
      await hangUpAfter(service().url, `${head}\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`);
      await until(() => service().log.length > logged);
    });
  });

  describe('given a content type,', () => {
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
    ])('refuses %j', async (type) => {
      const call = { body: customer('typed'), headers: { 'content-type': type } };
      await refuses(refusal, 'POST', LIST, call);
      await refuses(refusal, 'DELETE', ONE, { headers: call.headers });
    });

    it('refuses a form even with the right fields', async () => {
      const raw = new URLSearchParams({ ...caller().credentials, UserID: 'form', Name: 'N' }).toString();
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      await refuses(refusal, 'POST', LIST, { raw, headers });
    });

    it.each([
      'APPLICATION/JSON',
      'application/json;charset=UTF-8',
      'application/merge-patch+json; charset="utf-8"',
    ])('accepts %s', async (type) => {
      const answer = await caller().call('PATCH', ONE, {
        body: { Name: 'Trisul' },
        headers: { 'content-type': type },
      });
      expect(answer.status).toBe(200);
    });

    it.each<[string, Refusal, Buffer]>([
      ['br, x-unknown', refusal, Buffer.from('{}')],
      ['gzip', { status: 400, code: 'body_malformed' }, Buffer.from('{"not":"gzip"}')],
      ['gzip', { status: 413, code: 'body_too_large' }, gzipSync(Buffer.alloc(5 * MIB, ' '))],
    ])('refuses Content-Encoding: %s with %j', async (encoding, expected, raw) => {
      await refuses(expected, 'POST', LIST, { raw, headers: { 'content-encoding': encoding } });
    });
  });

  describe('given a body of some size,', () => {
    const head = (more: string): string =>
      `POST ${LIST} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}\r\n\r\n`;

    it.each([
      ['announced as too large', head('Content-Length: 99999999')],
      [
        'announced as too large that waits for 100 Continue',
        head('Content-Length: 99999999\r\nExpect: 100-continue'),
      ],
      [
        'with a chunk that is too large',
        `${head('Transfer-Encoding: chunked')}110000\r\n${'x'.repeat(0x110000)}\r\n`,
      ],
    ])('refuses one %s before all of it has arrived', async (_what, bytes) => {
      expect(await firstAnswer(service().url, bytes)).toMatch(/^HTTP\/1\.1 413 /);
    });

    it('sends 100 Continue for one that is small enough', async () => {
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
    ])('refuses %s', async (_what, call) => {
      await refuses(refusal, 'POST', LIST, call());
    });

    it('reads 1 MiB', async () => {
      const faults = { Address: 'must be at most 1024 characters' };
      await refuses({ status: 422, code: 'validation_failed', faults }, 'POST', LIST, { raw: sized(MIB) });
    });
  });

  describe('given invalid HTTP,', () => {
    const request = (line: string, headers = ''): string =>
      `${line}\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`;

    it.each<[string, number, string]>([
      ['garbage', 400, 'nonsense\r\n\r\n'],
      ['an unknown method', 400, request(`FETCH ${LIST} HTTP/1.1`)],
      ['no Host', 400, `GET ${LIST} HTTP/1.1\r\nConnection: close\r\n\r\n`],
      [
        'two lengths',
        400,
        request(`POST ${LIST} HTTP/1.1`, 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
      ],
      ['headers of 20 kB', 431, request(`GET ${LIST} HTTP/1.1`, `X-Long: ${'x'.repeat(20 * KIB)}\r\n`)],
      ['a URL of 20 kB', 431, request(`GET ${LIST}?search=${'x'.repeat(20 * KIB)} HTTP/1.1`)],
    ])('refuses %s in the one error shape', async (_what, status, bytes) => {
      const answer = await exchange(service().url, bytes);
      expect(answer).toMatch(`HTTP/1.1 ${status} `);
      expect(answer).toMatch(/^x-request-id: \S+\r$/im);
      expect(answer).toMatch('{"status":"ERROR","code":"');
    });
  });
});
