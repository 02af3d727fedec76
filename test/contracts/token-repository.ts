import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { UnsavedToken, Token, User } from '../../src/access/application/access.repositories.js';
import type { Register } from '../support/register.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

export function tokenRepositoryContract(register: () => Register): void {
  const run = <T>(work: () => Promise<T>): Promise<T> => register().transactions.run(work);
  const insert = (token: UnsavedToken, hash: string): ReturnType<Register['tokens']['insert']> =>
    run(() => register().tokens.insert(token, hash));

  /** Inserts a user, and returns a token of it to insert. */
  const newToken = async (fields: Partial<User> = {}): Promise<UnsavedToken> => {
    const user: User = {
      name: randomUUID(),
      role: 'operator',
      contexts: [],
      enabled: true,
      createdAt: 0,
      ...fields,
    };
    await run(() => register().users.insert(user));
    return {
      user: user.name,
      label: 'CRM in Zürich',
      scope: 'read',
      expiresAt: 1_764_000_000_123,
      allowedIps: ['192.0.2.0/24', '2001:db8::1'],
      createdAt: 1_763_000_000_456,
    };
  };
  const listed = async (user: string): Promise<Token[]> =>
    (await register().tokens.list()).filter((token) => token.user === user);

  it('lists tokens by id', async () => {
    const first = await newToken();
    const second = { ...first, label: '', scope: 'write', expiresAt: null, allowedIps: [] } as const;
    const ids = [await insert(first, randomUUID()), await insert(second, randomUUID())];
    expect(await listed(first.user)).toEqual([
      { id: ids[0], ...first, lastUsedAt: null, replacedBy: null },
      { id: ids[1], ...second, lastUsedAt: null, replacedBy: null },
    ]);
    expect(ids[1]).toBeGreaterThan(Number(ids[0]));
  });

  it('refuses a token that already exists, whoever owns it', async () => {
    const hash = randomUUID();
    const token = await newToken();
    expect(await insert(token, hash)).toEqual(expect.any(Number));
    const other = await newToken();
    expect(await insert(other, hash)).toBe('taken');
    expect(await listed(other.user)).toEqual([]);
  });

  it.each([
    ['another name', () => randomUUID()],
    ['a name in another case', (name: string) => name.toUpperCase()],
    ['a name with a trailing space', (name: string) => `${name} `],
  ])('refuses a user that does not exist: %s', async (_case, change) => {
    const token = await newToken();
    expect(await insert({ ...token, user: change(token.user) }, randomUUID())).toBe('unknown_user');
    expect(await listed(token.user)).toEqual([]);
  });

  it('finds what a sign-in needs', async () => {
    const [granted, alias, other] = [randomUUID(), randomUUID(), randomUUID()];
    const hash = randomUUID();
    await run(async () => {
      await register().contexts.insert({ name: granted, aliases: [alias], enabled: true, createdAt: 0 });
      await register().contexts.insert({ name: other, aliases: [], enabled: false, createdAt: 0 });
    });
    const token = await newToken({ contexts: [granted], enabled: false, role: 'reader' });
    const found = {
      tokenId: await insert(token, hash),
      tokenLabel: token.label,
      scope: token.scope,
      expiresAt: token.expiresAt,
      allowedIps: token.allowedIps,
      lastUsedAt: null,
      userName: token.user,
      userEnabled: false,
      role: 'reader',
    };
    const id: unknown = expect.any(Number);
    const { tokens } = register();
    for (const name of [granted, alias]) {
      expect(await tokens.findByHash(hash, name)).toEqual({
        ...found,
        context: { id, name: granted, enabled: true, granted: true },
      });
    }
    expect(await tokens.findByHash(hash, other)).toEqual({
      ...found,
      context: { id, name: other, enabled: false, granted: false },
    });
    for (const name of [randomUUID(), granted.toUpperCase(), `${granted} `, '']) {
      expect(await tokens.findByHash(hash, name)).toEqual({ ...found, context: undefined });
    }
  });

  it('finds a token by its exact hash alone', async () => {
    const hash = randomUUID();
    await insert(await newToken(), hash);
    for (const unknown of [hash.toUpperCase(), hash.slice(1), '', '0', '%']) {
      expect(await register().tokens.findByHash(unknown, 'default')).toBeUndefined();
    }
  });

  it('stores the last use, unless a recent one is stored', async () => {
    const hash = randomUUID();
    const token = await newToken();
    const id = Number(await insert(token, hash));
    const other = Number(await insert(token, randomUUID()));
    const lastUsed = async (at: number, unlessAfter: number): Promise<unknown> => {
      await run(() => register().tokens.touch(id, at, unlessAfter));
      return (await register().tokens.findByHash(hash, 'default'))?.lastUsedAt;
    };
    expect(await lastUsed(1_764_000_060_000, 1_764_000_000_000)).toBe(1_764_000_060_000);
    expect(await lastUsed(1_764_000_119_999, 1_764_000_059_999)).toBe(1_764_000_060_000);
    expect(await lastUsed(1_764_000_120_000, 1_764_000_060_000)).toBe(1_764_000_120_000);
    expect((await listed(token.user)).map((each) => [each.id, each.lastUsedAt])).toEqual([
      [id, 1_764_000_120_000],
      [other, null],
    ]);
  });

  it('locks a token and replaces it with another', async () => {
    const token = await newToken();
    const id = Number(await insert(token, randomUUID()));
    const other = Number(await insert(token, randomUUID()));
    const lock = (which: number): Promise<Token | undefined> => run(() => register().tokens.lock(which));
    expect(await lock(id)).toEqual({ id, ...token, lastUsedAt: null, replacedBy: null });
    await run(() => register().tokens.replace(id, 1_764_000_000_999, other));
    const expiresAt = 1_764_000_000_999;
    expect(await lock(id)).toEqual({ id, ...token, expiresAt, lastUsedAt: null, replacedBy: other });
    expect(await lock(other)).toEqual({ id: other, ...token, lastUsedAt: null, replacedBy: null });
    expect(await lock(other + 1000)).toBeUndefined();
  });

  it('finds and locks the owner of a token', async () => {
    const token = await newToken({ role: 'admin', enabled: false });
    const id = Number(await insert(token, randomUUID()));
    const { user: other } = await newToken();
    const lockOwner = (name: string, which: number): Promise<unknown> =>
      run(() => register().tokens.lockOwner(name, which));
    expect(await lockOwner(token.user, id)).toEqual({ role: 'admin', enabled: false });
    for (const [name, which] of [
      [token.user, id + 1000],
      [other, id],
      [token.user.toUpperCase(), id],
      ['nobody', id],
    ] as const) {
      expect(await lockOwner(name, which)).toBeUndefined();
    }
  });

  it('deletes a token and never reuses its id', async () => {
    const hash = randomUUID();
    const token = await newToken();
    const kept = await insert(token, randomUUID());
    const id = Number(await insert(token, hash));
    await run(() => register().tokens.delete(id));
    expect(await register().tokens.findByHash(hash, 'default')).toBeUndefined();
    expect((await listed(token.user)).map((each) => each.id)).toEqual([kept]);
    expect(await insert(token, hash)).toBeGreaterThan(id);
  });

  itRefusesWritesOutsideTransactions(async () => {
    const token = await newToken();
    const id = Number(await insert(token, randomUUID()));
    const { tokens } = register();
    return {
      read: () => tokens.list(),
      writes: [
        () => tokens.insert(token, randomUUID()),
        () => tokens.touch(id, 1, 0),
        () => tokens.replace(id, 1, id),
        () => tokens.delete(id),
      ],
    };
  });
}
