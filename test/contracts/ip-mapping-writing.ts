import { expect, it } from '@jest/globals';
import { toTerminalId, type RecordedMapping } from '../../src/ip-mappings/domain/ip-mapping.js';
import { Gate } from '../support/gate.js';
import { principal } from '../support/principal.js';
import type { Register } from '../support/register.js';
import { aMapping, END, fail, IpMappingHarness, listed, NEWEST, ODD, T } from './ip-mapping-harness.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

export function ipMappingWritingContract(register: () => Register): void {
  const {
    run,
    context,
    insert,
    add,
    update,
    destroy,
    record,
    addRecorded,
    nextBlock,
    place,
    ofCustomer,
    conflicting,
    holding,
    historyOf,
    within,
    page,
    all,
  } = new IpMappingHarness(register);

  it('stores every field of a mapping as given', async () => {
    const here = await context();
    const added = [
      await add(here, '192.168.1.25/16', [1_723_431_899, 1_723_444_900], {
        terminalId: toTerminalId('TERM12345'),
      }),
      await add(here, '2001:DB8:0:0::192.0.2.33/32', [0, null], { terminalId: ODD }),
      await add(here, '::ffff:10.0.0.1', [END - 1, END], { terminalId: toTerminalId('😀'.repeat(64)) }),
      await add(here, '200.0.0.0/1', [0, END]),
      await add(here, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', [END - 1, null], { updatedAt: T + 999 }),
    ];
    expect(await ofCustomer(here)).toEqual(added);
    expect(await page(here)).toEqual(added.map(listed));
    expect(await all(here)).toEqual(added.map(listed));
    for (const { address, second, holder } of [
      { address: '192.168.255.255', second: 1_723_431_899, holder: added[0] },
      { address: '2001:db8:1::', second: 7, holder: added[1] },
      { address: '192.0.2.1', second: END - 1, holder: added[3] },
      { address: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', second: END - 1, holder: added[4] },
    ]) {
      expect(await holding(here, address, second)).toContainEqual(holder);
    }
    const [first, ...others] = added as [RecordedMapping];
    const changed = {
      ...aMapping('2001:db8::7/127', [3, null]),
      id: first.id,
      customerId: 2 ** 31 - 1,
      terminalId: toTerminalId('é'),
      updatedAt: T + 1,
    };
    expect(await update(here, changed)).toBe(true);
    expect(await ofCustomer(here)).toEqual(others);
    expect(await ofCustomer(here, changed.customerId)).toEqual([changed]);
    expect(await holding(here, '2001:db8::6', 3)).toContainEqual(changed);
    expect(await holding(here, '192.168.0.1', 1_723_431_899)).toEqual([added[3]]);
  });

  it('returns the mappings of a customer by ascending id', async () => {
    const here = await context();
    const [late, other, early] = [
      await add(here, '192.0.2.9', [9, null]),
      await add(here, '192.0.2.5', [0, 5], { customerId: 2 }),
      await add(here, '192.0.2.1', [0, 9]),
    ];
    expect(await ofCustomer(here)).toEqual([late, early]);
    expect(await run(() => ofCustomer(here, 2))).toEqual([other]);
    expect(await ofCustomer(here, 3)).toEqual([]);
  });

  it('finds a mapping of a customer even while another transaction changes it', async () => {
    const here = await context();
    const [mine, theirs] = [
      await add(here, '192.0.2.1'),
      await add(here, '192.0.2.2', [5, 9], { customerId: 2 }),
    ];
    const { mappings } = register();
    for (const { of, customerId, id, expected } of [
      { of: here, customerId: 1, id: mine.id, expected: mine },
      { of: here, customerId: 2, id: theirs.id, expected: theirs },
      { of: here, customerId: 1, id: theirs.id, expected: undefined },
      { of: here, customerId: 1, id: theirs.id + 1, expected: undefined },
      { of: await context(), customerId: 1, id: mine.id, expected: undefined },
    ]) {
      expect(await mappings.find(of, customerId, id)).toEqual(expected);
    }
    const [begun, found] = [new Gate(), new Gate()];
    const changed = { ...mine, terminalId: toTerminalId('changed'), updatedAt: T + 1 };
    const changing = run(async () => {
      await update(here, changed);
      expect(await mappings.find(here, 1, mine.id)).toEqual(changed);
      begun.open();
      await found.passed;
    });
    await begun.passed;
    expect(await mappings.find(here, 1, mine.id).finally(found.open)).toEqual(mine);
    await changing;
    expect(await mappings.find(here, 1, mine.id)).toEqual(changed);
  });

  it('deletes a mapping and never reuses its id', async () => {
    const here = await context();
    const [kept, deleted] = [await add(here, '192.0.2.1'), await add(here, '192.0.2.2')];
    await destroy(here, deleted.id);
    await destroy(here, deleted.id);
    expect(await ofCustomer(here)).toEqual([kept]);
    expect(await holding(here, '192.0.2.2', 0)).toEqual([]);
    const again = await add(here, '192.0.2.2');
    expect(again.id).toBeGreaterThan(deleted.id);
  });

  it('neither changes nor returns a mapping of another context', async () => {
    const [here, there] = [await context(), await context()];
    const mine = await add(here, '192.0.2.0/24');
    const theirs = await add(there, '192.0.2.0/24', [0, null], { terminalId: toTerminalId('T') });
    const hidden = await add(there, '198.51.100.0/24', [0, null], { customerId: 2 });
    await record(here, 'created', mine);
    for (const mapping of [theirs, hidden]) await record(there, 'created', mapping);

    expect(await update(here, { ...hidden, terminalId: toTerminalId('captured') })).toBe(true);
    await destroy(here, hidden.id);
    expect(await conflicting(here, aMapping('198.51.100.7'))).toBeUndefined();
    expect(await conflicting(here, aMapping('0.0.0.0/1', [0, null], { customerId: 1 }))).toBeUndefined();
    for (const { of, held, other } of [
      { of: here, held: [mine], other: [] },
      { of: there, held: [theirs], other: [hidden] },
    ]) {
      expect(await ofCustomer(of)).toEqual(held);
      expect(await ofCustomer(of, 2)).toEqual(other);
      for (const at of [undefined, T]) {
        expect(await holding(of, '192.0.2.7', 0, at)).toEqual(held);
        expect(await holding(of, '198.51.100.7', 0, at)).toEqual(other);
      }
      expect(await historyOf(of, '192.0.2.7', [0, null])).toEqual(held);
      expect(await historyOf(of, '198.51.100.7', [0, null])).toEqual(other);
      expect(await within(of, '192.0.2.0/23')).toEqual(held);
      expect(await within(of, '198.51.100.7')).toEqual(other);
      expect(await page(of)).toEqual([...held, ...other].map(listed));
      expect(await page(of, 2)).toEqual(other.map(listed));
      expect(await all(of)).toEqual([...held, ...other].map(listed));
      expect(await all(of, 2)).toEqual(other.map(listed));
    }
  });

  it('refuses a duplicate, even one with another terminal', async () => {
    const here = await context();
    const [open, ended, other] = [
      await add(here, '192.0.2.0/24', [10, null], { terminalId: toTerminalId('T') }),
      await add(here, '192.0.2.0/24', [10, 20]),
      await add(here, '192.0.2.0/25', [10, null]),
    ];
    for (const [network, period] of [
      ['192.0.2.0/24', [10, null]],
      ['192.0.2.77/24', [10, null]],
      ['::ffff:192.0.2.0/120', [10, null]],
      ['192.0.2.0/24', [10, 20]],
    ] as const) {
      const duplicate = aMapping(network, period, { updatedAt: T + 1, terminalId: toTerminalId('other') });
      await run(async () => {
        expect(await register().mappings.insert(here, duplicate)).toBeUndefined();
        expect(await register().mappings.update(here, { ...duplicate, id: other.id })).toBe(false);
      });
    }
    expect(await ofCustomer(here)).toEqual([open, ended, other]);

    // The transaction goes on and keeps its other writes.
    const added = await run(async () => {
      const first = await add(here, '192.0.2.1');
      expect(await insert(here, aMapping('192.0.2.1'))).toBeUndefined();
      return [first, await add(here, '192.0.2.2')];
    });
    // A mapping is not a duplicate of itself.
    const changed = { ...open, terminalId: toTerminalId('changed'), updatedAt: T + 5 };
    expect(await update(here, changed)).toBe(true);
    expect(await ofCustomer(here)).toEqual([changed, ended, other, ...added]);
  });

  it('accepts mappings that differ only in network, validity or customer', async () => {
    const here = await context();
    const period = [10, END] as const;
    const added = [
      await add(here, '192.0.2.0/24', period),
      await add(here, '192.0.2.0/25', period),
      await add(here, '192.0.2.128/25', period),
      await add(here, '192.0.2.0/24', [11, END]),
      await add(here, '192.0.2.0/24', [10, END - 1]),
      await add(here, '192.0.2.0/24', [10, null]),
    ];
    expect(await ofCustomer(here)).toEqual(added);
    const others = await add(here, '192.0.2.0/24', period, { customerId: 2 });
    expect(await ofCustomer(here, 2)).toEqual([others]);
  });

  it('rolls back every write of a failed transaction', async () => {
    const here = await context();
    const kept = await add(here, '192.0.2.0/24');
    const transaction = run(async () => {
      await register().mappings.guard(here, T);
      const mapping = await add(here, '192.0.2.1', [0, null], { customerId: 2 });
      await record(here, 'created', mapping);
      await update(here, { ...kept, terminalId: toTerminalId('changed') });
      expect(await holding(here, '192.0.2.1', 0)).toHaveLength(2);
      expect(await holding(here, '192.0.2.1', 0, T)).toEqual([mapping]);
      await destroy(here, kept.id);
      return fail();
    });
    await expect(transaction).rejects.toThrow('made to fail');
    expect(await page(here)).toEqual([listed(kept)]);
    expect(await holding(here, '192.0.2.1', 0)).toEqual([kept]);
    expect(await holding(here, '192.0.2.1', 0, T)).toEqual([]);
  });

  itRefusesWritesOutsideTransactions(async () => {
    const here = await context();
    const mapping = await add(here, '192.0.2.1');
    await record(here, 'created', mapping);
    await addRecorded(here, '192.0.2.9', { customerId: 2 }, 'deleted');
    const block = await nextBlock();
    await place(block);
    const { mappingFeed, mappingVersions, mappings } = register();
    return {
      read: async () => [await page(here), await mappingFeed.changes(here, { block: 0, id: 0 }, NEWEST, 100)],
      writes: [
        () => mappings.guard(here, T),
        () => mappings.insert(here, aMapping('192.0.2.2')),
        () => mappings.update(here, { ...mapping, terminalId: toTerminalId('T') }),
        () => mappings.delete(here, mapping.id),
        () => mappingVersions.insert(principal(here), 'updated', { ...mapping, updatedAt: T + 1 }),
        () => mappingVersions.purgeOf([{ context: here, id: 1 }], block),
        () => mappingVersions.purgeDeleted(block, 0, 10_000),
      ],
    };
  });
}
