import { describe, expect, it, jest } from '@jest/globals';
import { TokenRepository } from '../src/access/application/access.repositories.js';
import { generateToken } from '../src/access/domain/token.js';
import { asHeaders } from './support/callers.js';
import { customer } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { LIST, ONE, useRefusingService, type Refusal } from './support/refusals.js';
import type { Call, TestService } from './support/service.js';

const KIB = 1024;
const MIB = 1024 * KIB;

describe.each(databaseKinds)('on $name, the service', (kind) => {
  const { service, caller, refuses } = useRefusingService(kind);

  describe('given a path,', () => {
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
    ])('refuses %s %s', async (method, path, refusal) => {
      await refuses(refusal, method, path, { body: method === 'PATCH' ? { Name: 'N' } : {} });
    });
  });

  describe('given a method,', () => {
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
    ])('refuses %s %s, and Allow lists %s', async (method, path, allow) => {
      const refusal = {
        status: 405,
        code: 'method_not_allowed',
        message: `This path supports only ${allow}`,
      };
      const { headers } = await refuses(refusal, method, path, { body: customer('B68t19') });
      expect(headers['allow']).toBe(allow);
    });

    it('ignores X-HTTP-Method-Override', async () => {
      const answer = await caller().call('GET', ONE, { headers: { 'x-http-method-override': 'DELETE' } });
      expect(answer.status).toBe(200);
      expect((await caller().call('GET', ONE)).text).toBe(answer.text);
    });

    it.each([LIST, ONE])('answers HEAD %s with the headers of GET, to those who may GET', async (path) => {
      const headers = asHeaders(caller().credentials);
      const [head, get] = [
        await caller().call('HEAD', path, { raw: '', headers }),
        await caller().call('GET', path, { raw: '', headers }),
      ];
      expect(head).toMatchObject({ status: 200, text: '' });
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
      expect((await caller().call('HEAD', path, { raw: '' })).status).toBe(401);
    });
  });

  describe('given a query string,', () => {
    it.each(['Name=%C3', 'search=%ff', 'search=%zz', 'limit=1&Name=%', '%E0%A4%A=1'])(
      'refuses wrong percent-encoding: %s',
      (query) => refuses({ status: 400, code: 'query_malformed' }, 'GET', `${LIST}?${query}`),
    );

    it('refuses more than a thousand parameters, of which Express would ignore the last ones', async () => {
      const message = 'The query string has more than 1000 parameters';
      const query = `${'&'.repeat(1000)}Name=nobody`;
      await refuses({ status: 400, code: 'query_malformed', message }, 'GET', `${LIST}?${query}`);
    });

    it.each(['_', '_=', '_=1764000000000', '_=1&_=2', 'limit=9&_=1', '_=1&limit=9'])(
      'ignores the cache buster in ?%s',
      async (query) => {
        expect((await caller().call('GET', `${LIST}?${query}`)).status).toBe(200);
        expect((await caller().call('GET', `${ONE}?${query.replace(/&?limit=9&?/, '')}`)).status).toBe(200);
      },
    );

    it('keeps the cache buster out of the Link header and out of what an Idempotency-Key stands for', async () => {
      const call = { body: customer('once'), headers: { 'idempotency-key': 'once' } };
      expect((await caller().call('POST', `${LIST}?_=1`, call)).status).toBe(200);
      const again = await caller().call('POST', `${LIST}?_=2`, call);
      expect(again).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
      const { headers } = await caller().call('GET', `${LIST}?_=1&limit=1`);
      expect(headers['link']).toMatch(/\?limit=1&after=/);
      expect((await caller().call('DELETE', `${LIST}/once`)).status).toBe(200);
    });
  });

  describe('given an Accept header,', () => {
    it.each([
      'application/json; charset=utf-8',
      'application/json;charset=UTF-8;q=0.9, text/plain',
      'application/json;version=1',
      'application/x-ndjson;charset=utf-8',
      'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2',
      '*',
    ])('accepts parameters: %s', async (accept) => {
      expect((await caller().call('GET', LIST, { headers: { accept } })).status).toBe(200);
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
    ])('refuses %s %s with Accept: %s', async (method, path, accept) => {
      const body = { POST: customer('accept'), PUT: customer('B68t19', { Name: 'x' }) }[method] ?? {};
      await refuses({ status: 406, code: 'not_acceptable' }, method, path, { body, headers: { accept } });
    });
  });

  describe('given credentials,', () => {
    const invalid = { status: 401, code: 'invalid_token', message: 'Invalid API token' };
    const shapes: unknown[] = [
      0,
      1,
      -1,
      0.5,
      1e308,
      true,
      false,
      null,
      [],
      [0],
      [true],
      ['@'],
      [['@']],
      [null],
      {},
      { '@': 1 },
      { toString: '@' },
      { toSqlString: '@' },
      { length: 20 },
      { $gt: '' },
      { 0: '@' },
    ];
    const members = ['api_token', 'username', 'contextname', 'context'] as const;

    describe.each(members)('with %s in the body,', (member) => {
      it.each(shapes)('refuses %j, which never reaches SQL', async (shape) => {
        const credentials = { ...caller().credentials, contextname: undefined };
        const value: unknown = JSON.parse(JSON.stringify(shape).replaceAll('@', credentials.api_token));
        const raw = JSON.stringify({ ...credentials, ...customer('shape'), [member]: value });
        const signIn = jest.spyOn(service().app.get(TokenRepository), 'findByHash');
        const { query, snapshot } = spyOnDatabase(service());
        const answer = await caller().call('POST', LIST, { raw });
        expect([signIn, snapshot].map((spy) => spy.mock.calls.length)).toEqual([0, 0]);
        // The failed sign-in is recorded, with the name of the user if that was a string.
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

      it.each(shapes)('refuses %j even with valid headers', async (shape) => {
        const raw = JSON.stringify({ [member]: shape });
        const faults = { [member]: 'must be a JSON string' };
        await refuses({ ...invalid, faults }, 'GET', LIST, { raw, headers: asHeaders(caller().credentials) });
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
    ])('refuses the headers %j, which reach SQL as text alone', async (given) => {
      const { api_token, username } = caller().credentials;
      const fill = (text: string): string => text.replaceAll('@user', username).replaceAll('@', api_token);
      const headers = Object.fromEntries(
        Object.entries(given).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.map(fill) : fill(value),
        ]),
      );
      const { query } = spyOnDatabase(service());
      const call = { raw: '', headers: { ...asHeaders(caller().credentials), ...headers } };
      expect((await caller().call('GET', LIST, call)).status).toBe(401);
      for (const [sql, parameters] of query.mock.calls) {
        expect(sql).not.toContain(api_token);
        expect(parameters.filter((value) => typeof value !== 'string')).toEqual([]);
        expect(parameters).not.toContain(api_token);
      }
      await refuses(invalid, 'DELETE', ONE, call);
    });

    it.each(['0', '1', 'true', 'null', '[]', `' OR 1=1 -- `, 'default;'])(
      'finds no context %j of a header',
      async (name) => {
        const headers = { ...asHeaders(caller().credentials), 'x-context': name };
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
    ])('refuses two that differ in %s', async (member, call) => {
      const other = { api_token: service().tokens.admin, username: 'admin', contextname: 'default' };
      const message = `${member} is sent twice, with different values`;
      await refuses({ status: 400, code: 'credentials_conflict', message }, 'DELETE', ONE, call(other));
    });

    it.each(['Basic dXNlcjpwYXNz', 'Negotiate YII', 'Digest username="user"', 'Bearer', 'Bearer ', ''])(
      'ignores the header Authorization: %s beside credentials in the body',
      async (authorization) => {
        expect((await caller().call('GET', LIST, { headers: { authorization } })).status).toBe(200);
      },
    );

    it('accepts two that agree, and takes context0 for default', async () => {
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
    it.each(missing)('refuses a body without %s', async (member) => {
      const raw = JSON.stringify({ ...caller().credentials, [member]: undefined });
      await refuses(invalid, 'DELETE', ONE, { raw });
    });
  });

  describe('given a token in the URL,', () => {
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
    it.each(queries.map((query) => [query.slice(0, 60), query]))('refuses ?%s', async (_start, query) => {
      const filled = query.replaceAll('@', caller().credentials.api_token);
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
      'refuses it at any place: %s',
      async (place) => {
        for (const token of [caller().credentials.api_token, generateToken()]) {
          await refuses(refusal, 'GET', LIST + place.replace('@', token));
        }
        // A text that only looks like a token is allowed.
        const { status } = await caller().call('GET', LIST + place.replace('@', `ipdr_${'x'.repeat(36)}`));
        expect([200, 404, 422]).toContain(status);
      },
    );

    it.each<{ what: string; method: string; path: string; call?: () => Call }>([
      { what: 'no credentials besides', method: 'GET', path: LIST, call: () => ({ raw: '' }) },
      { what: 'a body that is no JSON', method: 'POST', path: LIST, call: () => ({ raw: '{' }) },
      {
        what: 'a body of another type',
        method: 'POST',
        path: LIST,
        call: () => ({ headers: { 'content-type': 'text/plain' } }),
      },
      { what: 'a body of 5 MB', method: 'POST', path: LIST, call: () => ({ raw: ' '.repeat(5 * MIB) }) },
      { what: 'fields at fault', method: 'POST', path: LIST, call: () => ({ body: { UserID: 5 } }) },
      { what: 'credentials at fault', method: 'DELETE', path: ONE, call: () => ({ body: { api_token: 0 } }) },
      {
        what: 'a context that does not exist',
        method: 'DELETE',
        path: ONE,
        call: () => ({ body: { contextname: 'ipdrr' } }),
      },
      {
        what: 'an unacceptable Accept',
        method: 'GET',
        path: LIST,
        call: () => ({ headers: { accept: 'image/png' } }),
      },
      { what: 'a method that is not served', method: 'TRACE', path: LIST },
      { what: 'a path that is not served', method: 'GET', path: '/nowhere' },
      { what: 'a broken path', method: 'GET', path: `${LIST}/%ZZ` },
      { what: 'the administration', method: 'GET', path: '/api/admin/tokens' },
      { what: 'a public route', method: 'GET', path: '/health/live' },
      { what: 'the metrics', method: 'GET', path: '/metrics' },
      { what: 'the pages', method: 'GET', path: '/api/docs' },
      { what: 'the document', method: 'GET', path: '/api/openapi.json' },
    ])('refuses it together with $what', async ({ method, path, call }) => {
      await refuses(refusal, method, `${path}?api_token=${caller().credentials.api_token}`, call?.());
    });

    it('never logs it', () => {
      const log = service().log.join('');
      expect(log).toContain('"status":400');
      expect(log).not.toContain(caller().credentials.api_token);
    });
  });
});

/** Watches the calls of the database, which go through. */
function spyOnDatabase({ database }: TestService) {
  return {
    query: jest.spyOn(database, 'query'),
    run: jest.spyOn(database, 'run'),
    snapshot: jest.spyOn(database, 'snapshot'),
  };
}

/** A header with two different values. */
function twice(form: string, other: string): string[] {
  return [form.replace('@', 'something'), form.replace('@', other)];
}
