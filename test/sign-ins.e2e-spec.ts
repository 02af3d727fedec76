import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { asHeaders, newCaller, type Caller } from './support/callers.js';
import type { Answer, Call } from './support/client.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { TestService } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const START = '2026-11-24T00:00:00Z';

interface SignIn {
  readonly id: number;
  readonly at: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly user: string | null;
  readonly token_id: number | null;
  readonly address: string;
}

/** Sends as a proxy does, so that a test can use any address. */
const from = (address: string): Call => ({ headers: { 'x-forwarded-for': address } });

describe.each(databaseKinds)('the sign-in log on $name', (kind) => {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: clock.adapt, env: { TRUST_PROXY: '127.0.0.1' } });

  beforeEach(() => {
    clock.at = Date.parse(START);
  });

  const page = (query: string, method = 'GET'): Promise<Answer> =>
    service().admin(method, `/api/admin/signins?${query}`);
  const signIns = async (query: string): Promise<SignIn[]> => (await page(query)).json as SignIn[];
  const send = ({ credentials }: Caller, call?: Call, as: object = {}): Promise<Answer> =>
    service().callAs({ ...credentials, ...as }, 'GET', LIST, call);

  it('records the first success of each token from each address on each day', async () => {
    const caller = await newCaller(service());
    const other = (
      await service().admin('POST', '/api/admin/tokens', { body: { user: caller.credentials.username } })
    ).json as { id: number; token: string };
    for (const time of [START, '2026-11-24T23:59:59Z', '2026-11-25T00:00:00Z']) {
      clock.at = Date.parse(time);
      for (const address of ['192.0.2.1', '2001:DB8:0::1', '192.0.2.1']) {
        expect((await send(caller, from(address))).status).toBe(200);
      }
    }
    expect((await send(caller, from('192.0.2.1'), { api_token: other.token })).status).toBe(200);
    const query = `user=${caller.credentials.username}`;
    await until(async () => (await signIns(query)).length === 5);
    const success = { outcome: 'success', reason: null, user: caller.credentials.username };
    const expected = [
      { at: START, token_id: caller.tokenId, address: '192.0.2.1', ...success },
      { at: START, token_id: caller.tokenId, address: '2001:db8::1', ...success },
      { at: '2026-11-25T00:00:00Z', token_id: caller.tokenId, address: '192.0.2.1', ...success },
      { at: '2026-11-25T00:00:00Z', token_id: caller.tokenId, address: '2001:db8::1', ...success },
      { at: '2026-11-25T00:00:00Z', token_id: other.id, address: '192.0.2.1', ...success },
    ].map((entry) => ({ id: expect.any(Number), ...entry }));
    expect(await signIns(query)).toEqual(expect.arrayContaining(expected));
  });

  it('records every failure with the reason, which the client never sees', async () => {
    const caller = await newCaller(service());
    const { username } = caller.credentials;
    const { tokenId } = caller;
    const token = async (fields: object): Promise<{ id: number; token: string }> =>
      (await service().admin('POST', '/api/admin/tokens', { body: { user: username, ...fields } }))
        .json as never;
    const [expired, elsewhere, disabled] = [
      await token({ expires_at: '2026-11-24T00:00:01Z' }),
      await token({ allowed_ips: ['203.0.113.0/24'] }),
      await newCaller(service(), { enabled: false }),
    ];
    const unknown = 'x'.repeat(30);
    const mistyped = `ipdr_${'x'.repeat(36)}`;
    const failures: { as: object; reason: string; user: string | null; token_id: number | null }[] = [
      { as: { api_token: undefined }, reason: 'incomplete', user: username, token_id: null },
      { as: { username: undefined }, reason: 'incomplete', user: null, token_id: null },
      { as: { api_token: 5 }, reason: 'incomplete', user: username, token_id: null },
      { as: { api_token: unknown }, reason: 'unknown_token', user: username, token_id: null },
      { as: { api_token: mistyped }, reason: 'mistyped_token', user: username, token_id: null },
      { as: { username: 'admin' }, reason: 'other_user', user: 'admin', token_id: tokenId },
      { as: { username: 'nobody at all' }, reason: 'other_user', user: null, token_id: tokenId },
      { as: { api_token: expired.token }, reason: 'expired_token', user: username, token_id: expired.id },
      {
        as: { api_token: elsewhere.token },
        reason: 'address_not_allowed',
        user: username,
        token_id: elsewhere.id,
      },
      {
        as: disabled.credentials,
        reason: 'disabled_user',
        user: disabled.credentials.username,
        token_id: disabled.tokenId,
      },
    ];
    const address = '198.51.100.9';
    clock.at = Date.parse('2026-11-24T00:00:01Z');
    const answers = new Set<string>();
    for (const { as } of failures) {
      const { status, json } = await send(caller, from(address), as);
      const { message, code } = json as { message: string; code: string };
      answers.add(`${status} ${code} ${message}`);
    }
    expect([...answers]).toEqual(['401 invalid_token Invalid API token']);
    const entries = failures.map(({ reason, user, token_id }) => {
      return {
        id: expect.any(Number),
        at: '2026-11-24T00:00:01Z',
        outcome: 'failure',
        reason,
        user,
        token_id,
        address,
      };
    });
    expect(await signIns(`address=${address}`)).toEqual(entries.toReversed());
  });

  it('leaves out an unknown user name, which may be a token typed into the wrong field', async () => {
    const caller = await newCaller(service());
    const address = '198.51.100.10';
    const { api_token } = caller.credentials;
    for (const username of [api_token, api_token.slice(1), ` ${caller.credentials.username}`]) {
      expect((await send(caller, from(address), { username })).status).toBe(401);
    }
    const { text } = await page(`address=${address}`);
    expect(text).not.toContain(api_token.slice(1));
    expect((JSON.parse(text) as SignIn[]).map(({ user }) => user)).toEqual([null, null, null]);
  });

  it('can be filtered and read page by page', async () => {
    const caller = await newCaller(service());
    const user = caller.credentials.username;
    for (let n = 1; n <= 5; n++) {
      clock.at = Date.parse(START) + n * 1000;
      await send(caller, from(`198.51.100.${20 + (n % 2)}`), { api_token: 'x'.repeat(30) });
    }
    const seconds = (entries: SignIn[]): number[] => entries.map(({ at }) => Number(at.slice(17, 19)));
    const found = async (query: string): Promise<number[]> => seconds(await signIns(`user=${user}&${query}`));
    expect(await found('outcome=failure')).toEqual([5, 4, 3, 2, 1]);
    expect(await found('outcome=success')).toEqual([]);
    expect(await found('from=2026-11-24T00:00:02Z&to=2026-11-24T00:00:04Z')).toEqual([4, 3, 2]);
    expect(await found('address=198.51.100.20')).toEqual([4, 2]);
    expect(await found('address=::ffff:198.51.100.20&limit=1')).toEqual([4]);

    const pages: number[][] = [];
    for (let next: string | undefined = `/api/admin/signins?user=${user}&limit=2`; next !== undefined;) {
      const answer: Answer = await service().admin('GET', next);
      pages.push(seconds(answer.json as SignIn[]));
      next = /^<(.*)>; rel="next"$/.exec(String(answer.headers['link']))?.[1];
    }
    expect(pages).toEqual([[5, 4], [3, 2], [1]]);
  });

  it('answers 100 entries unless the request sets a limit', async () => {
    const caller = await newCaller(service());
    const address = '198.51.100.30';
    const failures = Array.from({ length: 103 }, () =>
      send(caller, from(address), { api_token: 'x'.repeat(30) }),
    );
    await Promise.all(failures);
    const answer = await page(`address=${address}`);
    expect(answer.json).toHaveLength(100);
    expect(answer.headers['link']).toMatch(/rel="next"/);
    expect(await signIns(`address=${address}&limit=1000`)).toHaveLength(103);
  });

  it.each([
    ['outcome=maybe', 'outcome'],
    ['address=localhost', 'address'],
    ['from=yesterday', 'from'],
    ['to=-1', 'to'],
    ['limit=0', 'limit'],
    ['after=x', 'after'],
    ['user=a&user=b', 'user'],
    ['token=1', 'token'],
  ])('refuses %s', async (query, field) => {
    expect(await page(query)).toMatchObject({ status: 422, json: { errors: [{ field }] } });
  });
});

describe.each(databaseKinds)('a client that guesses tokens on $name', (kind) => {
  let database: TestDatabase;
  let service: TestService;
  let caller: Caller;

  beforeEach(async () => {
    database = await kind.create();
    service = await TestService.start(database, { env: { TRUST_PROXY: '127.0.0.1', SIGNIN_LIMIT: '20' } });
    caller = await newCaller(service);
  });
  afterEach(async () => {
    await service.stop();
    await database.drop();
  });

  const send = (address: string, as: object = {}, call: Call = {}): Promise<Answer> =>
    service.callAs({ ...caller.credentials, ...as }, 'GET', LIST, { ...call, ...from(address) });
  const guess = async (address: string, times: number): Promise<void> => {
    for (let n = 0; n < times; n++) {
      const as = {
        api_token: `${n}`.repeat(20),
        username: `user${n}`,
        contextname: `c${n}`,
        [`member${n}`]: n,
      };
      expect((await send(address, as)).status).toBe(401);
    }
  };

  it('gets 429 after 20 failures, whatever its body holds, and nobody else does', async () => {
    await guess('192.0.2.1', 20);
    for (const [as, call] of [
      [{}, {}],
      [{ api_token: 'x'.repeat(30) }, {}],
      [{ username: 'admin', api_token: service.tokens.admin }, {}],
      [{ api_token: 5 }, {}],
      [{}, { raw: '' }],
    ] as const) {
      const answer = await send('192.0.2.1', as, call);
      expect(answer).toMatchObject({ status: 429, json: { code: 'too_many_failures' } });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
    }
    // The user under attack still signs in from elsewhere.
    expect((await send('192.0.2.2')).status).toBe(200);
    expect((await send('2001:db8::1')).status).toBe(200);
  });

  it('gets no further by guessing concurrently', async () => {
    const guesses = Array.from({ length: 60 }, (_, n) => send('192.0.2.1', { api_token: `${n}`.repeat(20) }));
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
  });

  it('gets no further with other addresses of its IPv6 network or with credentials in headers', async () => {
    for (let n = 0; n < 20; n++) {
      const headers = {
        ...asHeaders({ ...caller.credentials, api_token: 'x'.repeat(30) }),
        ...from(`2001:db8::${n}`).headers,
      };
      expect((await service.callAs({}, 'GET', LIST, { raw: '', headers })).status).toBe(401);
    }
    expect((await send('2001:db8::ffff')).status).toBe(429);
    expect((await send('2001:db8:0:1::1')).status).toBe(200);
  });

  it('cannot lock a user out from many addresses, and the log warns of the attempt', async () => {
    for (let n = 0; n < 40; n++) {
      expect((await send(`198.51.100.${n}`, { api_token: 'x'.repeat(30) })).status).toBe(401);
    }
    expect((await send('192.0.2.1')).status).toBe(200);
    const warnings = service.log.filter((line) => line.includes('"level":40'));
    expect(warnings).toEqual([
      expect.stringContaining(`20 failed sign-ins as ${caller.credentials.username} within a minute`),
    ]);
  });

  it('cannot hide among more failures than are recorded', async () => {
    const plain = await TestService.start(database);
    const fail = (username: string): Promise<Answer> =>
      plain.callAs({ username, api_token: 'x'.repeat(30) }, 'GET', LIST);
    for (let n = 0; n < 650; n += 50) await Promise.all(Array.from({ length: 50 }, () => fail('nobody')));
    for (let n = 0; n < 20; n++) expect((await fail(caller.credentials.username)).status).toBe(401);
    const recorded = await service.admin('GET', '/api/admin/signins?outcome=failure&limit=10000');
    expect(recorded.json).toHaveLength(600);
    expect(plain.log.filter((line) => line.includes('"level":40'))).toEqual([
      expect.stringContaining('More than 600 failed sign-ins within a minute; not recording the rest'),
      expect.stringContaining(`20 failed sign-ins as ${caller.credentials.username} within a minute`),
    ]);
    await plain.stop();
  });

  it('is counted by its failures alone', async () => {
    await guess('192.0.2.1', 19);
    for (let n = 0; n < 30; n++) expect((await send('192.0.2.1')).status).toBe(200);
    expect((await send('192.0.2.1', { contextname: 'ipdrr' })).status).toBe(404);
    expect((await send('192.0.2.1', {}, { raw: '' })).status).toBe(401);
    expect((await send('192.0.2.1')).status).toBe(429);
  });

  it('is not recorded any more once it gets 429', async () => {
    await guess('192.0.2.1', 20);
    const before = (await service.admin('GET', '/api/admin/signins?outcome=failure')).json;
    expect(before).toHaveLength(20);
    for (let n = 0; n < 30; n++) await send('192.0.2.1', { api_token: 'x'.repeat(30) });
    expect((await service.admin('GET', '/api/admin/signins?outcome=failure')).json).toEqual(before);
  });

  it('gains nothing from X-Forwarded-For if no proxy is trusted', async () => {
    const plain = await TestService.start(database, { env: { SIGNIN_LIMIT: '3' } });
    const as = { ...caller.credentials, api_token: 'x'.repeat(30) };
    for (let n = 0; n < 3; n++) {
      expect((await plain.callAs(as, 'GET', LIST, from(`198.51.100.${n}`))).status).toBe(401);
    }
    expect((await plain.callAs(caller.credentials, 'GET', LIST, from('192.0.2.9'))).status).toBe(429);
    await plain.stop();
  });
});

describe.each(databaseKinds)('the limit of requests on $name', (kind) => {
  const { service } = useService(kind, { env: { RATE_LIMIT: '30' } });

  it('is counted for each token separately', async () => {
    const [caller, other] = [await newCaller(service()), await newCaller(service())];
    const answers = await Promise.all(Array.from({ length: 40 }, () => caller.call('GET', LIST)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(10);
    for (const answer of refused) {
      expect(answer).toMatchObject({ status: 429, json: { code: 'too_many_requests' } });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await other.call('GET', LIST)).status).toBe(200);
    expect((await service().call('GET', '/health/live', { raw: '' })).status).toBe(200);
  });
});
