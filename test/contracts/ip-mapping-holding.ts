import { NO_TERMINAL, toTerminalId } from '../../src/ip-mappings/domain/ip-mapping.js';
import { expect, it } from '@jest/globals';
import { IpAddress, IpNetwork } from '../../src/ip-mappings/domain/ip-network.js';
import { Validity } from '../../src/ip-mappings/domain/validity.js';
import type { Register } from '../support/register.js';
import { aMapping, END, IpMappingHarness, type Period, T } from './ip-mapping-harness.js';

export function ipMappingHoldingContract(register: () => Register): void {
  const { context, add, addMany, destroy, record, holding, historyOf } = new IpMappingHarness(register);

  it('finds every mapping that holds an address, including nested ones', async () => {
    const here = await context();
    const added = [
      await add(here, '192.0.2.1'),
      await add(here, '192.0.2.0/24'),
      await add(here, '192.0.2.77/30'),
      await add(here, '192.0.0.0/8'),
      await add(here, '128.0.0.0/1'),
      await add(here, '::c000:0/97'),
      await add(here, '2001:db8::/32'),
      await add(here, '2001:db8::1'),
      await add(here, '8000::/1'),
    ];
    for (const { address, holders } of [
      { address: '192.0.2.1', holders: [0, 1, 3, 4] },
      { address: '::ffff:192.0.2.1', holders: [0, 1, 3, 4] },
      { address: '192.0.2.0', holders: [1, 3, 4] },
      { address: '192.0.2.255', holders: [1, 3, 4] },
      { address: '192.0.1.255', holders: [3, 4] },
      { address: '192.0.3.0', holders: [3, 4] },
      { address: '192.0.2.75', holders: [1, 3, 4] },
      { address: '192.0.2.76', holders: [1, 2, 3, 4] },
      { address: '192.0.2.79', holders: [1, 2, 3, 4] },
      { address: '192.0.2.80', holders: [1, 3, 4] },
      { address: '191.255.255.255', holders: [4] },
      { address: '255.255.255.255', holders: [4] },
      { address: '127.255.255.255', holders: [] },
      { address: '::c000:201', holders: [5] },
      { address: '2001:db8::', holders: [6] },
      { address: '2001:db8::1', holders: [6, 7] },
      { address: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', holders: [6] },
      { address: '2001:db9::', holders: [] },
      { address: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', holders: [8] },
    ]) {
      const mappings = holders.map((n) => added[n]);
      expect({ address, found: await holding(here, address, 0) }).toEqual({ address, found: mappings });
    }
  });

  it('finds who holds an address to the second', async () => {
    const here = await context();
    await add(here, '192.0.2.0/31', [0, 10], { customerId: 1 });
    await add(here, '192.0.2.1', [10, 11], { customerId: 2 });
    await add(here, '192.0.2.0/31', [11, 20], { customerId: 3 });
    await add(here, '192.0.2.1', [21, END - 1], { customerId: 4 });
    await add(here, '192.0.2.0/31', [END - 1, END], { customerId: 5 });
    await add(here, '192.0.2.9', [5, null]);
    for (const [second, expected] of [
      [0, 1],
      [9, 1],
      [10, 2],
      [11, 3],
      [19, 3],
      [20, undefined],
      [21, 4],
      [END - 2, 4],
      [END - 1, 5],
    ] as const) {
      const found = await holding(here, '192.0.2.1', second);
      expect([second, found.map(({ customerId }) => customerId)]).toEqual([
        second,
        expected === undefined ? [] : [expected],
      ]);
    }
    expect(await holding(here, '192.0.2.9', 4)).toEqual([]);
    for (const second of [5, END - 1]) expect(await holding(here, '192.0.2.9', second)).toHaveLength(1);
  });

  it('finds who held an address as known at a given millisecond', async () => {
    const here = await context();
    const created = await add(here, '192.0.2.0/24', [10, null], { terminalId: toTerminalId('T') });
    const ended = { ...created, validity: Validity.between(10, 20), updatedAt: T + 10 };
    const network = IpNetwork.parse('198.51.100.7/25');
    const renumbered = { ...ended, network, customerId: 2, terminalId: NO_TERMINAL, updatedAt: T + 20 };
    await record(here, 'created', created);
    await record(here, 'updated', ended);
    await record(here, 'updated', renumbered);
    await record(here, 'deleted', { ...renumbered, updatedAt: T + 30 });
    // The present row still holds the old network: only versions count.
    const [old, renewed] = ['192.0.2.77', '198.51.100.127'];
    for (const { at, address, second, expected } of [
      { at: 0, address: old, second: 10, expected: undefined },
      { at: T - 1, address: old, second: 10, expected: undefined },
      { at: T, address: old, second: 9, expected: undefined },
      { at: T, address: old, second: 10, expected: created },
      { at: T, address: old, second: 20, expected: created },
      { at: T + 9, address: old, second: END - 1, expected: created },
      { at: T + 10, address: old, second: 19, expected: ended },
      { at: T + 10, address: old, second: 20, expected: undefined },
      { at: T + 19, address: old, second: 10, expected: ended },
      { at: T + 19, address: renewed, second: 10, expected: undefined },
      { at: T + 20, address: old, second: 10, expected: undefined },
      { at: T + 20, address: renewed, second: 10, expected: renumbered },
      { at: T + 20, address: renewed, second: 20, expected: undefined },
      { at: T + 29, address: renewed, second: 19, expected: renumbered },
      { at: T + 30, address: renewed, second: 19, expected: undefined },
      { at: T + 9999, address: renewed, second: 19, expected: undefined },
      { at: T + 9999, address: old, second: 10, expected: undefined },
    ]) {
      const found = await holding(here, address, second, at);
      const mappings = expected === undefined ? [] : [expected];
      expect({ at, address, second, found }).toEqual({ at, address, second, found: mappings });
    }
    expect(await holding(here, old, 30)).toEqual([created]);
    await destroy(here, created.id);
    expect(await holding(here, old, 30)).toEqual([]);
    expect(await holding(here, old, 30, T)).toEqual([created]);
  });

  it('finds every holder known at a time, each in its version of that time', async () => {
    const here = await context();
    const [wide, narrow] = [await add(here, '10.0.0.0/8'), await add(here, '10.0.0.1')];
    await record(here, 'created', wide);
    await record(here, 'created', { ...narrow, updatedAt: T + 5 });
    // Versions are ordered by their time, not by when they were recorded, and independently of other mappings.
    const later = { ...wide, terminalId: toTerminalId('later'), updatedAt: T + 10 };
    const between = { ...wide, terminalId: toTerminalId('between'), updatedAt: T + 7 };
    await record(here, 'updated', later);
    await record(here, 'updated', between);
    const known = async (at: number): Promise<string[]> =>
      (await holding(here, '10.0.0.1', 0, at)).map(({ network, terminalId }) => network.text + terminalId);
    expect(await known(T)).toEqual(['10.0.0.0/8']);
    expect(await known(T + 5)).toEqual(['10.0.0.0/8', '10.0.0.1']);
    expect(await known(T + 9)).toEqual(['10.0.0.0/8between', '10.0.0.1']);
    expect(await known(T + 10)).toEqual(['10.0.0.0/8later', '10.0.0.1']);
    await record(here, 'deleted', { ...later, updatedAt: T + 11 });
    expect(await known(T + 11)).toEqual(['10.0.0.1']);
  });

  it('refuses a second version of a mapping for the same time', async () => {
    const here = await context();
    const mapping = await add(here, '192.0.2.1');
    await record(here, 'created', mapping);
    await expect(record(here, 'updated', { ...mapping, terminalId: toTerminalId('T') })).rejects.toThrow();
    expect(await holding(here, '192.0.2.1', 0, T)).toEqual([mapping]);
  });

  it('returns the holders of an address within a period by when they began', async () => {
    const here = await context();
    await add(here, '192.0.2.1', [30, null], { customerId: 1 });
    await add(here, '192.0.2.0/24', [10, 20], { customerId: 2 });
    await add(here, '192.0.2.2', [10, 20], { customerId: 3 });
    await add(here, '192.0.0.0/16', [0, 10], { customerId: 4 });
    await add(here, '192.0.2.1', [10, 15], { customerId: 5 });
    await add(here, '::c000:201', [0, null], { customerId: 6 });
    const history = async (...period: Period): Promise<string> =>
      (await historyOf(here, '192.0.2.1', period)).map(({ customerId }) => customerId).join('');
    expect(await history(0, null)).toBe('4251');
    expect(await history(0, 10)).toBe('4');
    expect(await history(0, 11)).toBe('425');
    expect(await history(9, 10)).toBe('4');
    expect(await history(10, 30)).toBe('25');
    expect(await history(15, 31)).toBe('21');
    expect(await history(19, 20)).toBe('2');
    expect(await history(20, 30)).toBe('');
    expect(await history(20, null)).toBe('1');
    expect(await history(END - 1, null)).toBe('1');
    expect(await historyOf(here, '::ffff:192.0.2.1', [0, null])).toHaveLength(4);
    expect(await historyOf(here, '::c000:201', [0, null])).toHaveLength(1);
  });

  it('answers many queries at once, in their order', async () => {
    const here = await context();
    const SIZE_OF_EACH = 40;
    const texts = ['192.0.2.', '2001:db8::'];
    const mappings = Array.from({ length: SIZE_OF_EACH }, (_, n) =>
      texts.map((text) => aMapping(`${text}${n}`, [n, n + 10], { customerId: n + 1 })),
    ).flat();
    // Each holds many of the addresses, but later.
    const wide = [aMapping('192.0.2.0/27', [1000, null]), aMapping('2001:db8::/123', [1000, null])];
    const added = await addMany(here, [...mappings, ...wide]);
    for (const mapping of added) await record(here, 'created', mapping);

    const moments = Array.from({ length: 300 }, (_, n) => {
      const at = (n * 7) % SIZE_OF_EACH;
      const text = `${texts[n % 2]}${at}`;
      return {
        text,
        address: IpAddress.parse(text),
        second: [at, at + 9, at + 10, at - 1, 1000][n % 5] ?? 0,
      };
    });
    const expected = moments.map(({ address, second }) =>
      added.filter(({ network, validity }) => network.holds(address) && validity.holds(second)),
    );
    expect(new Set(expected.map(({ length }) => length))).toEqual(new Set([0, 1]));
    for (const [at, answers] of [
      [undefined, expected],
      [T, expected],
      [T - 1, expected.map(() => [])],
    ] as const) {
      for (const count of [moments.length, 129, 128, 2, 1, 0]) {
        const found = await register().holdings.holding(here, moments.slice(0, count), at);
        expect(found).toEqual(answers.slice(0, count));
      }
    }
    expect(await register().holdings.holding(await context(), moments)).toEqual(moments.map(() => []));
  });
}
