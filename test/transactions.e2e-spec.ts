import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import BetterSqlite3 from 'better-sqlite3';
import fc from 'fast-check';
import { createConnection } from 'mysql2/promise';
import type { ContextId } from '../src/identity/domain/principal.js';
import { toUserId } from '../src/customers/domain/customer.js';
import { Transactions } from '../src/shared/transactions.js';
import type { Answer, Client } from './support/client.js';
import { databaseKinds, type DatabaseKind, type TestDatabase } from './support/databases.js';
import { describeOn } from './support/describe-on.js';
import { barrier } from './support/gate.js';
import { newContext, openRegister } from './support/register.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const REQUESTS = 5000;
const WORKERS = 32;

/** The real transactions, but every tenth fails once its work is done. */
class FailingTransactions extends Transactions {
  armed = false;
  failed = 0;
  private count = 0;

  constructor(private readonly real: Transactions) {
    super();
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return this.real.run(async () => {
      const result = await work();
      // Lets other requests in, as a slower database would. SQLite answers synchronously.
      await setImmediate();
      if (!this.armed || ++this.count % 10 !== 0) return result;
      this.failed++;
      throw new Error('made to fail');
    });
  }
}

interface CustomerJson {
  id: number;
  Name: string;
  Address: string | null;
  Email: string | null;
  PhoneNumber: string | null;
  AltPhoneNumber: string | null;
  UserID: string;
}

interface Step {
  readonly action: 'create' | 'patch' | 'put' | 'delete' | 'get' | 'list';
  readonly userId: string;
  /** The UserID that `put` renames to. */
  readonly other: string;
  readonly fields: Omit<CustomerJson, 'id' | 'UserID'>;
}

/** Sends requests for its own few UserIDs one by one, so it knows exactly what the register must hold. */
class Worker {
  readonly acknowledged = new Map<string, CustomerJson>();
  /** How many of its writes failed. */
  failed = 0;

  constructor(
    private readonly service: Client,
    private readonly number: number,
  ) {}

  async work(requests: number): Promise<void> {
    for (const step of this.steps(requests)) {
      const before = this.acknowledged.get(step.userId);
      const answer = await this.send(step);
      if (answer.status === 500) {
        expect(answer.json).toMatchObject({ code: 'internal_error' });
        if (step.action !== 'get' && step.action !== 'list') this.failed++; // reads are recorded together
      } else {
        this.check(step, before, answer);
      }
    }
  }

  private steps(count: number): Step[] {
    const userId = fc.integer({ min: 0, max: 5 }).map((n) => `w${this.number}-${n}`);
    const text = fc.constantFrom('', 'Chennai\nIndia', `O'Brien "\\" %_`, 'Zürich 😀', '123');
    const step = fc.record<Step>({
      action: fc.constantFrom('create', 'create', 'patch', 'put', 'delete', 'get', 'list'),
      userId,
      other: userId,
      fields: fc.record({
        Name: text.map((name) => `N${name.replace('\n', ' ')}`),
        Address: fc.option(text),
        Email: fc.constantFrom(null, '', 'demo@gmail.com'),
        PhoneNumber: fc.constantFrom(null, '', '+91 (44) 1'),
        AltPhoneNumber: fc.constantFrom(null, '99'),
      }),
    });
    return fc.sample(step, { numRuns: count, seed: this.number });
  }

  private send({ action, userId, other, fields }: Step): Promise<Answer> {
    const path = `/api/ipdrcustomers/${userId}`;
    switch (action) {
      case 'create':
        return this.service.call('POST', '/api/ipdrcustomers', { body: { ...fields, UserID: userId } });
      case 'patch':
        return this.service.call('PATCH', path, { body: { Address: fields.Address } });
      case 'put':
        return this.service.call('PUT', path, { body: { ...fields, UserID: other } });
      case 'delete':
        return this.service.call('DELETE', path);
      case 'get':
        return this.service.call('GET', path);
      case 'list':
        return this.service.call('GET', `/api/ipdrcustomers?search=w${this.number}-`);
    }
  }

  /** Checks an answer, and remembers what it acknowledged. */
  private check(
    { action, userId, other, fields }: Step,
    before: CustomerJson | undefined,
    answer: Answer,
  ): void {
    const mine = this.acknowledged;
    if (action === 'list') {
      expect(answer.text).toBe(toJson(mine.values()));
    } else if (action === 'create') {
      expect(answer.status).toBe(before === undefined ? 200 : 409);
      if (before !== undefined) return;
      const { id } = answer.json as CustomerJson;
      mine.set(userId, { id, ...fields, UserID: userId });
      expect(answer.text).toBe(JSON.stringify(mine.get(userId)));
    } else if (before === undefined) {
      expect(answer.status).toBe(404);
    } else if (action === 'put' && other !== userId && mine.has(other)) {
      expect(answer.status).toBe(409);
    } else {
      const after = {
        get: before,
        delete: before,
        patch: { ...before, Address: fields.Address },
        put: { ...before, ...fields, UserID: other },
      }[action];
      expect(answer.text).toBe(JSON.stringify(after));
      mine.delete(userId);
      if (action !== 'delete') mine.set(after.UserID, after);
    }
  }
}

/** The list of customers, byte for byte. */
function toJson(customers: Iterable<CustomerJson>): string {
  return JSON.stringify([...customers].sort((a, b) => a.id - b.id));
}

describe.each(databaseKinds)('5,000 mixed requests, of which every tenth fails, on $name', (kind) => {
  let transactions: FailingTransactions;
  const { service } = useService(kind, {
    adapt: (builder, real) => {
      transactions = new FailingTransactions(real);
      return builder.overrideProvider(Transactions).useValue(transactions);
    },
  });

  it('lose no acknowledged write and keep no failed one', async () => {
    transactions.armed = true;
    const workers = Array.from({ length: WORKERS }, (_, number) => new Worker(service(), number));
    await Promise.all(workers.map((worker) => worker.work(Math.ceil(REQUESTS / WORKERS))));
    const failed = workers.reduce((sum, worker) => sum + worker.failed, 0);
    expect(failed).toBeGreaterThan(REQUESTS / 50);
    // Failing to store a token's last use fails no request.
    expect(failed).toBeLessThanOrEqual(transactions.failed);
    const acknowledged = workers.flatMap((worker) => [...worker.acknowledged.values()]);
    expect(acknowledged.length).toBeGreaterThan(WORKERS);
    transactions.armed = false;
    expect((await service().call('GET', '/api/ipdrcustomers')).text).toBe(toJson(acknowledged));
  }, 240_000);
});

/** Opens a register of its own with one context. */
function useRegister(kind: DatabaseKind) {
  let database: TestDatabase;
  let register: Awaited<ReturnType<typeof openRegister>>;
  let context: ContextId;

  beforeAll(async () => {
    database = await kind.create();
    register = await openRegister(database.configuration);
    context = await newContext(register);
  });
  afterAll(async () => {
    await register.close();
    await database.drop();
  });

  return {
    run: <T>(work: () => Promise<T>): Promise<T> => register.transactions.run(work),
    database: () => register.database,
    insert: async (userId: string): Promise<void> => {
      const absent = { address: null, email: null, phoneNumber: null, altPhoneNumber: null };
      const customer = { userId: toUserId(userId), name: 'N', ...absent, updatedAt: 0 };
      await register.customers.insert(context, customer);
    },
    lock: (userId: string) => register.customers.lock(context, toUserId(userId)),
    userIds: async (): Promise<string[]> => {
      const page = await register.customers.page(context, {}, 0, 1000);
      return page.map((customer) => customer.userId);
    },
    configuration: () => database.configuration,
  };
}

describeOn('SQLite', 'a transaction', (kind) => {
  const { run, insert, userIds, database, configuration } = useRegister(kind);

  it('has the connection to itself, however many wait for it', async () => {
    let [inside, most] = [0, 0];
    const transactions = Array.from({ length: 100 }, (_, n) =>
      run(async () => {
        most = Math.max(most, ++inside);
        await insert(`s${n}`);
        await userIds();
        inside--;
      }),
    );
    await Promise.all(transactions);
    expect(most).toBe(1);
    expect(await userIds()).toHaveLength(100);
  });

  it('fails while another process keeps the file busy, and works again afterwards', async () => {
    const other = new BetterSqlite3((configuration() as { path: string }).path);
    other.exec('BEGIN IMMEDIATE');
    const before = await userIds();
    await expect(run(() => insert('busy'))).rejects.toMatchObject({
      code: 'database_busy',
      headers: { 'Retry-After': expect.stringMatching(/^\d+$/) },
    });
    other.exec('ROLLBACK');
    other.close();
    expect(await userIds()).toEqual(before);
    await run(() => insert('busy'));
    expect(await userIds()).toContain('busy');
  });

  it('keeps nothing after the file ran out of room, even if the error is swallowed', async () => {
    const pragma = (text: string): Promise<[Record<string, number>]> =>
      run(() => database().manager.query(`PRAGMA ${text}`));
    const before = await userIds();
    const [{ page_count: pages }] = await pragma('page_count');
    await pragma(`max_page_count = ${pages}`);
    const transaction = run(async () => {
      const inner = run(async () => {
        for (let n = 0; n < 1000; n++) await insert(`full-${n}`);
      });
      await inner.catch(() => undefined);
      await insert('after-full');
    });
    await expect(transaction).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(await userIds()).toEqual(before);
    await pragma('max_page_count = 1073741823');
    await run(() => insert('room-again'));
    expect(await userIds()).toEqual([...before, 'room-again']);
  });
});

describeOn('MySQL', 'a transaction', (kind) => {
  const { run, insert, lock, userIds, database, configuration } = useRegister(kind);

  /** Runs two transactions that lock two rows in opposite order, so that the database rolls one back. */
  const collide = async (
    work: (name: string, tries: number, lockOther: () => Promise<unknown>) => Promise<void>,
  ): Promise<number[]> => {
    const bothHoldOne = barrier(2);
    const collider = async (mine: string, others: string): Promise<number> => {
      let tries = 0;
      await run(async () => {
        tries++;
        await lock(mine);
        if (tries === 1) await bothHoldOne();
        await work(mine, tries, () => lock(others));
      });
      return tries;
    };
    return Promise.all([collider('a', 'b'), collider('b', 'a')]);
  };

  /** Kills the connection of the current transaction, and waits until the pool has noticed. */
  const loseConnection = async (): Promise<void> => {
    const [own] = await database().query<{ id: number }>('SELECT CONNECTION_ID() AS id', []);
    const { open } = database().poolUse();
    const administrator = await createConnection((configuration() as { url: string }).url);
    await administrator.query(`KILL ${own?.id}`);
    await administrator.end();
    await until(() => database().poolUse().open < open);
  };

  beforeAll(async () => {
    await run(() => insert('a'));
    await run(() => insert('b'));
  });

  it('runs again after a deadlock', async () => {
    const tries = await collide(async (name, _tries, lockOther) => {
      await lockOther();
      await insert(`deadlock-${name}`);
    });
    expect(tries.sort()).toEqual([1, 2]);
    expect(await userIds()).toEqual(expect.arrayContaining(['deadlock-a', 'deadlock-b']));
  });

  it.each([
    ['in a nested transaction', (work: () => Promise<unknown>) => run(work)],
    ['directly', (work: () => Promise<unknown>) => work()],
  ])(
    'keeps nothing of a try that a deadlock rolled back, even if the error is swallowed %s',
    async (how, inner) => {
      const tries = await collide(async (name, tries, lockOther) => {
        await insert(`${how}-${name}-${tries}-before`);
        await inner(lockOther).catch(() => undefined);
        await insert(`${how}-${name}-${tries}-after`);
      });
      expect(tries.toSorted()).toEqual([1, 2]);
      const kept = ['a', 'b'].flatMap((name, n) =>
        ['before', 'after'].map((when) => `${how}-${name}-${tries[n]}-${when}`),
      );
      expect((await userIds()).filter((userId) => userId.startsWith(`${how}-`)).sort()).toEqual(kept.sort());
    },
  );

  it('runs again as a whole after losing its connection between two statements', async () => {
    let tries = 0;
    await run(async () => {
      await insert(`lost-${++tries}`);
      if (tries === 1) await loseConnection();
      await insert('lost-too');
    });
    expect(tries).toBe(2);
    expect((await userIds()).filter((userId) => userId.startsWith('lost'))).toEqual(['lost-2', 'lost-too']);
  });
});
