import { expect, it } from '@jest/globals';
import type { ContextId } from '../../src/identity/domain/principal.js';
import type { Register } from '../support/register.js';
import { ids, IpMappingHarness, NEWEST, T } from './ip-mapping-harness.js';

export function ipMappingPurgingContract(register: () => Register): void {
  const { run, context, add, destroy, record, addRecorded, nextBlock, place, ofCustomer } =
    new IpMappingHarness(register);

  /** Counts the changes of a network. */
  const states = async (of: ContextId, network: string): Promise<number> => {
    const found = await register().mappingFeed.changes(of, { block: 0, id: 0 }, NEWEST, 1000);
    return found.filter(({ state }) => state.network.text === network).length;
  };

  it('purges the mappings of customers, except those with a later version', async () => {
    const [here, there] = [await context(), await context()];
    await place(await nextBlock());
    const block = await nextBlock();
    await addRecorded(here, '192.0.2.1', { customerId: 1 }, 'updated');
    await addRecorded(here, '192.0.2.2', { customerId: 1 });
    await addRecorded(here, '192.0.2.3', { customerId: 1 }, 'deleted'); // left to purgeDeleted
    const late = await addRecorded(here, '192.0.2.4', { customerId: 2 });
    const unsealed = await addRecorded(here, '192.0.2.5', { customerId: 3 });
    await addRecorded(here, '192.0.2.6', { customerId: 3 });
    await addRecorded(here, '192.0.2.7', { customerId: 4 });
    await addRecorded(there, '192.0.2.1', { customerId: 1 });
    await place(block);
    await record(here, 'updated', { ...late, updatedAt: T + 5 });
    await place(block + 1);
    await record(here, 'updated', { ...unsealed, updatedAt: T + 5 });

    const left = async (): Promise<number[]> => {
      const counts = [1, 2, 3, 4, 5, 6, 7].map((n) => states(here, `192.0.2.${n}`));
      return [...(await Promise.all(counts)), await states(there, '192.0.2.1')];
    };
    const purge = async (customerIds: number[], through: number): Promise<number[]> => {
      const customers = customerIds.map((id) => ({ context: here, id }));
      const purged = await run(() => register().mappingVersions.purgeOf(customers, through));
      expect(purged.every((customer) => customer.context === here)).toBe(true);
      return ids(purged);
    };
    expect(await left()).toEqual([2, 1, 2, 2, 1, 1, 1, 1]);
    expect(await purge([1, 2, 3, 5], block - 1)).toEqual([5]); // customer 5 has no mappings
    expect(await left()).toEqual([2, 1, 2, 2, 1, 1, 1, 1]);
    expect(await purge([3, 1, 2, 5], block)).toEqual([1, 5]);
    expect(await left()).toEqual([0, 0, 2, 2, 1, 1, 1, 1]);
    expect(await purge([1, 2, 3], block + 1)).toEqual([1, 2]);
    expect(await left()).toEqual([0, 0, 2, 0, 1, 1, 1, 1]);
    for (const [customerId, count] of [
      [1, 0],
      [2, 0],
      [3, 2],
      [4, 1],
    ] as const) {
      expect(await ofCustomer(here, customerId)).toHaveLength(count);
    }
    expect(await ofCustomer(there)).toHaveLength(1);
    expect(await purge([], block)).toEqual([]);
  });

  it('purges deleted mappings a batch at a time', async () => {
    const { mappingVersions } = register();
    const purge = (through: number, after = 0, limit = 10_000) =>
      run(() => mappingVersions.purgeDeleted(through, after, limit));
    const here = await context();
    const earlier = await nextBlock();
    await place(earlier);
    await purge(earlier);
    const block = await nextBlock();
    for (const n of [1, 2, 3, 4]) await addRecorded(here, `192.0.2.${n}`, {}, 'updated', 'deleted');
    const kept = await addRecorded(here, '192.0.2.5', {}, 'updated');
    const [late, unsealed] = [
      await addRecorded(here, '192.0.2.6', {}),
      await addRecorded(here, '192.0.2.7', {}),
    ];
    await place(block);
    await record(here, 'deleted', { ...late, updatedAt: T + 1 });
    await place(block + 1);
    await record(here, 'deleted', { ...unsealed, updatedAt: T + 1 });
    const left = async (): Promise<string> =>
      (await Promise.all([1, 2, 3, 4, 5, 6, 7].map((n) => states(here, `192.0.2.${n}`)))).join('');
    expect(await left()).toBe('3333221');
    expect(await purge(block - 1)).toEqual({ mappings: 0, next: undefined });
    expect(await left()).toBe('3333221');
    const first = await purge(block, 0, 2);
    expect(first).toEqual({ mappings: 2, next: expect.any(Number) });
    expect(await left()).toBe('0033221');
    const second = await purge(block, first.next, 2);
    expect(second.next).toBeGreaterThan(Number(first.next));
    expect(second.mappings).toBe(2);
    expect(await left()).toBe('0000221');
    expect(await purge(block, second.next, 2)).toEqual({ mappings: 0, next: undefined });
    expect(await purge(block + 1)).toEqual({ mappings: 1, next: undefined });
    expect(await left()).toBe('0000201');
    expect(ids(await ofCustomer(here))).toContain(kept.id);
  });

  it('refuses to delete a context that has mappings or versions, but not once they are purged', async () => {
    const { contexts, mappingVersions, mappings } = register();
    const names = async (): Promise<string[]> => (await contexts.list()).map(({ name }) => name);
    const before = await names();
    const here = await context();
    const [name = ''] = (await names()).filter((each) => !before.includes(each));
    const remove = (): Promise<boolean> => run(() => contexts.delete(name));
    const mapping = await add(here, '192.0.2.1');
    await run(() => mappings.guard(here, T));
    expect(await remove()).toBe(false);
    await destroy(here, mapping.id);
    await record(here, 'deleted', mapping);
    expect(await remove()).toBe(false);
    expect(await run(() => mappings.guard(here, T))).toBe(T + 1);
    const block = await nextBlock();
    await place(block);
    await run(() => mappingVersions.purgeDeleted(block, 0, 10_000));
    expect(await remove()).toBe(true);
    expect(await names()).toEqual(before);
  });
}
