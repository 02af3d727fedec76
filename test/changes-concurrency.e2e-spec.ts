import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Transactions } from '../src/shared/transactions.js';
import { newCaller } from './support/callers.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { describeOn } from './support/describe-on.js';
import { FEED, inWords, LIST, type Change, type CustomerJson } from './support/feed.js';
import { Gate } from './support/gate.js';
import { TestService, type Answer, type ServiceOptions } from './support/service.js';
import { until } from './support/until.js';

const WRITERS = 16;
const STEPS = 25;

/** Reads the feed as a CRM does, after the cursor of the last change that it has. */
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

  /** Reads until the feed has a change of this customer. */
  readTo(userId: string): Promise<void> {
    return until(async () => {
      await this.readOn();
      return this.has(userId);
    });
  }
}

/** The real transactions, some of which stay open after their work until a gate opens. */
class HeldTransactions extends Transactions {
  /** Holds a transaction with this result until the promise resolves. */
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

/** Starts a service whose transactions can be held. */
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

/** Changes a few customers that others change too. @returns the acknowledged changes */
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
    // A write that the others prevented, 503, must not appear in the feed either.
    expect([200, 404, 409, 503]).toContain(status);
    const made = what === 'renamed' ? 'updated' : what;
    if (status === 200) acknowledged.push(asWritten({ change: made, customer: json as CustomerJson }));
  }
  return acknowledged;
}

/** Applies changes as a CRM does. Two customers never share a UserID. */
function mirror(changes: readonly Change[]): CustomerJson[] {
  const byId = new Map<number, Change>();
  const taken = new Set<string>();
  for (const change of changes) {
    const { id, UserID } = change.customer;
    const before = byId.get(id);
    expect(before === undefined).toBe(change.change === 'created');
    if (before !== undefined) {
      expect(change.at > before.at).toBe(true);
      taken.delete(before.customer.UserID);
    }
    byId.delete(id);
    if (change.change === 'deleted') continue;
    expect(taken).not.toContain(UserID);
    taken.add(UserID);
    byId.set(id, change);
  }
  return [...byId.values()].map((change) => change.customer).sort((a, b) => a.id - b.id);
}

describe.each(databaseKinds)('on $name, a follower of many writers', (kind) => {
  // A SQLite file belongs to one instance. On MySQL, half of the requests go to each of two.
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

  it('reads every acknowledged change once, in an order that can be applied', async () => {
    const { credentials } = await newCaller((started[0] as (typeof started)[0]).service);
    const call = (n: number, method: string, path: string, body: object = {}): Promise<Answer> => {
      const { service } = started[n % instances] as (typeof started)[0];
      return service.callAs(credentials, method, path, { body });
    };
    let reads = 0;
    const read = (path: string): Promise<Answer> => call(reads++, 'GET', path);
    const follower = new Follower(read);

    // Where transactions can overlap, every fifth is still open at the next read of the feed.
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
    // The changes of one client keep their order.
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

describeOn('MySQL', 'the change feed', (kind) => {
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

  it('returns a change that is committed late after later ones', async () => {
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
