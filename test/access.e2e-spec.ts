import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { asHeaders, newCaller } from './support/callers.js';
import type { Answer, Call, Client } from './support/client.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { TestService } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const TOKEN = /^ipdr_[0-9A-Za-z]{36}$/;
const CREATED_AT = '2026-11-24T00:00:00Z';

function expectInvalidToken(answer: Answer): void {
  expect(answer.status).toBe(401);
  expect(answer.json).toEqual({
    status: 'ERROR',
    code: 'invalid_token',
    message: 'Invalid API token',
    request_id: answer.headers['x-request-id'],
  });
}

describe.each(databaseKinds)('access on $name', (kind) => {
  const clock = new TestClock();
  const { service, database } = useService(kind, { adapt: clock.adapt });

  const admin = (method: string, path: string, body: object = {}): Promise<Answer> =>
    service().admin(method, `/api/admin/${path}`, { body });
  const list = (credentials: object, call?: Call, at: Client = service()): Promise<Answer> =>
    at.callAs({ ...credentials }, 'GET', LIST, call);
  const statusOf = async (credentials: object, call?: Call): Promise<number> =>
    (await list(credentials, call)).status;

  describe('is checked in order:', () => {
    it.each([
      {
        step: 'the token first',
        role: 'reader',
        as: { api_token: 'x', contextname: 'ipdrr' },
        status: 401,
        code: 'invalid_token',
      },
      {
        step: 'then whether the context exists',
        role: 'reader',
        as: { contextname: 'ipdrr' },
        status: 404,
        code: 'context_not_found',
      },
      {
        step: 'then whether it is granted',
        role: 'reader',
        as: { contextname: 'default' },
        status: 403,
        code: 'context_forbidden',
      },
      { step: 'then the role', role: 'reader', as: {}, status: 403, code: 'role_forbidden' },
      { step: 'then the scope', role: 'operator', as: {}, status: 403, code: 'scope_forbidden' },
    ] as const)('$step', async ({ role, as, status, code }) => {
      const caller = await newCaller(service(), { role, token: { scope: 'read' } });
      for (const [method, path] of [
        ['POST', LIST],
        ['PUT', `${LIST}/nobody`],
        ['PATCH', `${LIST}/nobody`],
        ['DELETE', `${LIST}/nobody`],
      ] as const) {
        const body = { UserID: 5, nonsense: true, ...as };
        const answer = await caller.call(method, path, { body, headers: { accept: 'image/png' } });
        expect(answer).toMatchObject({ status, json: { code } });
      }
    });

    it.each([
      [406, { headers: { accept: 'image/png' }, body: { UserID: 5 } }],
      [422, { body: { UserID: 5 } }],
      [404, { body: { UserID: 'text' } }],
    ])('then the rest, with %d', async (status, call) => {
      const caller = await newCaller(service());
      expect((await caller.call('PATCH', `${LIST}/nobody`, call)).status).toBe(status);
    });
  });

  describe('a token', () => {
    it('is shown only when it is created', async () => {
      const given = {
        label: 'CRM',
        scope: 'read',
        expires_at: '2030-01-01T05:30:00+05:30',
        allowed_ips: ['127.0.0.0/8', '::1'],
      };
      const made = await admin('POST', 'tokens', { user: 'user', ...given });
      const { id, token } = made.json as { id: number; token: string };
      const expires_at = '2030-01-01T00:00:00Z';
      const shown = { id, user: 'user', ...given, expires_at, created_at: CREATED_AT, last_used_at: null };
      expect(made).toMatchObject({ status: 200, text: JSON.stringify({ ...shown, token }) });
      expect(token).toMatch(TOKEN);

      const listed = await admin('GET', 'tokens');
      expect(listed.text).toContain(JSON.stringify(shown));
      const deleted = await admin('DELETE', `tokens/${id}`);
      expect(deleted).toMatchObject({ status: 200, text: JSON.stringify(shown) });
      expect(listed.text + deleted.text + service().log.join('')).not.toContain(token);
    });

    it('needs no more than the name of its user', async () => {
      const { json } = await admin('POST', 'tokens', { user: 'user' });
      expect(json).toMatchObject({ label: '', scope: 'write', expires_at: null, allowed_ips: [] });
    });

    it('that exists elsewhere can be adopted once', async () => {
      const token = 'GiXwBWWv5g2Fs6QeaTlx';
      const made = await admin('POST', 'tokens', { user: 'user', token });
      expect(made).toMatchObject({ status: 200, json: { token } });
      expect(await statusOf({ api_token: token, username: 'user' })).toBe(200);
      const again = await admin('POST', 'tokens', { user: 'admin', token });
      expect(again).toMatchObject({ status: 409, json: { code: 'token_exists' } });
      expect(again.text).not.toContain(token);
      expect(await statusOf({ api_token: token, username: 'admin' })).toBe(401);
    });

    it.each(['2026-11-24T02:00:00Z', '2026-11-24T07:30:00+05:30', 1795485600, '1795485600'])(
      'is valid until it expires at %j',
      async (expires_at) => {
        const { credentials } = await newCaller(service(), { token: { expires_at } });
        const { at } = clock;
        clock.at = Date.parse('2026-11-24T01:59:59.999Z');
        expect(await statusOf(credentials)).toBe(200);
        clock.at = Date.parse('2026-11-24T02:00:00Z');
        expectInvalidToken(await list(credentials));
        clock.at = at;
      },
    );

    it.each<[number, string[]]>([
      [200, ['127.0.0.1']],
      [200, ['10.0.0.0/8', '127.0.0.0/8']],
      [200, ['0.0.0.0/0']],
      [200, ['::ffff:127.0.0.1']],
      [401, ['10.0.0.0/8']],
      [401, ['127.0.0.2']],
      [401, ['::1']],
    ])('gets %d from this address when allowed from %j', async (status, allowed_ips) => {
      const { credentials } = await newCaller(service(), { token: { allowed_ips } });
      for (const forged of ['10.1.2.3', '127.0.0.1', '127.0.0.2', '::1']) {
        expect(await statusOf(credentials, { headers: { 'x-forwarded-for': forged } })).toBe(status);
      }
      if (status === 401) expectInvalidToken(await list(credentials));
    });

    it('that is revoked is refused from the next request on, on every instance', async () => {
      const other = await TestService.start(database());
      const { credentials, tokenId } = await newCaller(service());
      for (const at of [service(), other]) expect((await list(credentials, {}, at)).status).toBe(200);
      expect((await admin('DELETE', `tokens/${tokenId}`)).json).toMatchObject({ id: tokenId });
      for (const at of [other, service()]) expectInvalidToken(await list(credentials, {}, at));
      expect((await admin('DELETE', `tokens/${tokenId}`)).status).toBe(404);
      await other.stop();
    });

    it.each(['0', '-1', 'abc', '1e0', '0x1', '1 OR 1=1', '999999999999', '1.0', ' 1', '1 ', '١'])(
      'with the id %j is not found',
      async (id) => {
        const answer = await admin('DELETE', `tokens/${encodeURIComponent(id)}`);
        expect(answer).toMatchObject({ status: 404, json: { code: 'token_not_found' } });
        expect((await admin('GET', 'tokens')).status).toBe(200);
      },
    );

    it('is valid for its own user alone', async () => {
      const { credentials } = await newCaller(service(), { name: 'Zoé' });
      const other = await newCaller(service());
      const others = ['admin', 'user', other.credentials.username];
      for (const username of [...others, 'zoé', 'Zoé ', ' Zoé', 'Zoe\u0301', 'Zoé\0', '%', '']) {
        expectInvalidToken(await list({ ...credentials, username }));
      }
      expect(await statusOf(credentials)).toBe(200);
      expect(await statusOf({}, { raw: '', headers: asHeaders(credentials) })).toBe(200);
    });

    it('is compared byte for byte', async () => {
      const { credentials } = await newCaller(service());
      const { api_token: good } = credentials;
      const bad = [
        good.toUpperCase(),
        good.toLowerCase(),
        `${good} `,
        ` ${good}`,
        good.slice(1),
        `${good}\0`,
        '%',
        '',
      ];
      for (const api_token of bad) expectInvalidToken(await list({ ...credentials, api_token }));
      expect(await statusOf(credentials)).toBe(200);
    });

    it('of a disabled user is refused', async () => {
      const { credentials } = await newCaller(service(), { enabled: false });
      expectInvalidToken(await list(credentials));
    });

    it('is listed with the time of its last use', async () => {
      const { credentials, tokenId } = await newCaller(service());
      const lastUse = async (): Promise<unknown> => {
        const tokens = (await admin('GET', 'tokens')).json as { id: number; last_used_at: unknown }[];
        return tokens.find(({ id }) => id === tokenId)?.last_used_at;
      };
      expectInvalidToken(await list({ ...credentials, username: 'admin' }));
      expect(await lastUse()).toBe(null);
      const { at } = clock;
      for (const time of ['2026-11-24T00:00:00Z', '2026-11-24T01:00:00Z']) {
        clock.at = Date.parse(time);
        expect(await statusOf(credentials)).toBe(200);
        await until(async () => (await lastUse()) === time);
      }
      clock.at = at;
    });
  });
});

describe.each(databaseKinds)('the first start on $name', (kind) => {
  const services: TestService[] = [];
  let database: TestDatabase;
  let folder: string;

  beforeEach(async () => {
    database = await kind.create();
    folder = await mkdtemp(join(tmpdir(), 'ipdr-access-'));
  });
  afterEach(async () => {
    for (const service of services.splice(0)) await service.stop();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const start = async (env: Record<string, string> = {}): Promise<TestService> => {
    const service = await TestService.start(database, { env });
    services.push(service);
    return service;
  };
  const files = async ({ dataDir }: TestService): Promise<string[]> => (await readdir(dataDir)).sort();
  const statusAs = async (service: TestService, username: string, api_token: string): Promise<number> =>
    (await service.callAs({ username, api_token }, 'GET', LIST)).status;

  it('creates a context and two users, and writes their tokens where nobody else can read them', async () => {
    const service = await start();
    const { tokens, dataDir, log } = service;
    expect(await files(service)).toEqual(['admin-token', 'user-token']);
    for (const name of ['admin', 'user'] as const) {
      const token = tokens[name];
      const path = join(dataDir, `${name}-token`);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(await readFile(path, 'utf8')).toBe(`${token}\n`);
      expect(token).toMatch(TOKEN);
      expect(log.join('')).not.toContain(token);
      expect(await statusAs(service, name, token)).toBe(200);
    }
    const { json } = await service.admin('GET', '/api/admin/users');
    expect(json).toEqual([
      expect.objectContaining({ name: 'admin', role: 'admin', enabled: true }),
      expect.objectContaining({ name: 'user', role: 'operator', contexts: ['default'], enabled: true }),
    ]);
    expect((await service.admin('GET', '/api/admin/contexts')).json).toMatchObject([{ name: 'default' }]);
  });

  it('is not repeated by a second start, which changes and writes nothing', async () => {
    const { tokens } = await start();
    const second = await start({ ADMIN_API_TOKEN: 'another-token-for-the-admin' });
    expect(await files(second)).toEqual([]);
    expect(await statusAs(second, 'admin', tokens.admin)).toBe(200);
    expect(await statusAs(second, 'user', tokens.user)).toBe(200);
    expect(await statusAs(second, 'admin', 'another-token-for-the-admin')).toBe(401);
  });

  it('on another database adopts the tokens in the files, so that they stay valid for the first', async () => {
    const first = await start();
    const other = await kind.create();
    const second = await TestService.start(other, { env: { DATA_DIR: first.dataDir } });
    for (const name of ['admin', 'user'] as const) {
      expect(await readFile(join(first.dataDir, `${name}-token`), 'utf8')).toBe(`${first.tokens[name]}\n`);
      for (const service of [first, second])
        expect(await statusAs(service, name, first.tokens[name])).toBe(200);
    }
    await second.stop();
    await other.drop();
  });

  it.each(['ADMIN_API_TOKEN', 'ADMIN_API_TOKEN_FILE'])('takes the admin token of %s', async (variable) => {
    const token = 'GiXwBWWv5g2Fs6QeaTlx';
    const file = join(folder, 'chosen-token');
    await writeFile(file, `${token}\n`);
    const value = variable.endsWith('_FILE') ? file : token;
    const service = await start({ [variable]: value });
    expect(await files(service)).toEqual(['user-token']);
    expect(await statusAs(service, 'admin', token)).toBe(200);
    expect(
      (await service.callAs({ username: 'admin', api_token: token }, 'GET', '/api/admin/users')).status,
    ).toBe(200);
    expect(await statusAs(service, 'user', service.tokens.user)).toBe(200);
    expect(service.log.join('')).not.toContain(token);
  });

  it('trusts the proxies of TRUST_PROXY, and nobody else, about the address of a client', async () => {
    const service = await start({ TRUST_PROXY: '127.0.0.1' });
    const { credentials } = await newCaller(service, { token: { allowed_ips: ['192.0.2.0/24'] } });
    for (const [forwarded, status] of [
      ['192.0.2.7', 200],
      ['10.0.0.1, 192.0.2.7', 200],
      ['192.0.2.7, 10.0.0.1', 401],
      ['10.0.0.1', 401],
      ['nonsense', 401],
      ['', 401],
    ] as const) {
      const headers = { 'x-forwarded-for': forwarded };
      const answer = await service.callAs(credentials, 'GET', LIST, { headers });
      expect([forwarded, answer.status]).toEqual([forwarded, status]);
    }
  });
});
