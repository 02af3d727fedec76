import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { SignInEntry, SignInFilter } from '../../src/access/application/sign-in-log.js';
import type { Register } from '../support/register.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

/** More than the tests insert. */
const ALL = 10_000;

type NewEntry = Omit<SignInEntry, 'id' | 'failure'>;

export function signInRepositoryContract(register: () => Register): void {
  const run = <T>(work: () => Promise<T>): Promise<T> => register().transactions.run(work);
  const newUser = async (): Promise<string> => {
    const user = { name: randomUUID(), role: 'reader', contexts: [], enabled: true, createdAt: 0 } as const;
    await run(() => register().users.insert(user));
    return user.name;
  };
  const fail = (entry: NewEntry): Promise<void> =>
    run(() => register().signIns.insertFailure({ ...entry, failure: 'unknown_token' }));
  const succeed = (entry: NewEntry, day: number): Promise<void> =>
    run(() => register().signIns.insertSuccess(entry, day));
  const page = (
    filter: SignInFilter,
    before = Number.MAX_SAFE_INTEGER,
    limit = 100,
  ): Promise<SignInEntry[]> => register().signIns.page(filter, before, limit);
  let tokens = 1000;
  const anEntry = (fields: Partial<NewEntry> = {}): NewEntry => ({
    at: 1_764_000_000_123,
    address: randomUUID(),
    userName: null,
    tokenId: ++tokens,
    ...fields,
  });
  const id: unknown = expect.any(Number);

  it('recognizes the exact name of a user', async () => {
    const name = await newUser();
    const isUser = (text: string): Promise<boolean> => register().signIns.isUser(text);
    expect(await isUser(name)).toBe(true);
    const long = '😀'.repeat(64);
    const user = { name: long, role: 'reader', contexts: [], enabled: true, createdAt: 0 } as const;
    await run(() => register().users.insert(user));
    expect(await isUser(long)).toBe(true);
    for (const other of ['', 'nobody', name.toUpperCase(), `${name} `, `${long}x`, 'x'.repeat(10_000)]) {
      expect(await isUser(other)).toBe(false);
    }
  });

  it('inserts every failure', async () => {
    const entry = anEntry({ userName: await newUser(), tokenId: null });
    for (let n = 0; n < 2; n++) await fail(entry);
    const kept = { id, ...entry, failure: 'unknown_token' };
    expect(await page({ address: entry.address })).toEqual([kept, kept]);
  });

  it('inserts one success per day, token and address', async () => {
    const first = anEntry({ userName: await newUser() });
    const again = { ...first, at: first.at + 1 };
    const elsewhere = { ...again, address: `${randomUUID()}` };
    for (const entry of [first, again, elsewhere, again]) await succeed(entry, 20_000);
    await succeed({ ...again, tokenId: ++tokens }, 20_000);
    await succeed(again, 20_001);
    expect(await page({ address: first.address })).toEqual([
      { id, failure: null, ...again },
      { id, failure: null, ...again, tokenId: tokens },
      { id, failure: null, ...first },
    ]);
    expect(await page({ address: elsewhere.address })).toEqual([{ id, failure: null, ...elsewhere }]);
  });

  it('filters and pages sign-ins, newest first', async () => {
    const userName = await newUser();
    for (let at = 1; at <= 6; at++) {
      const entry = anEntry({ at, userName, address: at % 2 ? '192.0.2.1' : '2001:db8::1' });
      if (at <= 3) await fail(entry);
      else await succeed(entry, 20_000);
    }
    const times = async (filter: SignInFilter): Promise<number[]> =>
      (await page({ userName, ...filter })).map(({ at }) => at);
    expect(await times({})).toEqual([6, 5, 4, 3, 2, 1]);
    expect(await times({ failed: true })).toEqual([3, 2, 1]);
    expect(await times({ failed: false })).toEqual([6, 5, 4]);
    expect(await times({ address: '192.0.2.1' })).toEqual([5, 3, 1]);
    expect(await times({ from: 2, to: 5 })).toEqual([4, 3, 2]);
    expect(await times({ from: 2, to: 5, failed: true, address: '192.0.2.1' })).toEqual([3]);
    expect(await times({ userName: 'nobody' })).toEqual([]);
    const [first, second] = await page({ userName }, Number.MAX_SAFE_INTEGER, 2);
    expect([first?.at, second?.at]).toEqual([6, 5]);
    expect((await page({ userName }, second?.id, 3)).map(({ at }) => at)).toEqual([4, 3, 2]);
  });

  it('purges the sign-ins before an instant in batches', async () => {
    const purge = (limit: number): Promise<number> => run(() => register().signIns.purge(1000, limit));
    await purge(ALL);
    const userName = await newUser();
    for (const at of [1000, 999, 998, 1001]) await fail(anEntry({ at, userName }));
    for (const at of [997, 996, 1000]) await succeed(anEntry({ at, userName }), 0);
    expect(await purge(3)).toBe(3);
    expect(await page({ userName })).toHaveLength(4);
    expect(await purge(3)).toBe(1);
    expect(await purge(3)).toBe(0);
    expect((await page({ userName })).map(({ at }) => at)).toEqual([1000, 1001, 1000]);
  });

  it('inserts a second success of a day once the first is purged', async () => {
    const entry = anEntry({ at: 999, userName: await newUser() });
    await succeed(entry, 0);
    await run(() => register().signIns.purge(1000, ALL));
    await succeed({ ...entry, at: 1000 }, 0);
    expect(await page({ address: entry.address })).toEqual([{ id, failure: null, ...entry, at: 1000 }]);
  });

  itRefusesWritesOutsideTransactions(async () => {
    const { signIns } = register();
    await fail(anEntry({ at: 0 }));
    return {
      read: () => page({}),
      writes: [
        () => signIns.insertFailure({ ...anEntry(), failure: 'incomplete' }),
        () => signIns.insertSuccess(anEntry(), 20_000),
        () => signIns.purge(1000, ALL),
      ],
    };
  });
}
