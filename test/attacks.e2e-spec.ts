import { createHash, randomUUID } from 'node:crypto';
import { METHODS } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { generateToken } from '../src/access/domain/token.js';
import { asHeaders, newCaller, newContext, type Caller } from './support/callers.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { documentedRoutes, type DocumentedRoute as Route } from './support/documented-routes.js';
import { dump, lastingRows } from './support/dump.js';
import { exchange } from './support/raw-http.js';
import { TestService, withoutSealing, type Answer, type Call } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const AUDIT = '/api/admin/audit';
const HOUR_MS = 3_600_000;
const GENERATED_TOKEN = /ipdr_[0-9A-Za-z]{36}/;

const ODD_PATHS = `
  ${LIST}/ ${LIST}/.. ${LIST}/. ${LIST}/%2e%2e ${LIST};x=1 ${LIST}%00 ${LIST}? /${LIST} /.${LIST} /x/..${LIST}
  /api//ipdrcustomers /API/ipdrcustomers /api/docs/..%2fipdrcustomers http://x${LIST} https://x/metrics/..${LIST}
  //api/admin/users //x/api/admin/users /api/./admin/users /api/admin/..%2fadmin/users /api/admin%2fusers
  /api/admin/users; /api/admin/users;x=1 /api/admin/users/ /api/admin/users?x /api/admin/users#x /api/admin/%75sers
  /health/../api/admin/users /health/..%2fapi/admin/users /metrics/../api/admin/users http://x/api/admin/users
  http://x@y/api/admin/users HTTP://x//api/admin/users api/admin/users \\api\\admin\\users * ?`
  .trim()
  .split(/\s+/);

const NOBODY = 'Nobody/userid@realm';
const CANARY = {
  UserID: 'Canary/userid@realm',
  Name: 'Canary Asha Name',
  Address: 'Canary Road 7\nChennai',
  Email: 'canary.mail@example.in',
  PhoneNumber: '+91 98400 55501',
  AltPhoneNumber: '98400-55502',
};

function expectInvalidToken({ status, headers, json }: Answer): void {
  const request_id = headers['x-request-id'];
  const refusal = { status: 'ERROR', code: 'invalid_token', message: 'Invalid API token', request_id };
  expect([status, json]).toEqual([401, refusal]);
}

/** Whether a path can match a route, whose parameters match any segment. */
function isUnder(path: string, route: Route): boolean {
  return new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path);
}

describe.each(databaseKinds)('attacks on $name', (kind) => {
  const instances: TestService[] = [];
  afterAll(async () => {
    for (const instance of instances) await instance.stop();
  });
  const clock = new TestClock();
  const { service, database } = useService(kind, { adapt: clock.adapt });
  const anotherInstance = async () => {
    const instance = await TestService.start(database(), {
      adapt: (builder) => clock.adapt(withoutSealing(builder)),
    });
    instances.push(instance);
    return instance;
  };
  let routes: Route[];
  let operator: Caller;
  let reader: Caller;
  /** An admin with a read-only token. */
  let auditor: Caller;

  beforeAll(async () => {
    routes = await documentedRoutes(service());
    operator = await newCaller(service());
    reader = await newCaller(service(), { role: 'reader' });
    auditor = await newCaller(service(), { role: 'admin', token: { scope: 'read' } });
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const admin = (method: string, path: string, body: object = {}) =>
    service().admin(method, `/api/admin/${path}`, { body });
  const seeded = (username: 'admin' | 'user') => ({ api_token: service().tokens[username], username });
  const raw = (method: string, target: string, headers: Record<string, string> = {}) => {
    const fields = Object.entries({ Host: 'x', Connection: 'close', ...headers });
    const lines = fields.map((field) => field.join(': '));
    return exchange(service().url, `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  };
  const register = () => lastingRows(database().configuration);

  describe('with wrong credentials', () => {
    it('are refused with an id, a hash, a name or nearly a token', async () => {
      const { admin: good, user: other } = service().tokens;
      const stored = (await register())['tokens'] as { id: number; hash: string }[];
      expect(stored.map(({ hash }) => hash)).toContain(createHash('sha256').update(good).digest('hex'));
      for (const api_token of [
        ...stored.flatMap(({ id, hash }) => [String(id), hash, hash.toUpperCase(), `ipdr_${hash}`]),
        'admin',
        'user',
        operator.credentials.username,
        'default',
        'context0',
        'ipdr_',
        generateToken(),
        `${good.slice(0, -1)}${good.endsWith('0') ? '1' : '0'}`, // a wrong checksum
        `${good}${other}`,
        `${good} ${other}`,
        `${good},${other}`,
        `${good}\n${other}`,
      ]) {
        for (const username of ['admin', 'user']) {
          expectInvalidToken(await service().callAs({ api_token, username }, 'GET', LIST));
          const headers = asHeaders({ api_token: api_token.replace('\n', '\t'), username });
          expectInvalidToken(await service().call('GET', LIST, { raw: '', headers }));
        }
      }
    });

    it('are refused with the credentials of two users', async () => {
      const own = [operator, reader, auditor].map(({ credentials }) => credentials);
      const all = [seeded('admin'), seeded('user'), ...own];
      for (const { api_token, username: owner } of all) {
        for (const { username } of all.filter((each) => each.username !== owner)) {
          const ask = (headers: object, body: object) =>
            service().callAs({ ...body }, 'GET', LIST, { headers: asHeaders(headers) });
          expectInvalidToken(await ask({}, { api_token, username }));
          expectInvalidToken(await ask({ api_token }, { username }));
          expect((await ask({ api_token, username: owner }, { username })).status).toBe(400);
        }
      }
    });

    it.each(['__proto__', 'constructor', 'prototype', 'constructor.prototype'])(
      'are refused in a header or member %s and pollute nothing',
      async (name) => {
        const { api_token, username } = operator.credentials;
        const smuggled = { ...operator.credentials, polluted: true };
        const inside = name.split('.').reduceRight<object>((value, key) => ({ [key]: value }), smuggled);
        const body = { raw: JSON.stringify(inside) };
        expect(body.raw).toContain(`":{"api_token":"${api_token}"`);
        for (const query of ['', `?${name}[username]=admin&${name}[polluted]=1`]) {
          expectInvalidToken(await service().call('GET', `${LIST}${query}`, body));
          expectInvalidToken(await service().call('POST', `/api/admin/users${query}`, body));
        }
        const signed = JSON.stringify({ ...operator.credentials, ...customer('polluting') }).slice(0, -1);
        const own = await operator.call('POST', LIST, { raw: `${signed},${body.raw.slice(1)}` });
        expect(own).toMatchObject({ status: 422, json: { code: 'validation_failed' } });
        for (const value of [`Bearer ${api_token}`, '{"polluted":1}']) {
          const answer = await raw('GET', LIST, { [name]: value, 'X-Username': username });
          expect(answer.slice(0, 12)).toBe('HTTP/1.1 401');
        }
        expect(['polluted' in {}, 'api_token' in {}]).toEqual([false, false]);
        expectInvalidToken(await service().callAs({}, 'GET', LIST));
        expect((await operator.call('GET', LIST)).status).toBe(200);
      },
    );

    it('cost the same work whatever is wrong', async () => {
      const { username } = operator.credentials;
      const credentialsOf = async (caller: Parameters<typeof newCaller>[1]) =>
        (await newCaller(service(), caller)).credentials;
      const revoked = await newCaller(service());
      expect((await admin('DELETE', `tokens/${revoked.tokenId}`)).status).toBe(200);
      const refused = {
        'an unknown token': { api_token: generateToken(), username },
        'an unknown token of another form': { api_token: 'x'.repeat(30), username },
        'an unknown user': { api_token: generateToken(), username: 'nobody' },
        "another user's token": { ...reader.credentials, username },
        'a revoked token': revoked.credentials,
        'an expired token': await credentialsOf({ token: { expires_at: (clock.at + HOUR_MS) / 1000 } }),
        "a disabled user's token": await credentialsOf({ enabled: false }),
        'a disallowed address': await credentialsOf({ token: { allowed_ips: ['192.0.2.0/24'] } }),
      };
      clock.at += HOUR_MS;
      // Nobody has signed in to this instance, so it writes nothing in the background and records every failure.
      const instance = await anotherInstance();
      const { database: spied } = instance;
      const spies = [
        ...(['query', 'write', 'run'] as const).map((name) => jest.spyOn(spied, name)),
        jest.spyOn(spied['dataSource'].logger, 'logQuery'), // the SQL that TypeORM makes, with some values in it
      ];
      const work: [string, string][] = [];
      for (const [what, credentials] of Object.entries(refused)) {
        for (const spy of spies) spy.mockClear();
        expectInvalidToken(await instance.callAs(credentials, 'GET', LIST));
        const calls = spies.flatMap(({ mock }) => mock.calls as unknown[][]);
        work.push([what, calls.map(([sql]) => String(sql).replaceAll(/\b\d+\b/g, '?')).join('\n')]);
      }
      const [[, first] = []] = work;
      expect(first).toMatch(/FROM tokens.*INSERT INTO .sign_ins/s);
      for (const [what, statements] of work) expect([what, statements]).toEqual([what, first]);
    });
  });

  describe("on another context's customer", () => {
    let foreign: Caller;
    let kept: string;

    beforeAll(async () => {
      foreign = await newCaller(service());
      expect((await foreign.call('POST', LIST, { body: CANARY })).status).toBe(200);
      kept = (await foreign.call('GET', LIST)).text;
      expect(kept).toContain(CANARY.Name);
    });
    afterEach(async () => {
      expect((await foreign.call('GET', LIST)).text).toBe(kept);
    });

    /** Callers in contexts of their own. The last may use the other context as well. */
    const strangers = async (): Promise<Caller[]> => {
      const contexts = [await newContext(service()), foreign.credentials.contextname];
      const options = [{}, { role: 'admin' }, { contexts }] as const;
      return Promise.all(options.map((option) => newCaller(service(), option)));
    };
    const rename = async (by: Caller, method: string, body: object) => {
      expect((await by.call('POST', LIST, { body: customer('own') })).status).toBe(200);
      return by.call(method, pathOf('own'), { body });
    };

    it.each<[string, number, (by: Caller, UserID: string) => Promise<Answer>]>([
      ['GET', 404, (by, UserID) => by.call('GET', pathOf(UserID))],
      ['PUT', 404, (by, UserID) => by.call('PUT', pathOf(UserID), { body: customer('own') })],
      ['PATCH', 404, (by, UserID) => by.call('PATCH', pathOf(UserID), { body: { Name: 'Stolen' } })],
      ['DELETE', 404, (by, UserID) => by.call('DELETE', pathOf(UserID))],
      ['POST', 200, (by, UserID) => by.call('POST', LIST, { body: customer(UserID) })],
      ['renaming to it by PUT', 200, (by, UserID) => rename(by, 'PUT', customer(UserID))],
      ['renaming to it by PATCH', 200, (by, UserID) => rename(by, 'PATCH', { UserID })],
      ['filtering by it in the body', 200, (by, UserID) => by.call('GET', LIST, { body: { UserID } })],
      ['filtering by it in the URL', 200, (by, UserID) => by.call('GET', `${LIST}?UserID=${UserID}`)],
      ['searching for it', 200, (by, UserID) => by.call('GET', `${LIST}?search=${UserID}`)],
    ])('by %s are answered %d as if it did not exist', async (_what, status, ask) => {
      const comparable = ({ text }: Answer, userId: string) =>
        text.replaceAll(userId, '@').replaceAll(/"(request_)?id":("[^"]+"|\d+)/g, '');
      for (const stranger of await strangers()) {
        const [found, absent] = [await ask(stranger, CANARY.UserID), await ask(stranger, NOBODY)];
        expect([found.status, absent.status]).toEqual([status, status]);
        expect(comparable(found, CANARY.UserID)).toBe(comparable(absent, NOBODY));
      }
    });

    it('do not prevent the same UserID in another context', async () => {
      for (const stranger of await strangers()) {
        const { text } = await stranger.call('POST', LIST, { body: customer(CANARY.UserID) });
        expect((await stranger.call('GET', pathOf(CANARY.UserID))).text).toBe(text);
        expect((await stranger.call('DELETE', pathOf(CANARY.UserID))).text).toBe(text);
        expect((await stranger.call('GET', pathOf(CANARY.UserID))).status).toBe(404);
      }
    });

    it('find it in no answer', async () => {
      const fields = Object.entries(CANARY).map(([field, value]) => ({ [field]: value }));
      const searches = ['CANARY', 'canary.mail', 'Canary/', '+91', '98400'].map((search) => ({ search }));
      const parts = [{}, { limit: '10000' }, { after: 'aWQ6MA' }, { updated_since: '0' }];
      for (const stranger of await strangers()) {
        for (const n of [1, 2, 3]) await stranger.call('POST', LIST, { body: customer(`own-${n}`) });
        const ask = async (method: string, path: string, call?: Call) => {
          const answer = await stranger.call(method, path, call);
          expect(`${answer.text}${JSON.stringify(answer.headers)}`).not.toMatch(/canary|98400.555/i);
          return answer;
        };
        for (const accept of ['application/json', 'application/x-ndjson']) {
          const headers = { accept };
          expect((await ask('GET', LIST, { headers })).text).toContain('"own-3"');
          for (const query of [...parts, ...searches, ...fields]) {
            await ask('GET', `${LIST}?${new URLSearchParams({ ...query }).toString()}`, { headers });
          }
          for (const body of fields) await ask('GET', LIST, { body, headers });
          for (let page: string | undefined = `${LIST}?limit=1`; page !== undefined;) {
            const answer: Answer = await ask('GET', page, { headers });
            page = /<(.*)>/.exec(String(answer.headers['link']))?.[1];
          }
        }
        const userId = encodeURIComponent(CANARY.UserID);
        for (const { method, path } of routes) {
          // An admin may use every context and sees the requests of each in the audit trail.
          if (!path.startsWith(AUDIT)) await ask(method, path.replace(/\{\w+\}/, userId));
        }
        for (const path of ['/metrics', '/health/ready', '/api/openapi.json']) await ask('GET', path);
      }
    });
  });

  it.each<[string, () => Caller]>([
    ['an operator', () => operator],
    ['a reader', () => reader],
    ['an admin with a read-only token', () => auditor],
  ])('by %s on the administration change nothing', async (_who, who) => {
    const caller = who();
    const { username, contextname } = caller.credentials;
    const before = await register();
    const ids = (before['tokens'] as { id: number }[]).map(({ id }) => id);
    expect(ids).toContain(caller.tokenId);
    const attempts: [string, object?][] = [
      [`PATCH users/${username}`, { role: 'admin' }],
      [`PATCH users/${username}`, { contexts: ['default'] }],
      [`PATCH users/${username}`, { enabled: true }],
      ['PATCH users/admin', { enabled: false }],
      ['DELETE users/user'],
      ['POST users', { name: 'intruder', role: 'admin' }],
      ['POST tokens', { user: username, scope: 'write' }],
      ['POST tokens', { user: 'admin' }],
      ...ids.map((id): [string] => [`POST tokens/${id}/rotate`]),
      ...ids.map((id): [string] => [`DELETE tokens/${id}`]),
      ['POST contexts', { name: 'intruded' }],
      [`PATCH contexts/${contextname}`, { aliases: ['intruded'] }],
      ['PATCH contexts/default', { enabled: false }],
      [`DELETE contexts/${contextname}`],
    ];
    for (const [attempt, body = {}] of attempts) {
      const [method = '', path = ''] = attempt.split(' ');
      const { status } = await caller.call(method, `/api/admin/${path}`, { body });
      expect([attempt, status]).toEqual([attempt, 403]);
    }
    const change = `/api/admin/tokens/${caller.tokenId}`;
    expect((await caller.call('PATCH', change, { body: { scope: 'write' } })).status).toBe(405);
    expect((await service().admin('PATCH', change, { body: { scope: 'write' } })).status).toBe(405);
    expect(await register()).toEqual(before);
  });

  describe('are refused at the very next request, on every instance,', () => {
    let other: TestService;

    beforeAll(async () => {
      other = await anotherInstance();
    });

    const change = (changes: object) => (of: Caller) =>
      admin('PATCH', `users/${of.credentials.username}`, changes);
    const alter = (changes: object) => (of: Caller) =>
      admin('PATCH', `contexts/${of.credentials.contextname}`, changes);
    it.each<[string, string, (of: Caller) => unknown]>([
      ['a user is disabled', 'invalid_token', change({ enabled: false })],
      ['a user is deleted', 'invalid_token', (of) => admin('DELETE', `users/${of.credentials.username}`)],
      ['a token is revoked', 'invalid_token', (of) => admin('DELETE', `tokens/${of.tokenId}`)],
      ['a token is rotated', 'invalid_token', (of) => admin('POST', `tokens/${of.tokenId}/rotate`)],
      ['a token expires', 'invalid_token', () => (clock.at += HOUR_MS)],
      ['an operator becomes a reader', 'role_forbidden', change({ role: 'reader' })],
      ['a context is no longer granted', 'context_forbidden', change({ contexts: [] })],
      ['a context is disabled', 'context_forbidden', alter({ enabled: false })],
      ['a context loses its name', 'context_not_found', alter({ name: randomUUID(), aliases: [] })],
    ])('once %s: %s', async (_what, code, take) => {
      const caller = await newCaller(service(), { token: { expires_at: (clock.at + HOUR_MS) / 1000 } });
      const write = (at: TestService) =>
        at.callAs(caller.credentials, 'POST', LIST, { body: customer(randomUUID()) });
      for (const at of [service(), other]) expect((await write(at)).status).toBe(200);
      await take(caller);
      const { customers } = await register();
      for (const at of [other, service()]) expect((await write(at)).json).toMatchObject({ code });
      expect((await register())['customers']).toEqual(customers);
    });
  });

  describe('around the guard', () => {
    it('by every method on every closed path are refused', async () => {
      for (const path of new Set(routes.map((route) => route.path))) {
        const served = routes.filter((route) => isUnder(path, route)).map(({ method }) => method);
        const closed = served.includes('GET') ? [...served, 'HEAD'] : served;
        for (const method of METHODS) {
          const answer = await raw(method, path.replace(/\{\w+\}/, '1'));
          const status = closed.includes(method) ? '401' : method === 'CONNECT' ? '' : '405';
          expect([method, path, answer.slice(9, 12)]).toEqual([method, path, status]);
        }
      }
    });

    it.each(ODD_PATHS)('by the path %s get no data', async (target) => {
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD']) {
        expect(await raw(method, target)).toMatch(/^HTTP\/1.1 40[0145] /);
        if (!target.includes('admin')) continue;
        expect(await raw(method, target, asHeaders(operator.credentials))).toMatch(/^HTTP\/1.1 40[0345] /);
      }
    });

    it.each([
      'X-HTTP-Method-Override',
      'X-HTTP-Method',
      'X-Method-Override',
      'X-Original-URL',
      'X-Rewrite-URL',
      'X-Forwarded-Host',
      'X-Forwarded-Prefix',
      'X-Forwarded-Path',
      'X-Original-Method',
      'Upgrade',
    ])('by the header %s change nothing', async (name) => {
      const own = asHeaders(operator.credentials);
      expect((await operator.call('POST', LIST, { body: customer(name) })).status).toBe(200);
      const ask = async (path: string, headers: Record<string, string>) =>
        (await raw('GET', path, headers)).replaceAll(/^(x-request-id|date): .*|"request_id":"[^"]*"/gim, '');
      for (const path of [`${LIST}?limit=1`, pathOf(name), '/api/admin/users', '/health/live']) {
        for (const headers of [{}, own]) {
          const plain = await ask(path, headers);
          for (const value of ['DELETE', 'OPTIONS', '/health/live', '/api/admin/users', 'evil.example']) {
            expect(await ask(path, { ...headers, [name]: value })).toBe(plain);
          }
        }
      }
    });
  });

  it('leave no token in the database, the log or the metrics', async () => {
    const rows = JSON.stringify(await dump(database().configuration));
    const log = [service(), ...instances].flatMap((instance) => instance.log).join('');
    const { text } = await service().call('GET', '/metrics', { raw: '' });
    expect([rows, log, text].map((said) => /sign_ins|ipdrcustomers/.test(said))).toEqual([true, true, true]);
    expect(service().tokens.admin).toMatch(GENERATED_TOKEN);
    for (const said of [rows, log, text]) expect(GENERATED_TOKEN.exec(said)).toBe(null);
  });
});
