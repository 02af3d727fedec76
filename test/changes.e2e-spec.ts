import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { ChangeNews } from '../src/changes/application/change-news.js';
import { Transactions } from '../src/shared/transactions.js';
import { sealNow } from './support/audit.js';
import { newCaller, type Caller } from './support/callers.js';
import { customer, pathOf, type CustomerFields } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { describeOn } from './support/describe-on.js';
import { Gate } from './support/gate.js';
import { addCustomer, addMapping, mappingPath, type Mapping } from './support/mappings.js';
import { Reading } from './support/reading.js';
import { TestService, withoutSealing, type Answer, type ServiceOptions } from './support/service.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const FEED = '/api/ipdrcustomers_changes';
const WRITERS = 16;
const STEPS = 25;
/** Less than those wait who are told nothing. */
const PROMPTLY = 40_000;

type CustomerJson = CustomerFields & { readonly id: number };

interface Change {
  readonly cursor: string;
  readonly at: string;
  readonly change: 'created' | 'updated' | 'deleted';
  readonly customer: CustomerJson;
}

/** One word for each change. */
const inWords = (changes: readonly Change[]): string[] =>
  changes.map(({ change, customer: { UserID } }) => `${change} ${UserID}`);

const nextOf = ({ headers }: Answer): string => {
  const [, path, query = ''] = /^<([^?]+)\?(.*)>; rel="next"$/.exec(String(headers['link'])) ?? [];
  expect(path).toBe(FEED);
  return query;
};

/** What a service's waits for changes end with, in the order in which they begin. */
function watch(service: TestService): () => Promise<boolean>[] {
  const { mock } = jest.spyOn(service.app.get(ChangeNews), 'waitBeyond');
  return () => mock.results.map(({ value }) => value as Promise<boolean>);
}

afterEach(() => {
  jest.restoreAllMocks();
});

/** Reads the feed as a CRM does: with the cursor of the last change that it has. */
class Follower {
  readonly changes: Change[] = [];

  constructor(private readonly read: (path: string) => Promise<Answer>) {}

  async readOn(): Promise<void> {
    const after = this.changes.at(-1)?.cursor;
    const answer = await this.read(`${FEED}?limit=7${after === undefined ? '' : `&after=${after}`}`);
    expect(answer.status).toBe(200);
    this.changes.push(...(answer.json as Change[]));
  }

  has(userId: string): boolean {
    return this.changes.some((change) => change.customer.UserID === userId);
  }

  /** Reads until a change of this customer is told. */
  readTo(userId: string): Promise<void> {
    return until(async () => {
      await this.readOn();
      return this.has(userId);
    });
  }
}

describe.each(databaseKinds)('the change feed, on $name,', (kind) => {
  const { service } = useService(kind);
  let caller: Caller;

  beforeEach(async () => {
    caller = await newCaller(service());
  });

  const ok = async (method: string, path: string, body: object = {}, by = caller): Promise<Answer> => {
    const answer = await by.call(method, path, { body });
    expect([method, path, answer.status]).toEqual([method, path, 200]);
    return answer;
  };
  const create = (userId: string, by = caller): Promise<Answer> => ok('POST', LIST, customer(userId), by);
  const feed = async (query = '', by = caller): Promise<Change[]> =>
    (await ok('GET', `${FEED}?${query}`, {}, by)).json as Change[];
  /** All changes, once as many as that are told. */
  const told = async (count: number, by = caller): Promise<Change[]> => {
    await until(async () => (await feed('', by)).length >= count);
    return feed('', by);
  };

  it('is [] and leads on while there is nothing', async () => {
    const answer = await ok('GET', FEED);
    expect(answer.text).toBe('[]');
    expect(nextOf(answer)).toMatch(/^after=[\w-]+$/);
    await create('first');
    await until(async () => (await feed(nextOf(answer))).length === 1);
  });

  it('tells what was created, updated and deleted, in that order, and what the customer was then', async () => {
    const created = (await create('B68t19')).json;
    const renamed = (await ok('PUT', pathOf('B68t19'), customer('a/b', { Address: null }))).json;
    const deleted = (await ok('DELETE', pathOf('a/b'))).json;
    const again = (await create('B68t19')).json;
    const changes = await told(4);
    const [cursor, at] = [expect.stringMatching(/^[\w-]+$/), expect.stringMatching(/^\d{4}-.*T.*\.\d{3}Z$/)];
    expect(changes).toEqual([
      { cursor, at, change: 'created', customer: created },
      { cursor, at, change: 'updated', customer: renamed },
      { cursor, at, change: 'deleted', customer: deleted },
      { cursor, at, change: 'created', customer: again },
    ]);
    expect(Object.keys(changes[0]?.customer ?? {})).toEqual(Object.keys(created as object));
    const { json } = await ok('GET', `${pathOf('a/b')}/history`);
    const recorded = (json as { recorded_at: string }[]).map((version) => version.recorded_at);
    expect(changes.slice(0, 3).map((change) => change.at)).toEqual(recorded.toReversed());
  });

  it('is told the same again, and from every cursor the rest', async () => {
    for (const userId of ['1', '2', '3', '4', '5']) await create(userId);
    const all = await told(5);
    expect(await feed()).toEqual(all);
    expect(new Set(all.map(({ cursor }) => cursor)).size).toBe(5);
    for (const [n, { cursor }] of all.entries()) {
      const answer = await ok('GET', `${FEED}?after=${cursor}`);
      expect(answer.json).toEqual(all.slice(n + 1));
      expect(nextOf(answer)).toBe(`after=${all.at(-1)?.cursor}`);
    }
  });

  it.each([1, 2, 3, 5, 10000])('comes in pages of %i, by the Link header', async (limit) => {
    for (const userId of ['1', '2', '3']) await create(userId);
    await told(3);
    for (const userId of ['4', '5']) await create(userId);
    const all = await told(5);
    const pages: Change[][] = [];
    for (let query = `limit=${limit}`; pages.at(-1)?.length !== 0;) {
      const answer = await ok('GET', `${FEED}?${query}`);
      pages.push(answer.json as Change[]);
      query = nextOf(answer);
      expect(query).toContain(`limit=${limit}`);
    }
    expect(pages.flat()).toEqual(all);
    expect(pages.slice(0, -2).every((page) => page.length === limit)).toBe(true);
  });

  it.each([
    ['wait', ['-1', '61', '100', '1.5', 'x', '', '1s']],
    ['limit', ['0', '10001', 'x']],
    [
      'after',
      ['x', '0', Buffer.from('id:1').toString('base64url'), Buffer.from('id:1.2.3').toString('base64url')],
    ],
    ['updated_since', ['0']],
  ])('takes no %s of %j', async (name, values) => {
    for (const value of values) {
      const answer = await caller.call('GET', `${FEED}?${name}=${value}`);
      expect([value, answer.status]).toEqual([value, 422]);
      expect(answer.json).toMatchObject({ code: 'validation_failed', errors: [{ field: name }] });
    }
  });

  it('takes no cursor of another list, nor another list one of its', async () => {
    for (const userId of ['1', '2']) await create(userId);
    const [{ cursor } = { cursor: '' }] = await told(2);
    const { headers } = await ok('GET', `${LIST}?limit=1`);
    const [, listCursor] = /[?&]after=([^&>]+)/.exec(String(headers['link'])) ?? [];
    for (const path of [
      `${FEED}?after=${listCursor}`,
      `${LIST}?after=${cursor}`,
      `${pathOf('1')}/history?after=${cursor}`,
    ]) {
      const answer = await caller.call('GET', path);
      expect([path, answer.status]).toEqual([path, 422]);
      expect(answer.json).toMatchObject({ errors: [{ field: 'after' }] });
    }
  });

  it('is open to a reader, and a token that may read', async () => {
    await create('1');
    const all = await told(1);
    const contexts = [caller.credentials.contextname];
    for (const more of [{ role: 'reader' }, { token: { scope: 'read' } }] as const) {
      expect(await feed('', await newCaller(service(), { contexts, ...more }))).toEqual(all);
    }
  });

  it('is that of the context alone', async () => {
    const other = await newCaller(service());
    await create('theirs', other);
    await create('mine');
    await create('theirs too', other);
    expect(inWords(await told(2, other))).toEqual(['created theirs', 'created theirs too']);
    const mine = await told(1);
    expect(inWords(mine)).toEqual(['created mine']);
    const [theirs] = await feed('', other);
    expect(inWords(await feed(`after=${theirs?.cursor}`))).not.toContain('created theirs too');
  });

  describe('waits, if it is asked to,', () => {
    /** A cursor behind all changes so far. */
    const end = async (): Promise<string> => {
      await create('before');
      return `after=${(await told(1)).at(-1)?.cursor}`;
    };

    it('and answers at once what is there already', async () => {
      await create('there');
      const all = await told(1);
      expect(await feed('wait=60')).toEqual(all);
    });

    it.each(['', 'wait=0', 'wait=1'])('and answers [] when nothing came: %j', async (wait) => {
      const after = await end();
      const answer = await ok('GET', `${FEED}?${after}&${wait}`);
      expect(answer.text).toBe('[]');
      expect(nextOf(answer)).toContain(after);
    });

    it(
      'and answers a change as soon as it is there, to all who wait',
      async () => {
        const waits = watch(service());
        const after = await end();
        const waiting = Array.from({ length: 20 }, () => feed(`${after}&wait=60`));
        await until(() => waits().length >= 20);
        await create('news');
        for (const changes of await Promise.all(waiting)) expect(inWords(changes)).toEqual(['created news']);
      },
      PROMPTLY,
    );

    it(
      'and answers a mapping as soon as it is there',
      async () => {
        const waits = watch(service());
        const after = await end();
        const waiting = caller.call('GET', `${FEED}?${after}&wait=60`);
        await until(() => waits().length === 1);
        const mapping = await addMapping(caller, 'before', '192.0.2.1');
        expect((await waiting).json).toMatchObject([{ change: 'created', mapping }]);
      },
      PROMPTLY,
    );

    it(
      'and is not ended by what changes in another context',
      async () => {
        const waits = watch(service());
        const other = await newCaller(service());
        const after = await end();
        const waiting = feed(`${after}&wait=60`);
        await until(() => waits().length === 1);
        await create('theirs', other);
        await until(() => waits().length === 2);
        await create('mine');
        expect(inWords(await waiting)).toEqual(['created mine']);
      },
      PROMPTLY,
    );

    it(
      'and tells nothing to a token that was revoked meanwhile',
      async () => {
        const waits = watch(service());
        const after = await end();
        const waiting = caller.call('GET', `${FEED}?${after}&wait=60`);
        await until(() => waits().length === 1);
        const colleague = await newCaller(service(), { contexts: [caller.credentials.contextname] });
        await service().admin('DELETE', `/api/admin/tokens/${caller.tokenId}`);
        await create('secret', colleague);
        expect(await waiting).toMatchObject({ status: 401, json: { code: 'invalid_token' } });
      },
      PROMPTLY,
    );

    it(
      'until the client hangs up',
      async () => {
        const waits = watch(service());
        const after = await end();
        const readings = Array.from({ length: 5 }, () => new Reading(service(), `${FEED}?${after}&wait=60`));
        await until(() => waits().length === 5);
        for (const reading of readings) reading.abandon();
        expect(await Promise.all(waits())).toEqual([false, false, false, false, false]);
      },
      PROMPTLY,
    );
  });
});

describe.each(databaseKinds)('the change feed tells of mappings too, on $name,', (kind) => {
  // Sealed when the test says so.
  const { service } = useService(kind, { adapt: withoutSealing });
  let caller: Caller;
  /** What became of two customers and their mappings, in three blocks. */
  let expected: object[];

  const send = async (method: string, path: string, body: object = {}): Promise<Answer> => {
    const answer = await caller.call(method, path, { body });
    expect([method, path, answer.status]).toEqual([method, path, 200]);
    return answer;
  };
  const feed = async (query = ''): Promise<(Change & { mapping?: Mapping })[]> =>
    (await send('GET', `${FEED}?${query}`)).json as Change[];
  const told = (changes: readonly (Change & { mapping?: Mapping })[]): object[] =>
    changes.map(({ change, customer: ofCustomer, mapping }) => ({ change, customer: ofCustomer, mapping }));
  const cursor = (...place: number[]): string => Buffer.from(`id:${place.join('.')}`).toString('base64url');

  beforeAll(async () => {
    caller = await newCaller(service());
    const other = await newCaller(service());
    const created = async (path: string, body: object): Promise<object> =>
      (await send('POST', path, body)).json as object;
    const u0 = await created(LIST, customer('U0'));
    const u1 = await created(LIST, customer('U1'));
    const a = await addMapping(caller, 'U1', '192.0.2.0/24', 100, 199);
    const u2 = await created(LIST, customer('U2'));
    const b = await addMapping(caller, 'U1', '198.51.100.1', 0);
    const renamed = (await send('PATCH', pathOf('U1'), { UserID: 'U9' })).json;
    await addCustomer(other, 'theirs');
    await addMapping(other, 'theirs', '192.0.2.0/24');
    await sealNow(service());
    const moved = await send('POST', `${mappingPath('U9', a)}/reassign`, { UserID: 'U2', starttime: 150 });
    const { ended, created: c } = moved.json as { ended: Mapping; created: Mapping };
    await send('POST', `${mappingPath('U2', c)}/reassign?dry_run=true`, { UserID: 'U9', starttime: 160 });
    await send('PATCH', mappingPath('U2', c), { terminalid: '' }); // which it has
    const changed = (await send('PATCH', mappingPath('U2', c), { terminalid: 'T' })).json;
    const u2b = (await send('PATCH', pathOf('U2'), { Address: null })).json;
    await sealNow(service());
    await send('DELETE', mappingPath('U2', c));
    await send('DELETE', pathOf('U9'));
    const { json } = await send('GET', `/api/ipdrcustomers_mapping`);
    const [, released] = json as Mapping[];
    await sealNow(service());
    expected = [
      // A mapping as soon as its customer is told of, and before that is gone.
      { change: 'created', customer: u0 },
      { change: 'created', customer: u1 },
      { change: 'created', mapping: a },
      { change: 'created', mapping: b },
      { change: 'created', customer: u2 },
      { change: 'updated', customer: renamed },
      { change: 'updated', mapping: ended },
      { change: 'created', mapping: c },
      { change: 'updated', mapping: changed },
      { change: 'updated', customer: u2b },
      { change: 'deleted', mapping: changed },
      { change: 'updated', mapping: released },
      { change: 'deleted', customer: renamed },
    ];
    expect(released).toMatchObject({ id: b.id, endtime: expect.any(Number) });
  });

  it('in a final order, each as it was', async () => {
    const changes = await feed();
    expect(told(changes)).toEqual(expected);
    const [at] = changes.filter(({ mapping }) => mapping !== undefined).slice(-1);
    expect(Object.keys(at ?? {})).toEqual(['cursor', 'at', 'change', 'mapping']);
    expect(JSON.stringify(at?.mapping)).toBe(
      JSON.stringify(expected.at(-2)).replace(/^.*"mapping":|}$/g, ''),
    );
    const { headers } = await send('GET', mappingPath('U2', await addMapping(caller, 'U2', '203.0.113.1')));
    await sealNow(service());
    const [newest] = (await feed()).slice(-1);
    expect(String(headers['etag'])).toBe(`"${newest?.mapping?.id}-${Date.parse(newest?.at ?? '')}"`);
    await send('DELETE', mappingPath('U2', newest?.mapping ?? { id: 0 }));
    await sealNow(service());
  });

  it.each([1, 2, 3, 100])('in pages of %i, which miss nothing and repeat nothing', async (limit) => {
    const all = await feed();
    const ways: ((answer: Answer, page: Change[]) => string)[] = [
      (_answer, page) => `limit=${limit}&after=${page.at(-1)?.cursor}`,
      nextOf,
    ];
    for (const next of ways) {
      const read: Change[] = [];
      for (let query = `limit=${limit}`; ;) {
        const answer = await send('GET', `${FEED}?${query}`);
        const page = answer.json as Change[];
        if (page.length === 0) break;
        read.push(...page);
        query = next(answer, page);
      }
      expect(read).toEqual(all);
    }
    for (const [n, { cursor: after }] of all.entries()) {
      expect(await feed(`limit=${limit}&after=${after}`)).toEqual(all.slice(n + 1, n + 1 + limit));
    }
  });

  it('takes no cursor of another register, or from behind a restored backup', async () => {
    const all = await feed();
    const numbersOf = ({ cursor: text }: Change): number[] =>
      /\d.*/.exec(Buffer.from(text, 'base64url').toString())?.[0].split('.').map(Number) ?? [];
    const [block = 0, of = 0, mapping = 0, check = 0] = numbersOf(all.at(-1) as Change);
    expect(await feed(`after=${cursor(block, of, mapping, check)}`)).toEqual([]);
    expect(await feed(`after=${cursor(0, 0, 0, 0)}`)).toEqual(all);
    for (const other of [
      ...[cursor(block, of, mapping, check + 1), cursor(block + 1000, of, mapping, check)],
      ...[cursor(block + 1000, 0, 0, 0), cursor(0, 0, 0, 1), cursor(block, of, mapping, 0)],
    ]) {
      for (const wait of ['', '&wait=60']) {
        const answer = await caller.call('GET', `${FEED}?after=${other}${wait}`);
        expect([answer.status, answer.json]).toEqual([
          409,
          expect.objectContaining({ code: 'cursor_unknown' }),
        ]);
      }
    }
    for (const bad of [
      cursor(1, 2, 3),
      cursor(1, 2),
      cursor(1),
      cursor(1, 0, 2, 3, 4),
      cursor(1, 0, 0, -1),
    ]) {
      const answer = await caller.call('GET', `${FEED}?after=${bad}`);
      expect(answer).toMatchObject({ status: 422, json: { errors: [{ field: 'after' }] } });
    }
  });

  it('once they are sealed, and no sooner', async () => {
    const last = (await feed()).at(-1)?.cursor;
    const mapping = await addMapping(caller, 'U2', '203.0.113.7');
    expect(await feed(`after=${last}`)).toEqual([]);
    await sealNow(service());
    expect(told(await feed(`after=${last}`))).toEqual([{ change: 'created', mapping }]);
  });
});

describe.each(databaseKinds)('those who wait for changes, on $name,', (kind) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await kind.create();
  });
  afterAll(() => database.drop());

  it(
    'are answered when the service stops',
    async () => {
      const service = await TestService.start(database);
      const waits = watch(service);
      const answers = Array.from({ length: 10 }, () => service.call('GET', `${FEED}?wait=60`));
      await until(() => waits().length === 10);
      await service.app.close();
      for (const answer of await Promise.all(answers))
        expect([answer.status, answer.text]).toEqual([200, '[]']);
      await service.stop();
    },
    PROMPTLY,
  );
});

/** The real transactions, of which some stay open, their work done, until a gate opens. */
class HeldTransactions extends Transactions {
  /** Where a transaction with this result is held. */
  hold: (result: string) => Promise<void> | undefined = () => undefined;

  constructor(private readonly real: Transactions) {
    super();
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return this.real.run(async () => {
      const result = await work();
      await this.hold(JSON.stringify(result ?? null));
      return result;
    });
  }
}

/** A service with transactions that can be held, and what holds them. */
async function startHeld(database: TestDatabase): Promise<{ service: TestService; held: HeldTransactions }> {
  let held: HeldTransactions | undefined;
  const adapt: ServiceOptions['adapt'] = (builder, real) => {
    held = new HeldTransactions(real);
    return builder.overrideProvider(Transactions).useValue(held);
  };
  const service = await TestService.start(database, { adapt });
  return { service, held: held as unknown as HeldTransactions };
}

const asWritten = ({ change, customer: written }: Pick<Change, 'change' | 'customer'>): string =>
  `${change} ${JSON.stringify(written)}`;

/** Does what it can to a few customers that others change too, and answers what was acknowledged. */
async function writeAtRandom(
  seed: number,
  call: (method: string, path: string, body: object) => Promise<Answer>,
): Promise<string[]> {
  const userId = fc.constantFrom('a', 'b', 'c', 'd/e');
  const change = fc.constantFrom('created', 'created', 'updated', 'renamed', 'deleted');
  const steps = fc.sample(fc.tuple(change, userId, userId), { numRuns: STEPS, seed });
  const acknowledged: string[] = [];
  for (const [n, [what, on, other]] of steps.entries()) {
    const Name = `${seed}.${n}`;
    const send: Record<typeof what, () => Promise<Answer>> = {
      created: () => call('POST', LIST, { UserID: on, Name }),
      updated: () => call('PATCH', pathOf(on), { Name }),
      renamed: () => call('PATCH', pathOf(on), { Name, UserID: other }),
      deleted: () => call('DELETE', pathOf(on), {}),
    };
    const { status, json } = await send[what]();
    // Of what the others kept from being done, 503, nothing may be told either.
    expect([200, 404, 409, 503]).toContain(status);
    const made = what === 'renamed' ? 'updated' : what;
    if (status === 200) acknowledged.push(asWritten({ change: made, customer: json as CustomerJson }));
  }
  return acknowledged;
}

/** What a CRM has that does as it is told; it never has two customers of one UserID. */
function mirror(changes: readonly Change[]): CustomerJson[] {
  const byId = new Map<number, Change>();
  const taken = new Set<string>();
  for (const told of changes) {
    const { id, UserID } = told.customer;
    const before = byId.get(id);
    expect(before === undefined).toBe(told.change === 'created');
    if (before !== undefined) {
      expect(told.at > before.at).toBe(true);
      taken.delete(before.customer.UserID);
    }
    byId.delete(id);
    if (told.change === 'deleted') continue;
    expect(taken).not.toContain(UserID);
    taken.add(UserID);
    byId.set(id, told);
  }
  return [...byId.values()].map((told) => told.customer).sort((a, b) => a.id - b.id);
}

describe.each(databaseKinds)('who follows the changes of many writers, on $name,', (kind) => {
  // A SQLite file belongs to one instance; here, half of the requests go to each of two.
  const instances = kind.name === 'MySQL' ? 2 : 1;
  let database: TestDatabase;
  const started: Awaited<ReturnType<typeof startHeld>>[] = [];

  beforeAll(async () => {
    database = await kind.create();
    while (started.length < instances) started.push(await startHeld(database));
  });
  afterAll(async () => {
    for (const { service } of started) await service.stop();
    await database.drop();
  });

  it('is told each acknowledged one once, and in an order that can be followed', async () => {
    const { credentials } = await newCaller((started[0] as (typeof started)[0]).service);
    const call = (n: number, method: string, path: string, body: object = {}): Promise<Answer> => {
      const { service } = started[n % instances] as (typeof started)[0];
      return service.callAs(credentials, method, path, { body });
    };
    let reads = 0;
    const read = (path: string): Promise<Answer> => call(reads++, 'GET', path);
    const follower = new Follower(read);

    // Where there may be several transactions at once, every fifth is still open when the feed is read next.
    let [writes, turns, turn] = [0, 0, new Gate()];
    const nextTurn = (by: number): void => {
      turns += by;
      turn.open();
      turn = new Gate();
    };
    const hold = async (result: string): Promise<void> => {
      if (!result.includes('"userId"') || writes++ % 5 !== 0) return;
      for (const last = turns + 2; turns < last;) await turn.passed;
    };
    if (kind.name === 'MySQL') for (const { held } of started) held.hold = hold;
    const follow = async (): Promise<void> => {
      while (turns < Infinity) {
        await follower.readOn();
        nextTurn(1);
      }
    };
    const write = (n: number): Promise<string[]> =>
      writeAtRandom(n, (method, path, body) => call(n, method, path, body));
    const writing = Promise.all(Array.from({ length: WRITERS }, (_, n) => write(n)));
    const [, acknowledged] = await Promise.all([follow(), writing.finally(() => nextTurn(Infinity))]);

    const list = (await call(0, 'GET', LIST)).json;
    expect((await call(0, 'POST', LIST, customer('the end'))).status).toBe(200);
    await follower.readTo('the end');

    const [changes, last] = [follower.changes.slice(0, -1), follower.changes.slice(-1)];
    expect(inWords(last)).toEqual(['created the end']);
    const written = changes.map(asWritten);
    expect(written.toSorted()).toEqual(acknowledged.flat().toSorted());
    expect(written.length).toBeGreaterThan((WRITERS * STEPS) / 5);
    // What one client did one after the other is told in this order.
    for (const own of acknowledged) {
      const mine = new Set(own);
      expect(written.filter((change) => mine.has(change))).toEqual(own);
    }
    expect(mirror(changes)).toEqual(list);
    const second = new Follower(read);
    await second.readTo('the end');
    expect(second.changes).toEqual(follower.changes);
  });
});

describeOn('MySQL', 'a change that is committed late', (kind) => {
  const end = new Gate();
  let database: TestDatabase;
  let started: Awaited<ReturnType<typeof startHeld>>;

  beforeAll(async () => {
    database = await kind.create();
    started = await startHeld(database);
  });
  afterAll(async () => {
    end.open();
    await started.service.stop();
    await database.drop();
  });

  it('is told when it is there, though later ones were told before', async () => {
    const { service, held } = started;
    const begun = new Gate();
    held.hold = (result) => {
      if (!result.includes('"late"')) return undefined;
      begun.open();
      return end.passed;
    };
    const follower = new Follower((path) => service.call('GET', path));
    const late = service.call('POST', LIST, { body: customer('late') });
    await begun.passed;
    const early = await service.call('POST', LIST, { body: customer('early') });
    await follower.readTo('early');
    expect(inWords(follower.changes)).toEqual(['created early']);
    end.open();
    expect((await late).status).toBe(200);
    await follower.readTo('late');
    expect(inWords(follower.changes)).toEqual(['created early', 'created late']);
    expect((early.json as CustomerJson).id).toBeGreaterThan(((await late).json as CustomerJson).id);
    const second = new Follower((path) => service.call('GET', path));
    await second.readTo('late');
    expect(second.changes).toEqual(follower.changes);
  });
});
