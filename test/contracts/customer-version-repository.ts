import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { ContextId, Principal } from '../../src/identity/domain/principal.js';
import type { FeedPlace } from '../../src/versions/domain/version.js';
import { toUserId, type Customer } from '../../src/customers/domain/customer.js';
import { seal } from '../../src/history/domain/audit-chain.js';
import type { ChangeMade, RecordedVersion } from '../../src/versions/domain/version.js';
import { detailsOf } from '../support/customer-details.js';
import { principal, recorderOf } from '../support/principal.js';
import { newContext, type Register } from '../support/register.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

const T = 1_764_000_000_000;
const NEWEST = Number.MAX_SAFE_INTEGER;
const FIRST: FeedPlace = { block: 0, id: 0 };
const MANY = 1001;

const ODD = `O'Brien "Óscar" \\ \\0 100 %_ 😀 \0 end`;

let lastId = 0;

function aCustomer(userId: string, fields: Partial<Customer> = {}): Customer {
  return { id: ++lastId, ...detailsOf(userId), updatedAt: T, ...fields };
}

export function customerVersionRepositoryContract(register: () => Register): void {
  const run = <T>(work: () => Promise<T>): Promise<T> => register().transactions.run(work);
  const context = (): Promise<ContextId> => newContext(register());

  const record = (of: ContextId | Principal, change: ChangeMade, customer: Customer): Promise<void> =>
    run(() => register().versions.insert(typeof of === 'number' ? principal(of) : of, change, [customer]));
  /** Records a version. @returns the customer in it */
  const create = async (of: ContextId | Principal, customer: Customer): Promise<Customer> => {
    await record(of, 'created', customer);
    return customer;
  };
  const update = async (
    of: ContextId | Principal,
    before: Customer,
    fields: Partial<Customer>,
  ): Promise<Customer> => {
    const after = { ...before, ...fields };
    await record(of, 'updated', after);
    return after;
  };
  const destroy = async (
    of: ContextId | Principal,
    before: Customer,
    updatedAt: number,
  ): Promise<Customer> => {
    const after = { ...before, updatedAt };
    await record(of, 'deleted', after);
    return after;
  };
  /** Puts every unsealed version into a block, which seals nothing else. */
  const place = (number: number): Promise<void> =>
    run(async () => {
      const { audit } = register();
      const versions = await audit.unsealedVersions(10_000);
      await audit.insertBlock({ block: { ...seal(undefined, [], [], T), number }, entries: [], versions });
    });
  const nextBlock = async (): Promise<number> => ((await register().audit.head())?.number ?? 0) + 1;
  /** Purges deleted customers. */
  const purge = (
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ customers: number; next: number | undefined }> =>
    run(async () => {
      const { customers, next } = await register().versions.deletedThrough(throughBlock, after, limit);
      await register().versions.purge(customers);
      return { customers: customers.length, next };
    });
  /** Seals every version and purges every deleted customer. */
  const purgeAll = async (): Promise<void> => {
    const block = await nextBlock();
    await place(block);
    await purge(block, 0, 10_000);
  };

  const asOf = (of: ContextId, userId: string, at: number): Promise<Customer | undefined> =>
    register().versions.asOf(of, toUserId(userId), at);
  const history = (
    of: ContextId,
    userId: string,
    before = NEWEST,
    limit = 100,
  ): Promise<RecordedVersion<Customer>[]> => register().versions.history(of, toUserId(userId), before, limit);
  /** The customer in each version of a history, newest first. */
  const states = async (of: ContextId, userId: string): Promise<Customer[]> =>
    (await history(of, userId)).map(({ state }) => state);
  /** The customers of the feed's changes. */
  const fed = async (of: ContextId, after = FIRST, limit = 10_000): Promise<Customer[]> =>
    (await register().customerFeed.changes(of, after, NEWEST, limit)).map(({ state }) => state);

  it('finds a customer as it was at a given millisecond', async () => {
    const here = await context();
    const created = await create(here, aCustomer('U'));
    const updated = await update(here, created, { name: 'Changed', updatedAt: T + 10 });
    await destroy(here, updated, T + 20);
    for (const [at, expected] of [
      [0, undefined],
      [T - 1, undefined],
      [T, created],
      [T + 9, created],
      [T + 10, updated],
      [T + 19, updated],
      [T + 20, undefined],
      [T + 1000, undefined],
    ] as const) {
      expect([at, await asOf(here, 'U', at)]).toEqual([at, expected]);
    }
  });

  it('finds a customer by the UserID that it had at the time', async () => {
    const here = await context();
    const before = await create(here, aCustomer('old'));
    const after = await update(here, before, { userId: toUserId('new'), updatedAt: T + 10 });
    expect(await asOf(here, 'old', T + 9)).toEqual(before);
    expect(await asOf(here, 'new', T + 9)).toBeUndefined();
    expect(await asOf(here, 'old', T + 10)).toBeUndefined();
    expect(await asOf(here, 'new', T + 10)).toEqual(after);
    const successor = await create(here, aCustomer('old', { updatedAt: T + 10 }));
    expect(await asOf(here, 'old', T + 9)).toEqual(before);
    expect(await asOf(here, 'old', T + 10)).toEqual(successor);
    expect(await asOf(here, 'new', T + 10)).toEqual(after);
    const back = await update(here, after, { userId: toUserId('other'), updatedAt: T + 20 });
    expect(await asOf(here, 'new', T + 20)).toBeUndefined();
    expect(await asOf(here, 'other', T + 20)).toEqual(back);
  });

  it('distinguishes customers who had the same UserID one after another', async () => {
    const here = await context();
    const first = await create(here, aCustomer('U'));
    await destroy(here, first, T + 10);
    const second = await create(here, aCustomer('U', { updatedAt: T + 20 }));
    await destroy(here, second, T + 30);
    const third = await create(here, aCustomer('U', { updatedAt: T + 30 }));
    for (const [at, expected] of [
      [T + 9, first],
      [T + 10, undefined],
      [T + 19, undefined],
      [T + 20, second],
      [T + 29, second],
      [T + 30, third],
    ] as const) {
      expect([at, await asOf(here, 'U', at)]).toEqual([at, expected]);
    }
  });

  it('prefers the customer who begins later when clocks make two overlap', async () => {
    const here = await context();
    const first = await create(here, aCustomer('U'));
    await destroy(here, first, T + 50);
    const second = await create(here, aCustomer('U', { updatedAt: T + 40 }));
    expect(await asOf(here, 'U', T + 39)).toEqual(first);
    for (const at of [T + 40, T + 49, T + 50]) expect(await asOf(here, 'U', at)).toEqual(second);

    // The one recorded last begins earlier.
    const ahead = await create(here, aCustomer('V', { updatedAt: T + 40 }));
    await destroy(here, ahead, T + 60);
    const behind = await create(here, aCustomer('V', { updatedAt: T + 35 }));
    expect(await asOf(here, 'V', T + 34)).toBeUndefined();
    expect(await asOf(here, 'V', T + 39)).toEqual(behind);
    for (const at of [T + 40, T + 59]) expect(await asOf(here, 'V', at)).toEqual(ahead);
    expect(await asOf(here, 'V', T + 60)).toEqual(behind);

    await create(here, aCustomer('W'));
    const last = await create(here, aCustomer('W'));
    expect(await asOf(here, 'W', T)).toEqual(last);
  });

  it('finds many customers, each as it was at its own time, and whether it is deleted', async () => {
    const [here, there] = [await context(), await context()];
    const u1 = await create(here, aCustomer('U', { address: ODD }));
    const u2 = await update(here, u1, { userId: toUserId('renamed'), updatedAt: T + 10 });
    const u3 = await destroy(here, u2, T + 20);
    const v = await create(here, aCustomer('V', { updatedAt: T + 5 }));
    const theirs = await create(there, aCustomer('U'));
    const cases = [
      { customerId: u1.id, at: 0, found: u1 }, // before its first version: that one
      { customerId: u1.id, at: T - 1, found: u1 },
      { customerId: u1.id, at: T, found: u1 },
      { customerId: u1.id, at: T + 9, found: u1 },
      { customerId: v.id, at: T + 4, found: v },
      { customerId: u1.id, at: T + 10, found: u2 },
      { customerId: u1.id, at: T + 19, found: u2 },
      { customerId: v.id, at: NEWEST, found: v },
      { customerId: u1.id, at: T + 20, found: u3 },
      { customerId: u1.id, at: NEWEST, found: u3 },
      { customerId: theirs.id, at: T, found: undefined },
      { customerId: 2 ** 31 - 1, at: T, found: undefined },
    ];
    const queries = cases.map(({ customerId, at }) => ({ customerId, at }));
    const { versions } = register();
    for (const { knownAt, isDeleted } of [
      { knownAt: T - 1, isDeleted: false },
      { knownAt: T + 19, isDeleted: false },
      { knownAt: T + 20, isDeleted: true },
      { knownAt: NEWEST, isDeleted: true },
    ]) {
      const expected = cases.map(
        ({ customerId, found }) => found && { ...found, isDeleted: isDeleted && customerId === u1.id },
      );
      expect(await versions.asOfEach(here, queries, knownAt)).toEqual(expected);
      // Many queries at once, in another order.
      const many = Array.from({ length: 600 }, (_, n) => (n * 7) % cases.length);
      for (const count of [600, 513, 257, 256, 3, 1, 0]) {
        const some = many.slice(0, count);
        const found = await versions.asOfEach(
          here,
          some.map((n) => queries[n]!),
          knownAt,
        );
        expect(found).toEqual(some.map((n) => expected[n]));
      }
    }
    const [other] = await versions.asOfEach(there, [{ customerId: theirs.id, at: T }], NEWEST);
    expect(other).toEqual({ ...theirs, isDeleted: false });
  });

  it('returns deleted customers of every context in the order of their deletion', async () => {
    await purgeAll();
    const [here, there] = [await context(), await context()];
    const block = await nextBlock();
    const userIds = ['a', 'b', 'c', 'late', 'unsealed', 'kept'];
    const [a, b, c, late, unsealed] = await Promise.all(
      userIds.map((userId) => create(userId === 'b' ? there : here, aCustomer(userId))),
    );
    await destroy(here, c!, T + 3);
    await destroy(there, b!, T + 1);
    await destroy(here, a!, T + 2);
    await place(block);
    await destroy(here, late!, T + 1);
    await place(block + 1);
    await destroy(here, unsealed!, T + 1);
    const expected = [
      { context: here, id: c!.id },
      { context: there, id: b!.id },
      { context: here, id: a!.id },
    ];
    const { versions } = register();
    const deleted = (through: number, after = 0, limit = 100) =>
      versions.deletedThrough(through, after, limit);
    expect(await deleted(block - 1)).toEqual({ customers: [], next: undefined });
    expect(await deleted(block)).toEqual({ customers: expected, next: undefined });
    expect((await deleted(block + 1)).customers).toEqual([...expected, { context: here, id: late!.id }]);
    const first = await deleted(block, 0, 2);
    expect(first.customers).toEqual(expected.slice(0, 2));
    expect(await deleted(block, first.next, 2)).toEqual({ customers: expected.slice(2), next: undefined });
    expect(await states(here, 'a')).toHaveLength(2);
  });

  it('stores every text unchanged', async () => {
    const here = await context();
    const by = principal(here, {
      userName: ODD,
      tokenLabel: ODD,
      address: '2001:db8::1',
      tokenId: 2 ** 31 - 1,
    });
    const texts = { name: ODD, address: `${ODD}\r\n\t`, email: '', phoneNumber: ' ', altPhoneNumber: '+91 ' };
    const odd = await create(by, aCustomer(ODD, texts));
    const bare = await update(here, odd, { ...aCustomer('bare'), id: odd.id, updatedAt: T + 1 });
    expect(await asOf(here, ODD, T)).toEqual(odd);
    expect(await asOf(here, 'bare', T + 1)).toEqual(bare);
    const { userName, tokenId, tokenLabel, address } = by;
    const [second, first] = await history(here, ODD);
    expect(first).toEqual({
      id: first?.id,
      change: 'created',
      state: odd,
      before: undefined,
      userName,
      tokenId,
      tokenLabel,
      address,
    });
    expect(second).toMatchObject({ state: bare, before: odd });
    await place(await nextBlock());
    expect(await fed(here)).toEqual([odd, bare]);
  });

  it('distinguishes UserIDs byte by byte', async () => {
    const here = await context();
    const userIds = ['abc', 'ABC', 'äbc', 'abc\0', 'straße', 'strasse', '😀', '😁', '%', '_'];
    for (const userId of userIds) await create(here, aCustomer(userId));
    for (const userId of userIds) {
      expect((await asOf(here, userId, T))?.userId).toBe(userId);
      expect((await states(here, userId)).map((customer) => customer.userId)).toEqual([userId]);
    }
    for (const other of ['Abc', 'abc ', ' abc', '', 'a%']) {
      expect(await asOf(here, other, T)).toBeUndefined();
      expect(await history(here, other)).toEqual([]);
    }
  });

  it('never returns a customer of another context', async () => {
    const [here, there] = [await context(), await context()];
    const mine = await create(here, aCustomer('same'));
    const theirs = await create(there, aCustomer('same', { updatedAt: T + 1 }));
    const hidden = await create(there, aCustomer('hidden'));
    await place(await nextBlock());
    for (const [of, same] of [
      [here, mine],
      [there, theirs],
    ] as const) {
      expect(await asOf(of, 'same', T + 1)).toEqual(same);
      expect(await states(of, 'same')).toEqual([same]);
    }
    expect(await asOf(there, 'same', T)).toBeUndefined();
    expect(await asOf(here, 'hidden', T)).toBeUndefined();
    expect(await history(here, 'hidden')).toEqual([]);
    expect(await fed(here)).toEqual([mine]);
    expect(await fed(there)).toEqual([theirs, hidden]);
  });

  it('returns the history of all who had a UserID, with the state before and the caller', async () => {
    const here = await context();
    const [asha, ravi] = [
      principal(here, { userName: 'asha', tokenId: 1, tokenLabel: 'CRM', address: '192.0.2.1' }),
      principal(here, { userName: 'ravi', tokenId: 2, tokenLabel: '', address: '2001:db8::1' }),
    ];
    const a1 = await create(asha, aCustomer('A'));
    const c1 = await create(asha, aCustomer('C'));
    const a2 = await update(ravi, a1, { userId: toUserId('B'), updatedAt: T + 1 });
    const other1 = await create(ravi, aCustomer('A', { name: 'Other', updatedAt: T + 1 }));
    await create(await context(), aCustomer('A'));
    const a3 = await update(asha, a2, { name: 'Changed', updatedAt: T + 5 });
    const other2 = await update(ravi, other1, { email: 'a@demo.example', updatedAt: T + 4 });
    await update(asha, c1, { name: 'Changed', updatedAt: T + 6 });
    const a4 = await destroy(ravi, a3, T + 7);
    const other3 = await destroy(asha, other2, T + 8);

    const id: unknown = expect.any(Number);
    const ofA = [
      { id, change: 'deleted', state: a4, before: a3, ...recorderOf(ravi) },
      { id, change: 'updated', state: a3, before: a2, ...recorderOf(asha) },
      { id, change: 'updated', state: a2, before: a1, ...recorderOf(ravi) },
      { id, change: 'created', state: a1, before: undefined, ...recorderOf(asha) },
    ];
    const ofOther = [
      { id, change: 'deleted', state: other3, before: other2, ...recorderOf(asha) },
      { id, change: 'updated', state: other2, before: other1, ...recorderOf(ravi) },
      { id, change: 'created', state: other1, before: undefined, ...recorderOf(ravi) },
    ];
    const expected = [ofOther[0], ofA[0], ofOther[1], ofA[1], ofOther[2], ofA[2], ofA[3]];
    const whole = await history(here, 'A');
    expect(whole).toEqual(expected);
    expect(await history(here, 'B')).toEqual(ofA);
    const called = async (userId: string): Promise<number[]> =>
      (await register().versions.customerIdsOf(here, toUserId(userId))).sort((a, b) => a - b);
    expect(await called('A')).toEqual([a1.id, other1.id]);
    expect(await called('B')).toEqual([a1.id]);
    expect(await called('a')).toEqual([]);
    const ids = whole.map((version) => version.id);
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));

    for (const [n, version] of whole.entries()) {
      for (const limit of [1, 3, 100]) {
        const behind = whole.slice(n + 1, n + 1 + limit);
        expect(await history(here, 'A', version.id, limit)).toEqual(behind);
      }
    }
  });

  it('refuses a second version of a customer for the same time', async () => {
    const here = await context();
    const customer = await create(here, aCustomer('U'));
    await expect(update(here, customer, { name: 'Changed' })).rejects.toThrow();
    expect(await states(here, 'U')).toEqual([customer]);
    await create(here, aCustomer('V'));
  });

  it('returns changes by block, then by id', async () => {
    const [here, there] = [await context(), await context()];
    const first = await nextBlock();
    const u1 = await create(here, aCustomer('U'));
    const t1 = await create(there, aCustomer('T'));
    const v1 = await create(here, aCustomer('V', { updatedAt: T - 100 }));
    expect(await fed(here)).toEqual([]);
    await place(first + 1);
    expect(await fed(here)).toEqual([u1, v1]);
    const u2 = await update(here, u1, { name: 'Changed', updatedAt: T + 1 });
    const v2 = await destroy(here, v1, T - 99);
    expect(await fed(here)).toEqual([u1, v1]);
    // The earlier block has the greater ids: the block decides the order.
    await place(first);
    expect(await register().customerFeed.lastBlock()).toBe(first + 1);
    const u3 = await update(here, u2, { name: 'Changed again', updatedAt: T + 2 });
    await place(first + 2);
    expect(await register().customerFeed.lastBlock()).toBe(first + 2);
    await destroy(here, u3, T + 3);

    const id: unknown = expect.any(Number);
    const changes = await register().customerFeed.changes(here, FIRST, NEWEST, 100);
    expect(changes).toEqual([
      { block: first, id, change: 'updated', state: u2 },
      { block: first, id, change: 'deleted', state: v2 },
      { block: first + 1, id, change: 'created', state: u1 },
      { block: first + 1, id, change: 'created', state: v1 },
      { block: first + 2, id, change: 'updated', state: u3 },
    ]);
    for (const [n, { block, id: last }] of changes.entries()) {
      const rest = changes.slice(n + 1);
      for (const limit of [1, 2, 100]) {
        expect(await register().customerFeed.changes(here, { block, id: last }, NEWEST, limit)).toEqual(
          rest.slice(0, limit),
        );
      }
    }
    expect(await fed(here, { block: first - 1, id: NEWEST }, 1)).toEqual([u2]);
    expect(await fed(here, { block: first, id: NEWEST })).toEqual([u1, v1, u3]);
    expect(await fed(here, { block: first + 1, id: 0 })).toEqual([u1, v1, u3]);
    expect(await fed(here, { block: first + 3, id: 0 })).toEqual([]);
    expect(await fed(there)).toEqual([t1]);
  });

  it('returns more changes than a batch holds, each in its context', async () => {
    const [here, there] = [await context(), await context()];
    const many = Array.from({ length: MANY }, (_, n) => aCustomer(`U${n}`));
    await run(() => register().versions.insert(principal(here), 'created', many));
    const other = await create(there, aCustomer('U'));
    const block = await nextBlock();
    await place(block);
    const changes = await register().customerFeed.changes(here, { block, id: 0 }, NEWEST, 10_000);
    expect(changes.map(({ state }) => state)).toEqual(many);
    expect(new Set(changes.map((change) => change.block))).toEqual(new Set([block]));
    expect(await fed(there, { block, id: 0 })).toEqual([other]);
  });

  it('purges only the customers whose deletion was sealed up to a block', async () => {
    await purgeAll();
    const block = await nextBlock();
    const [here, there] = [await context(), await context()];
    const add = (userId: string, to = here): Promise<Customer> => create(to, aCustomer(userId));
    const [early, late, unsealed, kept] = await Promise.all(
      ['early', 'late', 'unsealed', 'kept'].map((userId) => add(userId)),
    );
    await destroy(here, await update(here, early!, { name: 'Changed', updatedAt: T + 2 }), T + 3);
    const changed = await update(here, kept!, { name: 'Changed', updatedAt: T + 2 });
    await destroy(there, await add('theirs', there), T + 3);
    const renamed = await update(here, await add('old'), { userId: toUserId('new'), updatedAt: T + 2 });
    await destroy(here, renamed, T + 3);
    await destroy(here, await add('again'), T + 3);
    const again = await create(here, aCustomer('again', { updatedAt: T + 3 }));
    await place(block);
    const lateEnd = await destroy(here, late!, T + 1);
    await place(block + 1);
    const unsealedEnd = await destroy(here, unsealed!, T + 1);

    const left = async (): Promise<number[]> => {
      const userIds = ['early', 'old', 'new', 'again', 'late', 'unsealed', 'kept'];
      const lengths = await Promise.all(userIds.map(async (userId) => (await states(here, userId)).length));
      return [...lengths, (await states(there, 'theirs')).length];
    };
    expect(await left()).toEqual([3, 3, 3, 3, 2, 2, 2, 2]);
    const [deletion] = await history(here, 'early');
    expect(await purge(block, Number(deletion?.id), 1)).toEqual({ customers: 1, next: expect.any(Number) });
    expect(await left()).toEqual([3, 3, 3, 3, 2, 2, 2, 0]);
    const { customers, next = -1 } = await purge(block, 0, 2);
    expect(customers).toBe(2);
    expect(await left()).toEqual([0, 0, 0, 3, 2, 2, 2, 0]);
    expect(await purge(block, next, 2)).toEqual({ customers: 1, next: undefined });
    expect(await left()).toEqual([0, 0, 0, 1, 2, 2, 2, 0]);
    expect(await purge(block, 0, 2)).toEqual({ customers: 0, next: undefined });
    expect(await states(here, 'again')).toEqual([again]);
    expect(await states(here, 'late')).toEqual([lateEnd, late]);
    expect(await states(here, 'unsealed')).toEqual([unsealedEnd, unsealed]);
    expect(await states(here, 'kept')).toEqual([changed, kept]);
  });

  it('returns where a purge continues until it finds less than its limit', async () => {
    await purgeAll();
    const here = await context();
    for (let n = 0; n < 4; n++) await destroy(here, await create(here, aCustomer(`U${n}`)), T + 1);
    const block = await nextBlock();
    await place(block);
    const first = await purge(block, 0, 2);
    const second = await purge(block, first.next ?? -1, 2);
    const third = await purge(block, second.next ?? -1, 2);
    expect([first, second, third].map(({ customers }) => customers)).toEqual([2, 2, 0]);
    expect(second.next).toBeGreaterThan(Number(first.next));
    expect(third.next).toBeUndefined();
  });

  it('refuses to delete a context until the versions of its customers are purged', async () => {
    const { contexts } = register();
    const names = async (): Promise<string[]> => (await contexts.list()).map(({ name }) => name);
    const before = await names();
    const here = await context();
    const [name = ''] = (await names()).filter((each) => !before.includes(each));
    await destroy(here, await create(here, aCustomer('U')), T + 1);
    expect(await run(() => contexts.delete(name))).toBe(false);
    expect(await states(here, 'U')).toHaveLength(2);
    await purgeAll();
    expect(await run(() => contexts.delete(name))).toBe(true);
    expect(await names()).toEqual(before);
  });

  it('rolls back the versions of a failed transaction', async () => {
    const here = await context();
    await expect(
      run(async () => {
        const customer = await create(here, aCustomer('U'));
        expect(await asOf(here, 'U', T)).toEqual(customer);
        throw new Error('made to fail');
      }),
    ).rejects.toThrow('made to fail');
    expect(await history(here, 'U')).toEqual([]);
  });

  itRefusesWritesOutsideTransactions(async () => {
    const here = await context();
    const userId = randomUUID();
    await destroy(here, await create(here, aCustomer(userId)), T + 1);
    await place(await nextBlock());
    const { versions } = register();
    return {
      read: async () => [
        await register().customerFeed.changes(here, FIRST, NEWEST, 10),
        await history(here, userId),
      ],
      writes: [
        () => versions.insert(principal(here), 'created', [aCustomer(userId)]),
        () => versions.purge([{ context: here, id: lastId }]),
      ],
    };
  });
}
