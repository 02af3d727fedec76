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

/** The service is behind a proxy, so that a test can come from anywhere. */
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

  it('has the first success of a day, a token and an address, which is noted beside the request', async () => {
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

  it('has every failure, with the reason that the client is not told', async () => {
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
    const failures: [object, string, string | null, number | null][] = [
      [{ api_token: undefined }, 'incomplete', username, null],
      [{ username: undefined }, 'incomplete', null, null],
      [{ api_token: 5 }, 'incomplete', username, null],
      [{ api_token: 'x'.repeat(30) }, 'unknown_token', username, null],
      [{ api_token: `ipdr_${'x'.repeat(36)}` }, 'mistyped_token', username, null],
      [{ username: 'admin' }, 'other_user', 'admin', tokenId],
      [{ username: 'nobody at all' }, 'other_user', null, tokenId],
      [{ api_token: expired.token }, 'expired_token', username, expired.id],
      [{ api_token: elsewhere.token }, 'address_not_allowed', username, elsewhere.id],
      [disabled.credentials, 'disabled_user', disabled.credentials.username, disabled.tokenId],
    ];
    const address = '198.51.100.9';
    clock.at = Date.parse('2026-11-24T00:00:01Z');
    const answers = new Set<string>();
    for (const [as] of failures) {
      const { status, json } = await send(caller, from(address), as);
      const { message, code } = json as { message: string; code: string };
      answers.add(`${status} ${code} ${message}`);
    }
    expect([...answers]).toEqual(['401 invalid_token Invalid API token']);
    const entries = failures.map(([, reason, user, token_id]) => {
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

  it('keeps no user name that is none: it may be a token, typed into the wrong field', async () => {
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

  it('answers what a filter leaves, a page at a time', async () => {
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

  it('answers a hundred unless told otherwise', async () => {
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

describe.each(databaseKinds)('who guesses, on $name,', (kind) => {
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

  it('is answered 429 after 20 failures, whatever the body says, and nobody else is', async () => {
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
    // The user that was guessed at signs in from elsewhere, as before.
    expect((await send('192.0.2.2')).status).toBe(200);
    expect((await send('2001:db8::1')).status).toBe(200);
  });

  it('gets no further by guessing at the same moment', async () => {
    const guesses = Array.from({ length: 60 }, (_, n) => send('192.0.2.1', { api_token: `${n}`.repeat(20) }));
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
  });

  it('does not get further by other addresses of the same IPv6 network, nor by header credentials', async () => {
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

  it('does not lock a user out by guessing from many addresses; the log warns of it', async () => {
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
      expect.stringContaining('More than 600 failed sign-ins within a minute: the rest is not recorded'),
      expect.stringContaining(`20 failed sign-ins as ${caller.credentials.username} within a minute`),
    ]);
    await plain.stop();
  });

  it('is counted where nothing but failures are: who signs in right is not held', async () => {
    await guess('192.0.2.1', 19);
    for (let n = 0; n < 30; n++) expect((await send('192.0.2.1')).status).toBe(200);
    expect((await send('192.0.2.1', { contextname: 'ipdrr' })).status).toBe(404);
    expect((await send('192.0.2.1', {}, { raw: '' })).status).toBe(401);
    expect((await send('192.0.2.1')).status).toBe(429);
  });

  it('does not reach the database once held', async () => {
    await guess('192.0.2.1', 20);
    const before = (await service.admin('GET', '/api/admin/signins?outcome=failure')).json;
    expect(before).toHaveLength(20);
    for (let n = 0; n < 30; n++) await send('192.0.2.1', { api_token: 'x'.repeat(30) });
    expect((await service.admin('GET', '/api/admin/signins?outcome=failure')).json).toEqual(before);
  });

  it('may say what it likes in X-Forwarded-For, if no proxy is trusted', async () => {
    const plain = await TestService.start(database, { env: { SIGNIN_LIMIT: '3' } });
    const as = { ...caller.credentials, api_token: 'x'.repeat(30) };
    for (let n = 0; n < 3; n++) {
      expect((await plain.callAs(as, 'GET', LIST, from(`198.51.100.${n}`))).status).toBe(401);
    }
    expect((await plain.callAs(caller.credentials, 'GET', LIST, from('192.0.2.9'))).status).toBe(429);
    await plain.stop();
  });
});

describe.each(databaseKinds)('the limit of requests, on $name,', (kind) => {
  const { service } = useService(kind, { env: { RATE_LIMIT: '30' } });

  it('is counted for each token by itself', async () => {
    const [caller, other] = [await newCaller(service()), await newCaller(service())];
    const answers = await Promise.all(Array.from({ length: 40 }, () => caller.call('GET', LIST)));
    const held = answers.filter(({ status }) => status !== 200);
    expect(held).toHaveLength(10);
    for (const answer of held) {
      expect(answer).toMatchObject({ status: 429, json: { code: 'too_many_requests' } });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await other.call('GET', LIST)).status).toBe(200);
    expect((await service().call('GET', '/health/live', { raw: '' })).status).toBe(200);
  });
});
