import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { asHeaders, newCaller, newContext, type Caller } from './support/callers.js';
import { LIST, NDJSON, useCustomerService, userIds } from './support/customer-service.js';
import { customer, pathOf, type CustomerFields } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import type { Answer, Call } from './support/service.js';

describe.each(databaseKinds)('on $name, the service', (kind) => {
  const { service, caller, call, create, list } = useCustomerService(kind);

  describe('given credentials in headers,', () => {
    const viaHeaders = (method: string, path: string, { body, headers }: Call = {}): Promise<Answer> =>
      call(method, path, {
        raw: body === undefined ? '' : JSON.stringify(body),
        headers: { ...asHeaders(caller().credentials), ...headers },
      });

    it('lists, reads, creates, changes and deletes customers', async () => {
      const { text } = await viaHeaders('POST', LIST, { body: customer('h') });
      expect((await viaHeaders('GET', pathOf('h'))).text).toBe(text);
      expect((await viaHeaders('GET', LIST)).text).toBe(`[${text}]`);
      expect((await viaHeaders('GET', LIST, { headers: NDJSON })).text).toBe(`${text}\n`);
      expect((await viaHeaders('PATCH', pathOf('h'), { body: { Name: 'Trisul' } })).text).toBe(text);
      expect((await viaHeaders('PUT', pathOf('h'), { body: customer('h') })).text).toBe(text);
      expect((await viaHeaders('DELETE', pathOf('h'))).text).toBe(text);
      expect(await list()).toBe('[]');
    });

    it.each([
      ['bearer in lower case', () => ({ authorization: `bearer ${caller().credentials.api_token}` })],
      ['spaces around the token', () => ({ authorization: `Bearer   ${caller().credentials.api_token}  ` })],
      ['the same credentials in the body', () => ({ 'content-type': 'application/json' })],
    ])('accepts %s', async (how, headers) => {
      const body = how.includes('body') ? caller().credentials : undefined;
      expect((await viaHeaders('GET', LIST, { ...(body && { body }), headers: headers() })).text).toBe('[]');
    });

    it('accepts a user name that is not ASCII', async () => {
      const { credentials } = await newCaller(service(), { name: 'Jürgen ₹' });
      const answer = await call('GET', LIST, { raw: '', headers: asHeaders(credentials) });
      expect(answer).toMatchObject({ status: 200, text: '[]' });
    });
  });

  describe('given a context,', () => {
    let elsewhere: Caller;

    beforeAll(async () => {
      elsewhere = await newCaller(service(), { contexts: ['default', await newContext(service())] });
      await elsewhere.call('POST', LIST, { body: customer('in default') });
    });

    const inBody = (members: object): Call => ({
      raw: JSON.stringify({ ...elsewhere.credentials, contextname: undefined, ...members }),
    });
    const inHeader = (name?: string): Call => {
      const { api_token, username } = elsewhere.credentials;
      return { raw: '', headers: asHeaders({ api_token, username, ...(name && { contextname: name }) }) };
    };

    it.each([
      ['left out', () => inBody({})],
      ['contextname: default', () => inBody({ contextname: 'default' })],
      ['contextname: context0', () => inBody({ contextname: 'context0' })],
      ['context: default', () => inBody({ context: 'default' })],
      ['context: context0', () => inBody({ context: 'context0' })],
      ['contextname and context', () => inBody({ contextname: 'default', context: 'default' })],
      ['no X-Context', () => inHeader()],
      ['X-Context: default', () => inHeader('default')],
      ['X-Context: context0', () => inHeader('context0')],
    ])('uses default for: %s', async (_how, request) => {
      expect(userIds(await elsewhere.call('GET', LIST, request()))).toEqual(['in default']);
    });

    it('uses the one of either member or of the header', async () => {
      await create(customer('in the other'));
      const { contextname } = caller().credentials;
      const admin = { api_token: service().tokens.admin, username: 'admin' };
      const requests: Call[] = [
        { raw: JSON.stringify({ ...admin, contextname }) },
        { raw: JSON.stringify({ ...admin, context: contextname }) },
        { raw: '', headers: asHeaders({ ...admin, contextname }) },
      ];
      for (const request of requests) {
        expect(userIds(await service().admin('GET', LIST, request))).toEqual(['in the other']);
      }
    });

    it.each(['Default', 'default ', ' default', 'default\0', 'context1', 'nobody', '', "' OR 1=1 -- "])(
      'refuses one that does not exist: %j',
      async (contextname) => {
        const answer = await elsewhere.call('GET', LIST, inBody({ contextname }));
        expect(answer.status).toBe(404);
        expect(answer.json).toMatchObject({
          code: 'context_not_found',
          message: `Invalid Context name - ${contextname}`,
        });
      },
    );
  });

  describe('given two contexts,', () => {
    let other: Caller;
    let others: string;

    beforeEach(async () => {
      other = await newCaller(service());
      await other.call('POST', LIST, { body: customer('same') });
      await other.call('POST', LIST, { body: customer('only there') });
      others = (await other.call('GET', LIST)).text;
    });

    it.each<[string, string, Partial<CustomerFields>?]>([
      ['PUT', 'same', customer('same', { Name: 'Changed' })],
      ['PUT', 'same', customer('only there')],
      ['PATCH', 'same', { Name: 'Changed' }],
      ['PATCH', 'same', { UserID: 'only there' }],
      ['DELETE', 'same'],
    ])('changes one without the other: %s %s %j', async (method, userId, body = {}) => {
      await create(customer('same'));
      expect((await call(method, pathOf(userId), { body })).status).toBe(200);
      expect((await other.call('GET', LIST)).text).toBe(others);
    });

    it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('finds nothing of the other: %s', async (method) => {
      const body = { PUT: customer('only there'), PATCH: { Name: 'N' } }[method] ?? {};
      expect((await call(method, pathOf('only there'), { body })).status).toBe(404);
      expect((await other.call('GET', LIST)).text).toBe(others);
    });

    it.each([
      '',
      '?limit=10',
      '?search=same',
      '?search=only',
      '?UserID=same',
      '?updated_since=0',
      '?after=aWQ6MA',
    ])('lists nothing of the other: %s', async (query) => expect(await list(query)).toBe('[]'));

    it('refuses a user who was not granted the other', async () => {
      const { contextname } = other.credentials;
      const { username } = caller().credentials;
      for (const [method, path] of [
        ['GET', LIST],
        ['POST', LIST],
        ['GET', pathOf('same')],
        ['PUT', pathOf('same')],
        ['PATCH', pathOf('same')],
        ['DELETE', pathOf('same')],
      ] as const) {
        const answer = await call(method, path, { body: { contextname } });
        expect(answer.status).toBe(403);
        expect(answer.json).toMatchObject({
          code: 'context_forbidden',
          message: `The user (${username}) is not allowed to access the context ${contextname}`,
        });
      }
      expect((await other.call('GET', LIST)).text).toBe(others);
    });
  });

  describe('given an X-Request-Id,', () => {
    it.each([
      ['returns it if it is valid', 'crm-2026/11/24:0001', true],
      ['returns it if it has 128 characters', 'x'.repeat(128), true],
      ['replaces it if it is too long', 'x'.repeat(129), false],
      ['replaces it if it holds spaces', 'a b', false],
      ['replaces it if it holds quotes', 'a"b', false],
      ['replaces it if it is empty', '', false],
      ['replaces it if it is sent twice', ['a', 'b'], false],
      ['replaces it if it is not ASCII', 'Ã©', false],
    ])('%s', async (_whose, given, echoed) => {
      for (const path of [LIST, pathOf('nobody'), '/nowhere', `${LIST}/%ZZ`, '/health/live']) {
        const { headers, text } = await call('GET', path, { headers: { 'x-request-id': given } });
        const id = headers['x-request-id'];
        if (echoed) expect(id).toBe(given);
        else expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        if (text.includes('ERROR')) expect(text).toContain(`"request_id":"${id as string}"`);
      }
    });

    it('makes another for each request without one', async () => {
      const ids = await Promise.all(
        [1, 2, 3].map(async () => (await call('GET', LIST)).headers['x-request-id']),
      );
      expect(new Set(ids).size).toBe(3);
    });
  });
});
