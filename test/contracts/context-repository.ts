import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { Register } from '../support/register.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

export function contextRepositoryContract(register: () => Register): void {
  const insert = (name: string, enabled = true): Promise<boolean> =>
    register().transactions.run(() =>
      register().contexts.insert({ name, enabled, createdAt: 1_764_000_000_123 }),
    );

  it('lists what was inserted, by name', async () => {
    const prefix = randomUUID();
    expect(await insert(`${prefix}b`, false)).toBe(true);
    expect(await insert(`${prefix}a`)).toBe(true);
    const listed = (await register().contexts.list()).filter(({ name }) => name.startsWith(prefix));
    expect(listed).toEqual([
      { name: `${prefix}a`, enabled: true, createdAt: 1_764_000_000_123 },
      { name: `${prefix}b`, enabled: false, createdAt: 1_764_000_000_123 },
    ]);
  });

  it('refuses a name that is taken, in this exact case', async () => {
    const name = randomUUID();
    expect(await insert(name)).toBe(true);
    expect(await insert(name, false)).toBe(false);
    expect(await insert(name.toUpperCase())).toBe(true);
    expect((await register().contexts.list()).find((context) => context.name === name)?.enabled).toBe(true);
  });

  itRefusesWritesOutsideTransactions(async () => ({
    read: () => register().contexts.list(),
    writes: [() => register().contexts.insert({ name: randomUUID(), enabled: true, createdAt: 0 })],
  }));
}
