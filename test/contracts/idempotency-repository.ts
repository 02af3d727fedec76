import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { Principal } from '../../src/identity/domain/principal.js';
import type { KeptAnswer } from '../../src/idempotency/application/idempotency.repository.js';
import { principal } from '../support/principal.js';
import { newContext, type Register } from '../support/register.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

const T = 1_764_000_000_000;
/** Earlier than in all other tests, because a purge covers every context. */
const LONG_AGO = 1000;

/** Looks like a SHA-256 in hexadecimal. */
function aHash(): string {
  return `${randomUUID()}${randomUUID()}`.replaceAll('-', '');
}

export function idempotencyRepositoryContract(register: () => Register): void {
  const run = <T>(work: () => Promise<T>): Promise<T> => register().transactions.run(work);
  const somebody = async (): Promise<Principal> => principal(await newContext(register()));
  const claim = (by: Principal, key: string, request = aHash(), at = T): Promise<KeptAnswer | undefined> =>
    register().keys.claim(by, key, request, at);
  /** Claims a key and keeps an answer. @returns the answer that was kept before */
  const answerOnce = (
    by: Principal,
    key: string,
    { request = aHash(), answer = 'answer', at = T } = {},
  ): Promise<KeptAnswer | undefined> =>
    run(async () => {
      const kept = await claim(by, key, request, at);
      if (kept === undefined) await register().keys.keep(by, key, answer);
      return kept;
    });
  /** The answer kept under a key. Changes nothing. */
  const find = async (by: Principal, key: string): Promise<KeptAnswer | undefined> => {
    let kept: KeptAnswer | undefined;
    const looking = run(async () => {
      kept = await claim(by, key);
      throw new Error('seen');
    });
    await expect(looking).rejects.toThrow('seen');
    expect(await register().keys.find(by, key)).toEqual(kept);
    return kept;
  };

  it('finds the request and the answer of a key', async () => {
    const by = await somebody();
    const [key, request] = [aHash(), aHash()];
    expect(await find(by, key)).toBeUndefined();
    expect(await answerOnce(by, key, { request, answer: '{}' })).toBeUndefined();
    expect(await find(by, key)).toEqual({ requestHash: request, answer: '{}' });
    expect(await find(by, aHash())).toBeUndefined();
    expect(await find(by, key.toUpperCase())).toBeUndefined();
  });

  it.each([
    ['empty', ''],
    ['odd', `O'Brien "Óscar" \\ \\0 100 %_ 😀 \0 \r\n end `],
    ['long', `"\\😀'`.repeat(50_000)],
  ])('keeps an answer unchanged: %s', async (_case, answer) => {
    const by = await somebody();
    const key = aHash();
    await answerOnce(by, key, { answer });
    expect((await find(by, key))?.answer === answer).toBe(true);
  });

  it('lets a key be claimed once and leaves it unchanged when claimed again', async () => {
    const by = await somebody();
    const [key, other, request] = [aHash(), aHash(), aHash()];
    await run(async () => {
      expect(await answerOnce(by, key, { request, answer: 'first' })).toBeUndefined();
      expect(await answerOnce(by, key)).toEqual({ requestHash: request, answer: 'first' });
      expect(await answerOnce(by, other, { request })).toBeUndefined();
    });
    for (const again of [request, aHash()]) {
      const kept = await answerOnce(by, key, { request: again, answer: 'second', at: T + 1 });
      expect(kept).toEqual({ requestHash: request, answer: 'first' });
    }
    expect(await find(by, other)).toEqual({ requestHash: request, answer: 'answer' });
  });

  it('keeps the keys of users and contexts apart', async () => {
    const [here, there] = [await newContext(register()), await newContext(register())];
    const owners = [
      principal(here),
      principal(here, { userName: 'Asha' }),
      principal(there),
      principal(there, { userName: 'ravi' }),
    ];
    const [key, requests] = [aHash(), owners.map(() => aHash())];
    const answers = owners.map((_, n) => ({ request: requests[n] ?? '', answer: `answer ${n}` }));
    for (const [n, by] of owners.entries()) expect(await answerOnce(by, key, answers[n])).toBeUndefined();
    for (const [n, by] of owners.entries()) {
      expect(await find(by, key)).toEqual({ requestHash: requests[n], answer: `answer ${n}` });
    }
  });

  it('knows a user by its name, whatever its token', async () => {
    const by = await somebody();
    const key = aHash();
    await answerOnce(by, key);
    const otherToken: Principal = { ...by, tokenId: 8, tokenLabel: 'other', address: '::1', role: 'admin' };
    expect(await find(otherToken, key)).toEqual(await find(by, key));
    expect(await find(otherToken, key)).toBeDefined();
  });

  it('frees a key when the transaction that claimed it fails', async () => {
    const by = await somebody();
    const key = aHash();
    const failing = run(async () => {
      await answerOnce(by, key);
      throw new Error('made to fail');
    });
    await expect(failing).rejects.toThrow('made to fail');
    expect(await find(by, key)).toBeUndefined();
    expect(await answerOnce(by, key)).toBeUndefined();
    expect(await find(by, key)).toBeDefined();
  });

  it('lets one of many concurrent requests claim a key, and the others find its answer', async () => {
    const by = await somebody();
    const key = aHash();
    const requests = Array.from({ length: 8 }, (_, n) => ({ answer: `answer ${n}` }));
    const kept = await Promise.all(requests.map((each) => answerOnce(by, key, each)));
    const [winner] = requests.filter((_, n) => kept[n] === undefined);
    expect(kept.filter((each) => each === undefined)).toHaveLength(1);
    for (const each of kept) if (each !== undefined) expect(each.answer).toBe(winner?.answer);
    expect((await find(by, key))?.answer).toBe(winner?.answer);
  });

  it('purges the keys claimed before an instant in batches', async () => {
    const purge = (limit: number): Promise<number> => run(() => register().keys.purge(LONG_AGO, limit));
    await purge(10_000);
    const [by, other] = [await somebody(), await somebody()];
    const keys = Array.from({ length: 5 }, aHash);
    for (const [n, key] of keys.entries()) await answerOnce(n % 2 ? other : by, key, { at: LONG_AGO - n });
    const left = async (): Promise<number> => {
      let count = 0;
      for (const [n, key] of keys.entries()) if (await find(n % 2 ? other : by, key)) count++;
      return count;
    };
    expect(await purge(3)).toBe(3);
    expect(await left()).toBe(2);
    expect(await purge(3)).toBe(1);
    expect(await purge(3)).toBe(0);
    expect(await find(by, keys[0] ?? '')).toBeDefined();
    expect(await left()).toBe(1);
  });

  it("deletes a user's keys in every context, and no other user's", async () => {
    const [here, there] = [await newContext(register()), await newContext(register())];
    const name = randomUUID();
    const owners = [here, there].map((context) => principal(context, { userName: name }));
    const other = principal(here, { userName: name.toUpperCase() });
    const keys = Array.from({ length: 3 }, aHash);
    for (const by of [...owners, other]) for (const key of keys) await answerOnce(by, key);
    await run(() => register().keys.deleteOf(name, 1000));
    for (const key of keys) {
      for (const by of owners) expect(await find(by, key)).toBeUndefined();
      expect(await find(other, key)).toBeDefined();
    }
  });

  it('deletes the keys of a deleted context', async () => {
    const { contexts } = register();
    const names = async (): Promise<string[]> => (await contexts.list()).map(({ name }) => name);
    const before = await names();
    const [here, key] = [await somebody(), aHash()];
    const [name = ''] = (await names()).filter((each) => !before.includes(each));
    const there = await somebody();
    for (const by of [here, there]) await answerOnce(by, key);
    expect(await run(() => contexts.delete(name))).toBe(true);
    expect(await find(there, key)).toBeDefined();
  });

  itRefusesWritesOutsideTransactions(async () => {
    const by = await somebody();
    const [key, other] = [aHash(), aHash()];
    await answerOnce(by, key, { at: LONG_AGO - 1 });
    const { keys } = register();
    return {
      read: async () => [await find(by, key), await find(by, other)],
      writes: [
        () => keys.claim(by, other, aHash(), T),
        () => keys.keep(by, key, 'changed'),
        () => keys.deleteOf(by.userName, 1000),
        () => keys.purge(LONG_AGO, 10_000),
      ],
    };
  });
}
