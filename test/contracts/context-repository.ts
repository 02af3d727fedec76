import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { Context } from '../../src/access/application/access.repositories.js';
import { toUserId } from '../../src/customers/domain/customer.js';
import { newContext, type Register } from '../support/register.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

export function contextRepositoryContract(register: () => Register): void {
  const run = <T>(work: () => Promise<T>): Promise<T> => register().transactions.run(work);
  const aContext = (fields: Partial<Context> = {}): Context => ({
    name: randomUUID(),
    aliases: [],
    enabled: true,
    createdAt: 1_764_000_000_123,
    ...fields,
  });
  const insert = (context: Context): Promise<boolean> => run(() => register().contexts.insert(context));
  const listed = async (prefix: string): Promise<Context[]> =>
    (await register().contexts.list()).filter(({ name }) => name.startsWith(prefix));
  /** Rolls back a refused update, as the services do. */
  const update = (name: string, context: Context): Promise<unknown> =>
    run(async () => {
      if (!(await register().contexts.update(name, context))) throw new Error('taken');
    });

  it('lists contexts and their aliases by name', async () => {
    const prefix = randomUUID();
    const a = aContext({ name: `${prefix}a`, aliases: [`${prefix}x`, `${prefix}y`] });
    const b = aContext({ name: `${prefix}b`, enabled: false });
    expect(await insert(b)).toBe(true);
    expect(await insert({ ...a, aliases: a.aliases.toReversed() })).toBe(true);
    expect(await listed(prefix)).toEqual([a, b]);
  });

  it('refuses a name or alias of another context, in this exact case', async () => {
    const context = aContext({ aliases: [randomUUID()] });
    const [alias = ''] = context.aliases;
    expect(await insert(context)).toBe(true);
    for (const name of [context.name, alias]) {
      expect(await insert(aContext({ name }))).toBe(false);
      expect(await insert(aContext({ name: name.toUpperCase() }))).toBe(true);
    }
    expect(await listed(context.name)).toEqual([context]);
  });

  it('locks all contexts and returns them as listed', async () => {
    await insert(aContext({ aliases: [randomUUID()] }));
    const locked = await run(() => register().contexts.lockAll());
    expect(locked).toEqual(await register().contexts.list());
  });

  it('updates the name, the aliases and the state of a context', async () => {
    const prefix = randomUUID();
    const before = aContext({ name: `${prefix}a`, aliases: [`${prefix}b`] });
    const other = aContext({ name: `${prefix}other` });
    const user = {
      name: prefix,
      role: 'reader',
      contexts: [before.name],
      enabled: true,
      createdAt: 0,
    } as const;
    for (const context of [before, other]) await insert(context);
    await run(() => register().users.insert(user));
    const after = { ...before, name: `${prefix}b`, aliases: [`${prefix}a`, `${prefix}c`], enabled: false };
    await update(before.name, after);
    expect(await listed(prefix)).toEqual([after, other]);
    const users = await register().users.list();
    expect(users.find(({ name }) => name === prefix)?.contexts).toEqual([after.name]);
    await update(after.name, { ...after, aliases: [] });
    expect(await insert(aContext({ name: `${prefix}a` }))).toBe(true);
  });

  it('refuses to rename a context to a name or alias of another', async () => {
    const prefix = randomUUID();
    const context = aContext({ name: `${prefix}a` });
    const other = aContext({ name: `${prefix}b`, aliases: [`${prefix}c`] });
    for (const each of [context, other]) await insert(each);
    for (const change of [{ name: other.name }, { name: `${prefix}c` }, { aliases: [`${prefix}c`] }]) {
      await expect(update(context.name, { ...context, ...change })).rejects.toThrow('taken');
    }
    expect(await listed(prefix)).toEqual([context, other]);
  });

  it('deletes an empty context with its aliases and grants', async () => {
    const context = aContext({ aliases: [randomUUID()] });
    await insert(context);
    const user = {
      name: context.name,
      role: 'reader',
      contexts: [context.name],
      enabled: true,
      createdAt: 0,
    } as const;
    await run(() => register().users.insert(user));
    expect(await run(() => register().contexts.delete(context.name))).toBe(true);
    expect(await listed(context.name)).toEqual([]);
    expect((await register().users.list()).find(({ name }) => name === user.name)?.contexts).toEqual([]);
    expect(await insert(aContext({ name: context.aliases[0] ?? '' }))).toBe(true);
  });

  it('keeps a context that is not empty', async () => {
    const id = await newContext(register());
    const details = { name: 'x', address: null, email: null, phoneNumber: null, altPhoneNumber: null };
    await run(() => register().customers.insert(id, { ...details, userId: toUserId('x'), updatedAt: 0 }));
    const before = await register().contexts.list();
    // The name of the context isn't known here, so try to delete each.
    const kept: string[] = [];
    for (const { name } of before) {
      const undone = run(async () => {
        if (!(await register().contexts.delete(name))) kept.push(name);
        throw new Error('undo');
      });
      await expect(undone).rejects.toThrow('undo');
    }
    expect(kept.length).toBeGreaterThan(0);
    expect(await register().contexts.list()).toEqual(before);
  });

  itRefusesWritesOutsideTransactions(async () => {
    const context = aContext();
    await insert(context);
    const { contexts } = register();
    return {
      read: () => contexts.list(),
      writes: [
        () => contexts.insert(aContext()),
        () => contexts.update(context.name, { ...context, enabled: false }),
        () => contexts.delete(context.name),
      ],
    };
  });
}
