import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { IdempotencyRepository } from '../src/idempotency/application/idempotency.repository.js';
import { Transactions } from '../src/shared/transactions.js';
import { auditTrail } from './support/audit.js';
import { asHeaders, newCaller, newContext, type Caller } from './support/callers.js';
import { customer, pathOf, toJson } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { describeOn } from './support/describe-on.js';
import { documentedRoutes, validBody, type DocumentedRoute } from './support/documented-routes.js';
import { dump } from './support/dump.js';
import { addCustomer, addMapping, MAPPINGS } from './support/mappings.js';
import { TestService, type Answer, type Call, type ServiceOptions } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const DAY_MS = 86_400_000;
const REPEATS = 50;

/** Throws `next` once, at the end of the next transaction that wrote a customer `unlucky`. */
class UnluckyTransactions extends Transactions {
  next: Error | undefined;

  constructor(private readonly real: Transactions) {
    super();
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return this.real.run(async () => {
      const result = await work();
      const error = this.next;
      if (error === undefined || !JSON.stringify(result ?? null).includes('unlucky')) return result;
      this.next = undefined;
      throw error;
    });
  }
}

describe.each(databaseKinds)('an Idempotency-Key on $name', (kind) => {
  const clock = new TestClock();
  let transactions: UnluckyTransactions;
  const options: ServiceOptions = {
    adapt: (builder, real) => {
      transactions = new UnluckyTransactions(real);
      return clock.adapt(builder).overrideProvider(Transactions).useValue(transactions);
    },
  };
  const { service, database } = useService(kind, options);
  let caller: Caller;
  let key: string;

  beforeEach(async () => {
    caller = await newCaller(service());
    key = randomUUID();
  });

  const call = (method: string, path: string, body: object = {}, more: Call = {}): Promise<Answer> =>
    caller.call(method, path, { body, ...more, headers: { 'idempotency-key': key, ...more.headers } });
  const post = (userId: string, more?: Call): Promise<Answer> => call('POST', LIST, customer(userId), more);
  const withoutKey = async (method: string, path: string, body: object = {}): Promise<Answer> => {
    const answer = await caller.call(method, path, { body });
    expect(answer.status).toBe(200);
    return answer;
  };
  const list = async (): Promise<string> => (await withoutKey('GET', LIST)).text;
  const countVersions = async (userId: string): Promise<number> =>
    ((await withoutKey('GET', `${pathOf(userId)}/history`)).json as unknown[]).length;
  const countKeys = async (): Promise<number> =>
    (await dump(database().configuration))['idempotency_keys']?.length ?? 0;

  const expectReplayed = (answer: Answer, first: Answer): void => {
    expect([answer.status, answer.text]).toEqual([first.status, first.text]);
    expect(answer.headers).toMatchObject({ 'idempotent-replayed': 'true' });
    expect(answer.headers['etag']).toBe(first.headers['etag']);
    expect(answer.headers['content-type']).toBe(first.headers['content-type']);
  };
  const expectDone = (answer: Answer): void => {
    expect(answer.status).toBe(200);
    expect(answer.headers['idempotent-replayed']).toBeUndefined();
  };
  const expectReused = (answer: Answer): void => {
    expect(answer.status).toBe(409);
    expect(answer.json).toMatchObject({ status: 'ERROR', code: 'idempotency_key_reused' });
  };

  describe('on every route that writes', () => {
    let routes: DocumentedRoute[];
    let admin: Caller;

    beforeAll(async () => {
      const all = await documentedRoutes(service());
      // A look-up is a read, even by POST.
      routes = all.filter(({ method, path }) => method !== 'GET' && path !== '/api/ipdrlookup');
      admin = await newCaller(service(), { role: 'admin' });
    });

    /** Returns the UserID. */
    const makeCustomer = async (userId: string = randomUUID()): Promise<string> => {
      const body = customer(userId, { Name: 'Before' });
      expect((await admin.call('POST', LIST, { body })).status).toBe(200);
      return userId;
    };
    /** Creates what the path and the body of a route refer to, and returns the path. */
    const pathToTarget = async (route: DocumentedRoute, { UserID }: { UserID?: string }): Promise<string> => {
      const { path, collection } = route;
      if (/mapping/.test(path)) {
        const userId = await makeCustomer();
        const { id } = await addMapping(admin, userId, `2001:db8:1::${userId.slice(0, 4)}`);
        if (UserID !== undefined) await makeCustomer(UserID);
        return path.replace('{UserID}', userId).replace('{id}', String(id));
      }
      if (!path.includes('{')) return path;
      const making: Record<string, () => Promise<string | number>> = {
        [LIST]: makeCustomer,
        '/api/admin/contexts': () => newContext(service()),
        '/api/admin/users': async () => (await newCaller(service())).credentials.username,
        '/api/admin/tokens': async () => (await newCaller(service())).tokenId,
      };
      return path.replace(/\{\w+\}/, String(await making[collection]?.()));
    };
    /** Every row but audit entries and sign-ins, without the blocks of sealing. */
    const state = async (): Promise<Record<string, object[]>> => {
      const rows = Object.entries(await dump(database().configuration));
      return Object.fromEntries(
        rows
          .filter(([table]) => !/^(audit_|sign_ins)/.test(table))
          .map(([table, all]) => [table, all.map((row) => ({ ...row, block: null }))]),
      );
    };

    it('repeats the answer, does nothing more and stores no secret', async () => {
      expect(routes.map(({ method, path }) => `${method} ${path}`)).toEqual(
        expect.arrayContaining([
          `POST ${LIST}`,
          `PUT ${LIST}/{UserID}`,
          `PATCH ${LIST}/{UserID}`,
          `DELETE ${LIST}/{UserID}`,
          `POST ${MAPPINGS}`,
          `PUT ${MAPPINGS}/{UserID}`,
          `DELETE ${MAPPINGS}/{UserID}`,
          `POST ${LIST}/{UserID}/mappings`,
          `PATCH ${LIST}/{UserID}/mappings/{id}`,
          `DELETE ${LIST}/{UserID}/mappings/{id}`,
          `POST ${LIST}/{UserID}/mappings/{id}/reassign`,
          'POST /api/admin/tokens',
          'POST /api/admin/tokens/{id}/rotate',
          'POST /api/admin/users',
          'DELETE /api/admin/contexts/{name}',
        ]),
      );
      const { json } = await service().admin('POST', '/api/admin/tokens', {
        body: { user: admin.credentials.username },
      });
      const another = { ...admin.credentials, api_token: (json as { token: string }).token };
      await service().callAs(another, 'GET', LIST); // stores its first use

      for (const route of routes) {
        const body = validBody(route);
        const path = await pathToTarget(route, body);
        const request = { body, headers: { 'idempotency-key': `key-${randomUUID()}` } };
        const before = await state();
        const first = await admin.call(route.method, path, request);
        expect([route.method, path, first.status]).toEqual([route.method, path, 200]);
        expectDone(first);
        const done = await state();
        expect(done['idempotency_keys']).toHaveLength((before['idempotency_keys']?.length ?? 0) + 1);
        // All but the purge, which finds nothing old enough, have written.
        const others = (rows: Record<string, object[]>) => ({ ...rows, idempotency_keys: [] });
        if (path !== '/api/admin/purge') expect(others(done)).not.toEqual(others(before));

        expectReplayed(await admin.call(route.method, path, request), first);
        const reversed = Object.entries({ ...admin.credentials, ...request.body }).toReversed();
        const raw = JSON.stringify(Object.fromEntries(reversed));
        expectReplayed(await admin.call(route.method, path, { ...request, raw }), first);

        // An answer that holds a token is repeated to the same token alone, any other to the same user.
        const { token } = first.json as { token?: string };
        expect(token !== undefined).toBe(/\/tokens(\/.*rotate)?$/.test(path));
        const elsewhere = await service().callAs(another, route.method, path, request);
        if (token === undefined) expectReplayed(elsewhere, first);
        else expectReused(elsewhere);

        expect(await state()).toEqual(done);
        const kept = JSON.stringify(await dump(database().configuration));
        expect(kept).not.toContain(request.headers['idempotency-key']);
        if (token !== undefined) expect(kept).not.toContain(token);
      }
    });
  });

  describe('does a repeated write once', () => {
    it.each<[string, string, object]>([
      ['PUT', 'one', customer('two', { Name: 'N' })],
      ['PATCH', 'one', { UserID: 'two', Name: 'N' }],
      ['PATCH', 'one', { Name: 'N' }],
      ['PATCH', 'one', { Name: 'Trisul' }],
      ['DELETE', 'one', {}],
    ])('by %s %s %j', async (method, userId, body) => {
      await withoutKey('POST', LIST, customer('one'));
      const first = await call(method, pathOf(userId), body);
      expectDone(first);
      const [kept, count] = [await list(), await countVersions('one')];
      expectReplayed(await call(method, pathOf(userId), body), first);
      expect([await list(), await countVersions('one')]).toEqual([kept, count]);
    });

    it('and repeats the answer, whatever has changed since', async () => {
      const first = await post('since');
      await withoutKey('PATCH', pathOf('since'), { Name: 'Later' });
      expectReplayed(await post('since'), first);
      await withoutKey('DELETE', pathOf('since'));
      expectReplayed(await post('since'), first);
      expect(await list()).toBe('[]');
    });

    it('with credentials in headers and by a rotated token', async () => {
      const first = await post('h');
      const raw = JSON.stringify(customer('h'));
      const inHeaders = asHeaders(caller.credentials);
      const { json } = await service().admin('POST', `/api/admin/tokens/${caller.tokenId}/rotate`);
      const rotated = { ...caller.credentials, api_token: (json as { token: string }).token };
      const headers = { 'idempotency-key': key };
      expect((await post('h', { raw, headers: inHeaders })).status).toBe(401);
      const body = customer('h');
      expectReplayed(await service().callAs(rotated, 'POST', LIST, { body, headers }), first);
      expectReplayed(await post('h', { raw, headers: asHeaders(rotated) }), first);
    });

    it('with its first If-Match, which no longer matches', async () => {
      const { headers } = await withoutKey('POST', LIST, customer('m'));
      const match = { headers: { 'if-match': String(headers['etag']) } };
      const first = await call('PATCH', pathOf('m'), { Name: 'N' }, match);
      expectDone(first);
      expectReplayed(await call('PATCH', pathOf('m'), { Name: 'N' }, match), first);
      expect(await countVersions('m')).toBe(2);
    });

    it('after a retry of its transaction', async () => {
      const { headers } = await withoutKey('POST', LIST, customer('unlucky'));
      transactions.next = Object.assign(new Error('a deadlock'), { errno: 1213 });
      const match = { headers: { 'if-match': String(headers['etag']) } };
      const first = await call('PATCH', pathOf('unlucky'), { Name: 'N' }, match);
      expectDone(first);
      expect(transactions.next).toBeUndefined();
      expect((await withoutKey('GET', pathOf('unlucky'))).headers['etag']).toBe(first.headers['etag']);
      expectReplayed(await call('PATCH', pathOf('unlucky'), { Name: 'N' }, match), first);
      expect(await countVersions('unlucky')).toBe(2);
    });
  });

  it.each([
    { other: 'another body', method: 'PATCH', userId: 'k', body: { Name: 'Other' } },
    { other: 'one more member', method: 'PATCH', userId: 'k', body: { Name: 'N', Address: null } },
    { other: 'another customer', method: 'PATCH', userId: 'other', body: { Name: 'N' } },
    { other: 'another method', method: 'DELETE', userId: 'k', body: {} },
    {
      other: 'another If-Match',
      method: 'PATCH',
      userId: 'k',
      body: { Name: 'N' },
      headers: { 'if-match': '*' },
    },
  ])('is refused with $other', async ({ method, userId, body, headers = {} }) => {
    for (const name of ['k', 'other']) await withoutKey('POST', LIST, customer(name));
    const first = await call('PATCH', pathOf('k'), { Name: 'N' });
    const kept = await list();
    expectReused(await call(method, pathOf(userId), body, { headers }));
    expect(await list()).toBe(kept);
    expectReplayed(await call('PATCH', pathOf('k'), { Name: 'N' }), first);
  });

  describe('of a request that failed is free again', () => {
    let before: number;
    beforeEach(async () => {
      before = await countKeys();
    });

    interface Failure {
      readonly status: number;
      readonly method: string;
      readonly path: string;
      readonly body?: object;
      readonly headers?: Record<string, string>;
      /** Makes the same request succeed. */
      readonly mend?: () => Promise<unknown>;
    }
    const createNew = (): Promise<unknown> => withoutKey('POST', LIST, customer('new'));

    it.each<Failure>([
      {
        status: 409,
        method: 'POST',
        path: LIST,
        body: customer('taken'),
        mend: () => withoutKey('DELETE', pathOf('taken')),
      },
      { status: 404, method: 'PATCH', path: pathOf('new'), body: { Name: 'N' }, mend: createNew },
      { status: 404, method: 'DELETE', path: pathOf('new'), mend: createNew },
      { status: 412, method: 'DELETE', path: pathOf('taken'), headers: { 'if-match': '"x"' } },
      { status: 400, method: 'DELETE', path: pathOf('taken'), headers: { 'if-match': 'x' } },
      { status: 422, method: 'PATCH', path: pathOf('taken'), body: { Name: '' } },
    ])('with $status to $method $path', async ({ status, method, path, body, headers = {}, mend }) => {
      await withoutKey('POST', LIST, customer('taken'));
      const answer = await call(method, path, body, { headers });
      expect(answer.status).toBe(status);
      expect(await countKeys()).toBe(before);
      await mend?.();
      const again = await call(method, path, body, { headers });
      expect(again.headers['idempotent-replayed']).toBeUndefined();
      expect(again.status).toBe(mend === undefined ? status : 200);
      // If it failed again, the key is free for another request.
      if (again.status !== 200) expectDone(await call('PATCH', pathOf('taken'), { Name: 'Mended' }));
      expect(await countKeys()).toBe(before + 1);
    });

    it('with 500 when its transaction could not commit', async () => {
      transactions.next = new Error('made to fail');
      expect((await post('unlucky')).status).toBe(500);
      expect(transactions.next).toBeUndefined();
      expect([await countKeys(), await list()]).toEqual([before, '[]']);
      expectDone(await post('unlucky'));
      expect(await countVersions('unlucky')).toBe(1);
    });
  });

  it('belongs to one user in one context', async () => {
    const { contextname } = caller.credentials;
    const elsewhere = await newContext(service());
    const [colleague, stranger] = [
      await newCaller(service(), { contexts: [contextname, elsewhere] }),
      await newCaller(service()),
    ];
    const headers = { 'idempotency-key': key };
    expectDone(await post('same'));
    expectDone(await stranger.call('POST', LIST, { body: customer('same'), headers }));
    expect((await colleague.call('POST', LIST, { body: customer('same'), headers })).status).toBe(409);
    expectDone(await colleague.call('POST', LIST, { body: customer('other'), headers }));
    const body = { ...customer('other'), contextname: elsewhere };
    expectDone(await colleague.call('POST', LIST, { body, headers }));
  });

  it('is compared byte for byte', async () => {
    for (const each of ['key', 'KEY', 'kéy', 'key/', 'k e y']) {
      key = Buffer.from(each).toString('latin1');
      expectDone(await post(each));
    }
  });

  it.each([1, 255])('may have %i characters', async (length) => {
    key = 'k'.repeat(length);
    const first = await post('long');
    expectDone(first);
    expectReplayed(await post('long'), first);
  });

  it.each([
    ['is empty', ''],
    ['is spaces', '   '],
    ['has 256 characters', 'k'.repeat(256)],
  ])('is refused when it %s', async (_what, malformed) => {
    key = malformed;
    const answer = await post('refused');
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({
      code: 'idempotency_key_malformed',
      message: 'Idempotency-Key must have 1 to 255 characters',
    });
    expect(await list()).toBe('[]');
  });

  it.each(['k', '', 'k'.repeat(256)])('is ignored by GET: %j', async (given) => {
    await withoutKey('POST', LIST, customer('g', { Name: 'before' }));
    key = given;
    const before = await countKeys();
    expect((await call('GET', pathOf('g'))).text).toContain('before');
    await withoutKey('PATCH', pathOf('g'), { Name: 'after' });
    const answer = await call('GET', pathOf('g'));
    expectDone(answer);
    expect(answer.text).toContain('after');
    expectDone(await call('GET', LIST));
    expect(await countKeys()).toBe(before);
  });

  it('is audited under its customer when repeated', async () => {
    const { username } = caller.credentials;
    await post('audited');
    await post('audited');
    key = `${key} of another`;
    await call('PATCH', pathOf('audited'), { Name: 'N' });
    await call('PATCH', pathOf('audited'), { Name: 'N' });
    const entries = await auditTrail(service(), `user=${username}&UserID=audited&action=answer.repeated`);
    expect(entries.map(({ details }) => details)).toEqual([
      { route: `PATCH ${LIST}/:UserID` },
      { route: `POST ${LIST}` },
    ]);
  });

  it('is not inherited by a later user of the same name', async () => {
    const { username: name, contextname } = caller.credentials;
    await post('mine');
    await service().admin('DELETE', `/api/admin/users/${name}`);
    const heir = await newCaller(service(), { name, contexts: [contextname] });
    const headers = { 'idempotency-key': key };
    expect((await heir.call('POST', LIST, { body: customer('mine'), headers })).status).toBe(409);
    expectDone(await heir.call('POST', LIST, { body: customer('other'), headers }));
  });

  it('opens nothing that the caller may no longer do', async () => {
    await post('secret');
    const user = `/api/admin/users/${caller.credentials.username}`;
    await service().admin('PATCH', user, { body: { role: 'reader' } });
    expect((await post('secret')).status).toBe(403);
    await service().admin('PATCH', user, { body: { enabled: false } });
    expect((await post('secret')).status).toBe(401);
  });
});

describe.each(databaseKinds)('Idempotency-Keys across instances on $name', (kind) => {
  const clock = new TestClock();
  let database: TestDatabase;
  let running: TestService[];
  let caller: Caller;

  const start = async (): Promise<TestService> => {
    const service = await TestService.start(database, { adapt: clock.adapt });
    running.push(service);
    return service;
  };
  const stopAll = async (): Promise<void> => {
    for (const service of running.splice(0)) await service.stop();
  };
  const post = (to: TestService | undefined, userId: string, key: string): Promise<Answer> => {
    const call = { body: customer(userId), headers: { 'idempotency-key': key } };
    return (to as TestService).callAs(caller.credentials, 'POST', LIST, call);
  };
  const isReplayed = ({ headers }: Answer): boolean => headers['idempotent-replayed'] === 'true';

  beforeEach(async () => {
    running = [];
    database = await kind.create();
    caller = await newCaller(await start());
  });
  afterEach(async () => {
    await stopAll();
    await database.drop();
  });

  it('let fifty concurrent repeats write once and answer the same', async () => {
    // A SQLite file belongs to one instance. On MySQL, each of two instances gets half of the requests.
    if (kind.name === 'MySQL') await start();
    for (let round = 0; round < 5; round++) {
      const userId = `at-once-${round}`;
      const answers = await Promise.all(
        Array.from({ length: REPEATS }, (_, n) => post(running[n % running.length], userId, `key ${round}`)),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      expect(new Set(answers.map(({ headers }) => headers['etag'])).size).toBe(1);
      expect(answers.filter((answer) => !isReplayed(answer))).toHaveLength(1);
      const { json } = await caller.call('GET', `${pathOf(userId)}/history`);
      expect(json).toHaveLength(1);
    }
  });

  it('let one of fifty different requests write', async () => {
    if (kind.name === 'MySQL') await start();
    const answers = await Promise.all(
      Array.from({ length: REPEATS }, (_, n) => post(running[n % running.length], `differs-${n}`, 'key')),
    );
    const [winner, ...others] = answers.toSorted((a, b) => a.status - b.status) as [Answer, ...Answer[]];
    expect(winner.status).toBe(200);
    for (const { status, json } of others) {
      expect({ status, json }).toMatchObject({ status: 409, json: { code: 'idempotency_key_reused' } });
    }
    expect((await caller.call('GET', LIST)).text).toBe(`[${winner.text}]`);
  });

  it('survive a restart', async () => {
    const first = await post(running[0], 'restart', 'key');
    await stopAll();
    const repeated = await post(await start(), 'restart', 'key');
    expect([repeated.status, repeated.text]).toEqual([200, first.text]);
    expect(repeated.headers['etag']).toBe(first.headers['etag']);
    expect(isReplayed(repeated)).toBe(true);
  });

  it('expire after a day and not before', async () => {
    const first = await post(running[0], 'old', 'old');
    clock.at += 1;
    const younger = await post(running[0], 'young', 'young');
    await stopAll();
    clock.at += DAY_MS;
    const service = await start();
    const keys = async (): Promise<number | undefined> =>
      (await dump(database.configuration))['idempotency_keys']?.length;
    await until(async () => (await keys()) === 1);
    const repeated = await post(service, 'young', 'young');
    expect([repeated.text, isReplayed(repeated)]).toEqual([younger.text, true]);
    const anew = await post(service, 'old', 'old');
    expect(anew.status).toBe(409);
    expect(anew.json).toMatchObject({ code: 'customer_exists' });
    expect(first.text).toBe(toJson((first.json as { id: number }).id, customer('old')));
  });
});

describeOn('MySQL', 'a write under an Idempotency-Key', (kind) => {
  const { service } = useService(kind);
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('sees what was written between claiming its key and its turn', async () => {
    const caller = await newCaller(service());
    await addCustomer(caller, 'waiting');
    const keys = service().app.get(IdempotencyRepository);
    const claim = keys.claim.bind(keys);
    jest.spyOn(keys, 'claim').mockImplementationOnce(async (...args) => {
      const kept = await claim(...args);
      await addCustomer(caller, 'faster');
      await addMapping(caller, 'faster', '192.0.2.0/24');
      return kept;
    });
    const body = { UserID: 'waiting', ipsubnet: '192.0.2.1', starttime: 5 };
    const answer = await caller.call('POST', MAPPINGS, { body, headers: { 'idempotency-key': 'key' } });
    const message = 'Overlaps ipsubnet 192.0.2.0/24, starttime 0, endtime null of UserID : faster';
    expect(answer).toMatchObject({ status: 409, json: { code: 'mapping_overlap', message } });
  });
});
