import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { User, UserChanges } from '../../src/access/application/access.repositories.js';
import type { Register } from '../support/register.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

export function userRepositoryContract(register: () => Register): void {
  const aUser = (fields: Partial<User> = {}): User => ({
    name: randomUUID(),
    role: 'reader',
    contexts: [],
    enabled: true,
    createdAt: 1_764_000_000_123,
    ...fields,
  });
  const insert = (user: User): Promise<unknown> =>
    register().transactions.run(() => register().users.insert(user));
  const listed = async (prefix: string): Promise<User[]> =>
    (await register().users.list()).filter(({ name }) => name.startsWith(prefix));
  const newContexts = async (...names: string[]): Promise<void> =>
    register().transactions.run(async () => {
      for (const name of names)
        await register().contexts.insert({ name, aliases: [], enabled: true, createdAt: 0 });
    });

  it('lists users and their contexts by name', async () => {
    const prefix = randomUUID();
    await newContexts(`${prefix}x`, `${prefix}y`);
    const users = [
      aUser({ name: `${prefix}a`, role: 'admin', enabled: false }),
      aUser({ name: `${prefix}b`, contexts: [`${prefix}x`] }),
      aUser({ name: `${prefix}c`, contexts: [`${prefix}x`, `${prefix}y`] }),
      aUser({ name: `${prefix}ü`, role: 'operator' }),
    ];
    const [a, b, c, u] = users as [User, User, User, User];
    for (const user of [c, u, a]) expect(await insert(user)).toBeUndefined();
    expect(await insert({ ...b, contexts: b.contexts.toReversed() })).toBeUndefined();
    expect(await listed(prefix)).toEqual(users);
  });

  it('refuses a name that is taken in this exact case', async () => {
    const user = aUser();
    expect(await insert(user)).toBeUndefined();
    expect(await insert({ ...user, role: 'admin' })).toBe('taken');
    expect(await insert({ ...user, name: user.name.toUpperCase() })).toBeUndefined();
    expect(await listed(user.name)).toEqual([user]);
  });

  it('returns the contexts that do not exist and inserts nothing', async () => {
    const name = randomUUID();
    await newContexts(name);
    const user = aUser({ contexts: ['nowhere', name, name.toUpperCase(), `${name} `] });
    expect(await insert(user)).toEqual(['nowhere', name.toUpperCase(), `${name} `]);
    expect(await listed(user.name)).toEqual([]);
  });

  const update = (name: string, changes: UserChanges): Promise<unknown> =>
    register().transactions.run(() => register().users.update(name, changes));

  it('locks all users and returns them as listed', async () => {
    await insert(aUser());
    const locked = await register().transactions.run(() => register().users.lockAll());
    expect(locked).toEqual(await register().users.list());
  });

  it('updates only the given fields', async () => {
    const name = randomUUID();
    await newContexts(`${name}x`, `${name}y`);
    const other = aUser({ name: `${name}other`, contexts: [`${name}x`] });
    for (const user of [aUser({ name, contexts: [`${name}x`] }), other]) await insert(user);
    const changes = { role: 'admin', contexts: [`${name}y`], enabled: false } as const;
    expect(await update(name, changes)).toBeUndefined();
    expect(await listed(name)).toEqual([aUser({ name, ...changes }), other]);
    expect(await update(name, { enabled: true })).toBeUndefined();
    expect(await listed(name)).toEqual([aUser({ name, ...changes, enabled: true }), other]);
    expect(await update(name, { contexts: [] })).toBeUndefined();
    expect(await listed(name)).toEqual([aUser({ name, ...changes, enabled: true, contexts: [] }), other]);
  });

  it('returns the contexts that do not exist and updates nothing', async () => {
    const name = randomUUID();
    await newContexts(name);
    const user = aUser({ name, contexts: [name] });
    await insert(user);
    expect(await update(name, { role: 'admin', contexts: [name, 'nowhere'] })).toEqual(['nowhere']);
    expect(await listed(name)).toEqual([user]);
  });

  it('deletes a user and its tokens', async () => {
    const [user, other] = [aUser(), aUser()];
    const insertToken = ({ name }: User, hash: string): Promise<unknown> =>
      register().transactions.run(() =>
        register().tokens.insert(
          { user: name, label: '', scope: 'read', expiresAt: null, allowedIps: [], createdAt: 0 },
          hash,
        ),
      );
    for (const each of [user, other]) {
      await insert(each);
      await insertToken(each, each.name);
    }
    await register().transactions.run(() => register().users.delete(user.name));
    expect(await listed(user.name)).toEqual([]);
    expect(await listed(other.name)).toEqual([other]);
    expect(await register().tokens.findByHash(user.name, 'default')).toBeUndefined();
    expect(await register().tokens.findByHash(other.name, 'default')).toMatchObject({ userName: other.name });
    expect(await insertToken(user, randomUUID())).toBe('unknown_user');
  });

  it('writes nothing once its transaction has ended without awaiting it', async () => {
    const user = aUser();
    let stray: Promise<unknown> | undefined;
    const undone = register().transactions.run(async () => {
      stray = register()
        .users.insert(user)
        .catch(() => undefined);
      throw new Error('made to fail');
    });
    await expect(undone).rejects.toThrow('made to fail');
    await stray;
    expect(await listed(user.name)).toEqual([]);
  });

  itRefusesWritesOutsideTransactions(async () => {
    const user = aUser();
    await insert(user);
    const { users } = register();
    return {
      read: () => users.list(),
      writes: [
        () => users.insert(aUser()),
        () => users.update(user.name, { role: 'admin' }),
        () => users.delete(user.name),
      ],
    };
  });
}
