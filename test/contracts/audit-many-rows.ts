import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { AuditEntry, RecordedEntry } from '../../src/history/domain/audit-entry.js';
import { nonce } from '../../src/shared/nonce.js';
import type { Register } from '../support/register.js';

function many(contextName: string, count: number, details = '{}'): AuditEntry[] {
  return Array.from({ length: count }, (_, n) => ({
    at: 1_764_000_000_000 + n,
    action: 'customer.created',
    userName: 'asha',
    tokenId: 7,
    tokenLabel: null,
    address: '192.0.2.1',
    contextName,
    userId: `M${n}`,
    details,
    nonce: nonce(),
  }));
}

export function auditManyRowsContract(register: () => Register): void {
  const insert = (entries: readonly AuditEntry[]): Promise<void> =>
    register().transactions.run(() => register().audit.insert(entries));
  /** The entries of a context, the oldest first. */
  const kept = async (contextName: string): Promise<RecordedEntry[]> => {
    const found = await register().audit.page({ contextName }, undefined, 10_000);
    return found.sort((a, b) => a.id - b.id);
  };
  const recorded = (entries: readonly AuditEntry[]): object[] =>
    entries.map((entry) => ({ ...entry, id: expect.any(Number), block: null }));

  it.each([0, 2, 5000])('keeps %i entries in the order of the list', async (count) => {
    const contextName = randomUUID();
    const entries = many(contextName, count);
    await insert(entries);
    expect(await kept(contextName)).toEqual(recorded(entries));
  });

  it('keeps more than one packet of a database takes', async () => {
    const contextName = randomUUID();
    const entries = many(contextName, 300, `'`.repeat(60_000));
    await insert(entries);
    expect(await kept(contextName)).toEqual(recorded(entries));
  });
}
