import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ContextId, Principal } from '../../src/identity/domain/principal.js';
import { toUserId } from '../../src/customers/domain/customer.js';
import { seal, type SealedVersion } from '../../src/history/domain/audit-chain.js';
import { MAX_AHEAD_MS, type ListedMapping } from '../../src/ip-mappings/application/ip-mapping.repository.js';
import type { RecordedMapping } from '../../src/ip-mappings/domain/ip-mapping.js';
import { IpAddress, IpNetwork } from '../../src/ip-mappings/domain/ip-network.js';
import { Validity } from '../../src/ip-mappings/domain/validity.js';
import type { ChangeMade } from '../../src/versions/domain/version.js';
import { Gate } from '../support/gate.js';
import { principal } from '../support/principal.js';
import { newContext, type Register } from '../support/register.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

const T = 1_764_000_000_000;
/** The second behind the year 9999. */
const END = 253_402_300_800;
const NEWEST = Number.MAX_SAFE_INTEGER;
/** What a batch holds at most. */
const BATCH = 1000;
/** More than may read at once. */
const MANY_READERS = 20;

const ODD = ` O'Brien "Óscar" \\ \\0 100 %_ 😀 end `;

type Fields = Partial<Omit<RecordedMapping, 'id' | 'network' | 'validity'>>;
type New = Omit<RecordedMapping, 'id'>;

/** @param period its first second, and the first behind it */
function aMapping(network: string, [from, to]: Period = [0, null], fields: Fields = {}): New {
  return {
    ...{ customerId: 1, network: IpNetwork.parse(network), validity: Validity.between(from, to) },
    ...{ terminalId: '', updatedAt: T, ...fields },
  };
}

type Period = readonly [from: number, to: number | null];

function listed({ id, customerId, network, validity, terminalId }: RecordedMapping): ListedMapping {
  const { from, to } = validity;
  return { id, customerId, ipSubnet: network.text, from, to, terminalId };
}

const ids = (mappings: readonly { readonly id: number }[]): number[] => mappings.map(({ id }) => id);
const byId = (a: { readonly id: number }, b: { readonly id: number }): number => a.id - b.id;
const customersOf = (mappings: readonly RecordedMapping[]): number[] =>
  mappings.map(({ customerId }) => customerId).sort((a, b) => a - b);

export function ipMappingRepositoryContract(register: () => Register): void {
  const run = <T>(work: () => Promise<T>): Promise<T> => register().transactions.run(work);
  const context = (): Promise<ContextId> => newContext(register());
  const ignore = async (): Promise<void> => undefined;
  const fail = async (): Promise<never> => {
    throw new Error('made to fail');
  };
  /** Runs `work` in a transaction that is taken back. */
  const probe = async (work: () => Promise<void>): Promise<void> => {
    const done = new Error('done');
    const transaction = run(async () => {
      await work();
      throw done;
    });
    await expect(transaction).rejects.toBe(done);
  };

  const insert = (of: ContextId, mapping: New): Promise<number | undefined> =>
    run(async () => (await register().mappings.insert(of, [mapping])).ids[0]);
  const add = async (
    of: ContextId,
    network: string,
    period?: Period,
    fields?: Fields,
  ): Promise<RecordedMapping> => {
    const mapping = aMapping(network, period, fields);
    const id = await insert(of, mapping);
    if (id === undefined) throw new Error(`there is one already: ${network}`);
    return { id, ...mapping };
  };
  const addMany = (of: ContextId, mappings: readonly New[]): Promise<RecordedMapping[]> =>
    run(async () => {
      const added: RecordedMapping[] = [];
      for (const mapping of mappings) {
        added.push({ id: Number((await register().mappings.insert(of, [mapping])).ids[0]), ...mapping });
      }
      return added;
    });
  const update = (of: ContextId, mapping: RecordedMapping): Promise<boolean> =>
    run(() => register().mappings.update(of, mapping));
  const destroy = (of: ContextId, id: number): Promise<void> => run(() => register().mappings.delete(of, id));
  const record = (of: ContextId, change: ChangeMade, mapping: RecordedMapping): Promise<void> =>
    run(() => register().mappingVersions.insert(principal(of), change, [mapping]));

  const ofCustomer = (of: ContextId, customerId = 1): Promise<RecordedMapping[]> =>
    register().mappings.ofCustomer(of, customerId);
  const conflicting = (of: ContextId, mapping: New): Promise<RecordedMapping | undefined> =>
    run(() => register().mappings.conflicting(of, mapping));
  /** By ascending id. */
  const holding = async (
    of: ContextId,
    address: string,
    second: number,
    recordedAt?: number,
  ): Promise<RecordedMapping[]> => {
    const moment = { address: IpAddress.parse(address), second };
    const [found = []] = await register().holdings.holding(of, [moment], recordedAt);
    return found.sort(byId);
  };
  const historyOf = (of: ContextId, address: string, [from, to]: Period): Promise<RecordedMapping[]> =>
    register().holdings.historyOf(of, IpAddress.parse(address), Validity.between(from, to));
  const batchesWithin = (
    of: ContextId,
    network: string,
    [from, to]: Period = [0, null],
  ): AsyncGenerator<RecordedMapping[]> =>
    register().holdings.within(of, IpNetwork.parse(network), Validity.between(from, to));
  const rest = async <Row>(batches: AsyncGenerator<Row[]>): Promise<Row[]> => {
    const found: Row[] = [];
    for await (const batch of batches) {
      expect(batch).not.toEqual([]);
      found.push(...batch);
    }
    return found;
  };
  const within = (of: ContextId, network: string, period?: Period): Promise<RecordedMapping[]> =>
    rest(batchesWithin(of, network, period));
  /** What lists show, and no more. */
  const shown = (mappings: readonly ListedMapping[]): ListedMapping[] =>
    mappings.map(({ id, customerId, ipSubnet, from, to, terminalId }) => ({
      ...{ id, customerId, ipSubnet, from, to, terminalId },
    }));
  const page = async (
    of: ContextId,
    customerId?: number,
    after = 0,
    limit = 10_000,
  ): Promise<ListedMapping[]> => shown(await register().mappings.page(of, customerId, after, limit));
  const all = async (of: ContextId, customerId?: number, after = 0): Promise<ListedMapping[]> =>
    shown(await rest(register().mappings.all(of, customerId, after, ignore)));

  it('keeps mappings as they are given', async () => {
    const here = await context();
    const added = [
      await add(here, '192.168.1.25/16', [1_723_431_899, 1_723_444_900], { terminalId: 'TERM12345' }),
      await add(here, '2001:DB8:0:0::192.0.2.33/32', [0, null], { terminalId: ODD }),
      await add(here, '::ffff:10.0.0.1', [END - 1, END], { terminalId: '😀'.repeat(64) }),
      await add(here, '200.0.0.0/1', [0, END]),
      await add(here, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', [END - 1, null], { updatedAt: T + 999 }),
    ];
    expect(await ofCustomer(here)).toEqual(added);
    expect(await page(here)).toEqual(added.map(listed));
    expect(await all(here)).toEqual(added.map(listed));
    for (const [n, address, second] of [
      [0, '192.168.255.255', 1_723_431_899],
      [1, '2001:db8:1::', 7],
      [3, '192.0.2.1', END - 1],
      [4, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', END - 1],
    ] as const) {
      expect(await holding(here, address, second)).toContainEqual(added[n]);
    }
    const [first, ...others] = added as [RecordedMapping];
    const changed = {
      ...{ ...aMapping('2001:db8::7/127', [3, null]), id: first.id },
      ...{ customerId: 2 ** 31 - 1, terminalId: 'é', updatedAt: T + 1 },
    };
    expect(await update(here, changed)).toBe(true);
    expect(await ofCustomer(here)).toEqual(others);
    expect(await ofCustomer(here, changed.customerId)).toEqual([changed]);
    expect(await holding(here, '2001:db8::6', 3)).toContainEqual(changed);
    expect(await holding(here, '192.168.0.1', 1_723_431_899)).toEqual([added[3]]);
  });

  it('answers the mappings of a customer by ascending id', async () => {
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

  it('finds one of a customer, also while another transaction changes it', async () => {
    const here = await context();
    const [mine, theirs] = [
      await add(here, '192.0.2.1'),
      await add(here, '192.0.2.2', [5, 9], { customerId: 2 }),
    ];
    const { mappings } = register();
    for (const [of, customerId, id, expected] of [
      [here, 1, mine.id, mine],
      [here, 2, theirs.id, theirs],
      [here, 1, theirs.id, undefined],
      [here, 1, theirs.id + 1, undefined],
      [await context(), 1, mine.id, undefined],
    ] as const) {
      expect(await mappings.find(of, customerId, id)).toEqual(expected);
    }
    const [begun, found] = [new Gate(), new Gate()];
    const changed = { ...mine, terminalId: 'changed', updatedAt: T + 1 };
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

  it('deletes one, and never gives its id again', async () => {
    const here = await context();
    const [kept, gone] = [await add(here, '192.0.2.1'), await add(here, '192.0.2.2')];
    await destroy(here, gone.id);
    await destroy(here, gone.id);
    expect(await ofCustomer(here)).toEqual([kept]);
    expect(await holding(here, '192.0.2.2', 0)).toEqual([]);
    const again = await add(here, '192.0.2.2');
    expect(again.id).toBeGreaterThan(gone.id);
  });

  it('never touches or shows a mapping of another context', async () => {
    const [here, there] = [await context(), await context()];
    const mine = await add(here, '192.0.2.0/24');
    const theirs = await add(there, '192.0.2.0/24', [0, null], { terminalId: 'T' });
    const hidden = await add(there, '198.51.100.0/24', [0, null], { customerId: 2 });
    await record(here, 'created', mine);
    for (const mapping of [theirs, hidden]) await record(there, 'created', mapping);

    expect(await update(here, { ...hidden, terminalId: 'captured' })).toBe(true);
    await destroy(here, hidden.id);
    expect(await conflicting(here, aMapping('198.51.100.7'))).toBeUndefined();
    expect(await conflicting(here, aMapping('0.0.0.0/1', [0, null], { customerId: 1 }))).toBeUndefined();
    for (const [of, held, other] of [
      [here, [mine], []],
      [there, [theirs], [hidden]],
    ] as const) {
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

  describe('names a mapping that is in the way', () => {
    let here: ContextId;

    beforeAll(async () => {
      here = await context();
    });

    it.each<[string, [network: string, period?: Period], [network: string, period?: Period], boolean]>([
      ['the same', ['192.0.2.0/24'], ['192.0.2.0/24'], true],
      ['the same, written otherwise', ['192.0.2.77/24'], ['::ffff:192.0.2.0/120'], true],
      ['the same address', ['192.0.2.1'], ['192.0.2.1/32'], true],
      ['around it', ['192.0.0.0/16'], ['192.0.2.1'], true],
      ['around it, with its first address', ['192.0.2.0/23'], ['192.0.2.0/24'], true],
      ['around it, with its last address', ['192.0.2.0/23'], ['192.0.3.0/24'], true],
      ['around it, as wide as can be', ['128.0.0.0/1'], ['255.255.255.255'], true],
      ['inside it', ['192.0.2.77'], ['192.0.2.0/24'], true],
      ['inside it, its first address', ['192.0.2.0'], ['192.0.2.0/24'], true],
      ['inside it, its last address', ['192.0.2.255'], ['192.0.2.0/24'], true],
      ['inside one as wide as can be', ['127.255.255.255'], ['0.0.0.0/1'], true],
      ['not the one before it', ['192.0.1.255'], ['192.0.2.0/24'], false],
      ['not the one behind it', ['192.0.3.0'], ['192.0.2.0/24'], false],
      ['not what begins before it and ends before', ['192.0.0.0/23'], ['192.0.2.0/24'], false],
      ['IPv6: the same', ['2001:db8::/32'], ['2001:DB8:0::/32'], true],
      ['IPv6: around it', ['2001:db8::/32'], ['2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'], true],
      ['IPv6: inside it', ['2001:db8:0:0:8000::'], ['2001:db8::/64'], true],
      ['IPv6: inside one as wide as can be', ['ffff::1'], ['8000::/1'], true],
      ['IPv6: not the one behind it', ['2001:db8:0:1::'], ['2001:db8::/64'], false],
      ['not IPv6 beside IPv4', ['::c000:201'], ['192.0.2.1'], false],
      ['not IPv6 around IPv4', ['::1:0:0/96'], ['192.0.2.1'], false],
      ['one that ends in its first second', ['192.0.2.1', [0, 11]], ['192.0.2.1', [10, 20]], true],
      ['one that begins in its last second', ['192.0.2.1', [19, 30]], ['192.0.2.1', [10, 20]], true],
      ['one while it lasts', ['192.0.2.1', [12, 13]], ['192.0.2.1', [10, 20]], true],
      ['one that lasts longer', ['192.0.2.1', [0, null]], ['192.0.2.1', [10, 20]], true],
      ['not one that ends when it begins', ['192.0.2.1', [0, 10]], ['192.0.2.1', [10, 20]], false],
      ['not one that begins when it ends', ['192.0.2.1', [20, 30]], ['192.0.2.1', [10, 20]], false],
      ['not an open one that begins when it ends', ['192.0.2.1', [20, null]], ['192.0.2.1', [10, 20]], false],
      ['not one around it before its time', ['192.0.0.0/16', [0, 10]], ['192.0.2.1', [10, null]], false],
      ['not one inside it behind its time', ['192.0.2.1', [20, null]], ['192.0.0.0/16', [10, 20]], false],
      ['both open', ['192.0.2.1', [10, null]], ['192.0.0.0/16', [20, null]], true],
      ['both since ever', ['192.0.2.1', [0, 1]], ['192.0.0.0/16', [0, 1]], true],
      ['an open one in the last second', ['192.0.2.1', [5, null]], ['192.0.2.1', [END - 1, END]], true],
      ['in the last second alone', ['192.0.2.1', [END - 1, END]], ['192.0.0.0/16', [0, null]], true],
      [
        'not one that ends before the last',
        ['192.0.2.1', [0, END - 1]],
        ['192.0.2.1', [END - 1, END]],
        false,
      ],
    ])('%s', async (_case, existing, proposed, isInTheWay) => {
      await probe(async () => {
        const held = await add(here, ...existing);
        const wanted = aMapping(...proposed);
        expect(await conflicting(here, wanted)).toBeUndefined();
        const expected = isInTheWay ? held : undefined;
        expect(await conflicting(here, { ...wanted, customerId: 2 })).toEqual(expected);
        // Those of the customer itself, which come first, do not hide the other's.
        for (const network of [wanted.network.text, '0.0.0.0/1', '128.0.0.0/1', '2000::/3']) {
          await insert(here, { ...aMapping(network), customerId: 2 });
        }
        expect(await conflicting(here, { ...wanted, customerId: 2 })).toEqual(expected);
      });
    });
  });

  it('keeps no duplicate, whatever else it says', async () => {
    const here = await context();
    const [open, ended, other] = [
      await add(here, '192.0.2.0/24', [10, null], { terminalId: 'T' }),
      await add(here, '192.0.2.0/24', [10, 20]),
      await add(here, '192.0.2.0/25', [10, null]),
    ];
    for (const [network, period] of [
      ['192.0.2.0/24', [10, null]],
      ['192.0.2.77/24', [10, null]],
      ['::ffff:192.0.2.0/120', [10, null]],
      ['192.0.2.0/24', [10, 20]],
    ] as const) {
      const duplicate = aMapping(network, period, { updatedAt: T + 1, terminalId: 'other' });
      await run(async () => {
        expect((await register().mappings.insert(here, [duplicate])).duplicate).toBe(duplicate);
        expect(await register().mappings.update(here, { ...duplicate, id: other.id })).toBe(false);
      });
    }
    expect(await ofCustomer(here)).toEqual([open, ended, other]);

    // The transaction goes on, with all that it wrote.
    const added = await run(async () => {
      const first = await add(here, '192.0.2.1');
      expect(await insert(here, aMapping('192.0.2.1'))).toBeUndefined();
      return [first, await add(here, '192.0.2.2')];
    });
    // It is not its own duplicate.
    const changed = { ...open, terminalId: 'changed', updatedAt: T + 5 };
    expect(await update(here, changed)).toBe(true);
    expect(await ofCustomer(here)).toEqual([changed, ended, other, ...added]);
  });

  it('takes for no duplicate what differs in one thing', async () => {
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

  it('tells every mapping that holds an address, nested ones too', async () => {
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
    for (const [address, ...expected] of [
      ['192.0.2.1', 0, 1, 3, 4],
      ['::ffff:192.0.2.1', 0, 1, 3, 4],
      ['192.0.2.0', 1, 3, 4],
      ['192.0.2.255', 1, 3, 4],
      ['192.0.1.255', 3, 4],
      ['192.0.3.0', 3, 4],
      ['192.0.2.75', 1, 3, 4],
      ['192.0.2.76', 1, 2, 3, 4],
      ['192.0.2.79', 1, 2, 3, 4],
      ['192.0.2.80', 1, 3, 4],
      ['191.255.255.255', 4],
      ['255.255.255.255', 4],
      ['127.255.255.255'],
      ['::c000:201', 5],
      ['2001:db8::', 6],
      ['2001:db8::1', 6, 7],
      ['2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', 6],
      ['2001:db9::'],
      ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 8],
    ] as const) {
      const mappings = (expected as number[]).map((n) => added[n]);
      expect([address, await holding(here, address, 0)]).toEqual([address, mappings]);
    }
  });

  it('tells who holds an address to the second', async () => {
    const here = await context();
    const holder = (customerId: number, from: number, to: number | null): Promise<RecordedMapping> =>
      add(here, customerId % 2 === 0 ? '192.0.2.1' : '192.0.2.0/31', [from, to], { customerId });
    await holder(1, 0, 10);
    await holder(2, 10, 11);
    await holder(3, 11, 20);
    await holder(4, 21, END - 1);
    await holder(5, END - 1, END);
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

  it('tells who held it as was known at a time, to the millisecond', async () => {
    const here = await context();
    const created = await add(here, '192.0.2.0/24', [10, null], { terminalId: 'T' });
    const ended = { ...created, validity: Validity.between(10, 20), updatedAt: T + 10 };
    const network = IpNetwork.parse('198.51.100.7/25');
    const renumbered = { ...ended, network, customerId: 2, terminalId: '', updatedAt: T + 20 };
    const gone = { ...renumbered, updatedAt: T + 30 };
    await record(here, 'created', created);
    await record(here, 'updated', ended);
    await record(here, 'updated', renumbered);
    await record(here, 'deleted', gone);
    // What is now has no say.
    const [old, renewed] = ['192.0.2.77', '198.51.100.127'];
    for (const [at, address, second, expected] of [
      [0, old, 10, undefined],
      [T - 1, old, 10, undefined],
      [T, old, 9, undefined],
      [T, old, 10, created],
      [T, old, 20, created],
      [T + 9, old, END - 1, created],
      [T + 10, old, 19, ended],
      [T + 10, old, 20, undefined],
      [T + 19, old, 10, ended],
      [T + 19, renewed, 10, undefined],
      [T + 20, old, 10, undefined],
      [T + 20, renewed, 10, renumbered],
      [T + 20, renewed, 20, undefined],
      [T + 29, renewed, 19, renumbered],
      [T + 30, renewed, 19, undefined],
      [T + 9999, renewed, 19, undefined],
      [T + 9999, old, 10, undefined],
    ] as const) {
      const found = await holding(here, address, second, at);
      expect([at, second, found]).toEqual([at, second, expected === undefined ? [] : [expected]]);
    }
    expect(await holding(here, old, 30)).toEqual([created]);
    await destroy(here, created.id);
    expect(await holding(here, old, 30)).toEqual([]);
    expect(await holding(here, old, 30, T)).toEqual([created]);
  });

  it('tells all who were known to hold it, each in the version of the time', async () => {
    const here = await context();
    const [wide, narrow] = [await add(here, '10.0.0.0/8'), await add(here, '10.0.0.1')];
    await record(here, 'created', wide);
    await record(here, 'created', { ...narrow, updatedAt: T + 5 });
    // The times of one mapping say nothing of another, and the order of recording says nothing of the time.
    const later = { ...wide, terminalId: 'later', updatedAt: T + 10 };
    const between = { ...wide, terminalId: 'between', updatedAt: T + 7 };
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

  it('does not keep two versions of a mapping of one time', async () => {
    const here = await context();
    const mapping = await add(here, '192.0.2.1');
    await record(here, 'created', mapping);
    await expect(record(here, 'updated', { ...mapping, terminalId: 'T' })).rejects.toThrow();
    expect(await holding(here, '192.0.2.1', 0, T)).toEqual([mapping]);
  });

  it('tells the history of an address by the time from which it was held', async () => {
    const here = await context();
    const add1 = (customerId: number, network: string, from: number, to: number | null): Promise<unknown> =>
      add(here, network, [from, to], { customerId });
    await add1(1, '192.0.2.1', 30, null);
    await add1(2, '192.0.2.0/24', 10, 20);
    await add1(3, '192.0.2.2', 10, 20);
    await add1(4, '192.0.0.0/16', 0, 10);
    await add1(5, '192.0.2.1', 10, 15);
    await add1(6, '::c000:201', 0, null);
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

  it('goes through a network and a period, the wider mappings first', async () => {
    const here = await context();
    const add1 = (customerId: number, network: string, ...period: Period): Promise<unknown> =>
      add(here, network, period, { customerId });
    await add1(1, '192.0.2.255', 0, null);
    await add1(2, '192.0.2.0', 0, 10);
    await add1(3, '192.0.2.0/24', 10, 20);
    await add1(4, '192.0.2.128/25', 20, 30);
    await add1(5, '192.0.0.0/16', 30, 40);
    await add1(6, '192.0.2.7/29', 40, null);
    await add1(7, '192.0.3.0', 0, null);
    await add1(8, '192.0.1.255', 0, null);
    await add1(9, '128.0.0.0/1', 50, 60);
    await add1(10, '::c000:200/120', 0, null);
    for (const [network, period, ...expected] of [
      ['192.0.2.0/24', [0, null], '9', '5', '236', '4', '1'],
      ['192.0.2.77/24', [0, null], '9', '5', '236', '4', '1'],
      ['192.0.2.0/25', [0, null], '9', '5', '236'],
      ['192.0.2.128/25', [0, null], '9', '5', '3', '4', '1'],
      ['192.0.2.8', [0, null], '9', '5', '3'],
      ['192.0.2.255', [0, null], '9', '5', '3', '4', '1'],
      ['192.0.2.0/24', [10, 20], '3', '1'],
      ['192.0.2.0/24', [9, 21], '23', '4', '1'],
      ['192.0.2.0/24', [END - 1, null], '6', '1'],
      ['192.0.2.0/23', [0, 1], '2', '1', '7'],
      ['192.0.0.0/16', [0, 1], '8', '2', '1', '7'],
      ['::c000:0/100', [0, 1], '10'],
      ['2001:db8::/32', [0, null]],
    ] as [string, Period, ...string[]][]) {
      const found = await within(here, network, period);
      const starts = [...new Set(found.map(({ network: { first } }) => first.toString('hex')))];
      expect(starts).toEqual(starts.toSorted());
      // Those with one first address come in any order.
      const groups = starts.map((start) =>
        customersOf(found.filter((mapping) => mapping.network.first.toString('hex') === start)).join(''),
      );
      expect([network, period, ...groups]).toEqual([network, period, ...expected]);
    }
  });

  describe('of many mappings', () => {
    let here: ContextId;
    let added: RecordedMapping[];
    let inside: RecordedMapping[];
    const BEFORE = 907;
    const SPAN: Period = [0, 100];

    // The borders of the batches lie within the many that begin with 10.129.128.0, and that differ in one column only.
    beforeAll(async () => {
      here = await context();
      const many: New[] = [];
      for (let n = 0; n < BEFORE; n++) many.push(aMapping(`10.129.${n >> 8}.${n & 255}`, [0, 7]));
      for (const bits of [20, 24, 32]) {
        for (let from = 0; from < 4; from++) {
          for (const to of [8, 9, 10, 11, null]) {
            for (let customerId = 1; customerId <= 20; customerId++) {
              many.push(aMapping(`10.129.128.0/${bits}`, [from, to], { customerId }));
            }
          }
        }
      }
      for (let n = 0; n < 50; n++) many.push(aMapping(`10.129.255.${n}`));
      for (let n = 0; n < 50; n++) many.push(aMapping(`10.129.254.${n}`, [100, null]));
      for (const network of ['10.0.0.0/8', '10.128.0.0/9', '10.130.0.0', '10.128.255.255']) {
        many.push(aMapping(network));
      }
      // Far from any order, and the same every time: 7 and their number have no factor in common.
      const shuffled = many.map((_, n) => many[(n * 7) % many.length] as New);
      expect(new Set(shuffled).size).toBe(many.length);
      added = await addMany(here, shuffled);
      inside = added.filter(({ network, validity }) => {
        const isInside = network.overlaps(IpNetwork.parse('10.129.0.0/16'));
        return isInside && validity.overlaps(Validity.between(...SPAN));
      });
    });

    const sorted = (mappings: readonly RecordedMapping[]): string[] =>
      mappings.map(({ id, network }) => `${network.first.toString('hex')} ${id}`).sort();

    it('tells each that is within a network and a period once, by first address', async () => {
      const found = await within(here, '10.129.0.0/16', SPAN);
      const starts = found.map(({ network: { first } }) => first.toString('hex'));
      expect(starts).toEqual(starts.toSorted());
      expect(sorted(found)).toEqual(sorted(inside));
      expect(ids(found.slice(0, 2)).sort()).toEqual(
        ids(inside.filter(({ network: { bits } }) => bits < 112)).sort(),
      );
      const some = await within(here, '10.129.128.0/17', [10, 11]);
      const { validity, network } = aMapping('10.129.128.0/17', [10, 11]);
      expect(sorted(some)).toEqual(
        sorted(added.filter((each) => each.network.overlaps(network) && each.validity.overlaps(validity))),
      );
    });

    it('lists all of them, and those of a customer, by ascending id', async () => {
      const expected = added.map(listed);
      expect(ids(expected)).toEqual(ids(expected.toSorted(byId)));
      expect(JSON.stringify(await all(here))).toBe(JSON.stringify(expected));
      const ofOne = expected.filter(({ customerId }) => customerId === 1);
      expect(ofOne.length).toBeGreaterThan(BATCH);
      expect(JSON.stringify(await all(here, 1))).toBe(JSON.stringify(ofOne));
      const behind = ofOne.slice(50);
      expect(JSON.stringify(await all(here, 1, ofOne[49]?.id))).toBe(JSON.stringify(behind));
      expect(await all(here, 7)).toEqual(expected.filter(({ customerId }) => customerId === 7));
    });

    it.each([BATCH, BATCH + 1])('tells how many there are before the first of %d', async (count) => {
      const after = added.at(-count - 1)?.id ?? 0;
      const told: number[] = [];
      const announce = async (found: number): Promise<void> => void told.push(found);
      for await (const batch of register().mappings.all(here, undefined, after, announce)) {
        expect(batch).not.toEqual([]);
        told.push(...ids(batch));
      }
      expect(told).toEqual([count, ...ids(added.slice(-count))]);
    });

    it('tells what was within at the first batch, however much is changed meanwhile', async () => {
      const batches = batchesWithin(here, '10.129.0.0/16', SPAN);
      const { value: first } = (await batches.next()) as { value: RecordedMapping[] };
      const left = inside.filter(({ id }) => !ids(first).includes(id));
      const isLast = ({ network }: RecordedMapping): boolean => network.text.startsWith('10.129.255.');
      const [changed, gone] = left.filter(isLast) as [RecordedMapping, RecordedMapping];
      await run(async () => {
        await update(here, { ...changed, network: IpNetwork.parse('10.9.9.9'), updatedAt: T + 1 });
        await destroy(here, gone.id);
        await insert(here, aMapping('10.129.253.0'));
      });
      const found = [...first, ...(await rest(batches))];
      expect(sorted(found)).toEqual(sorted(inside));
      expect(found).toContainEqual(changed);
      const after = ids(await within(here, '10.129.0.0/16', SPAN));
      expect(after).toHaveLength(inside.length - 1);
      expect(after).not.toContain(changed.id);
      expect(after).not.toContain(gone.id);
    });
  });

  it('pages by ascending id, behind one, and of a customer', async () => {
    const here = await context();
    const added = [];
    for (const [n, customerId] of [1, 2, 1, 2, 1].entries()) {
      added.push(await add(here, `192.0.2.${9 - n}`, [9 - n, null], { customerId }));
    }
    const rows = added.map(listed);
    for (const [customerId, expected] of [
      [undefined, rows],
      [1, rows.filter((row) => row.customerId === 1)],
      [2, rows.filter((row) => row.customerId === 2)],
      [3, []],
    ] as const) {
      for (const [n, after] of [0, ...ids(rows)].entries()) {
        const behind = expected.filter(({ id }) => id > after);
        for (const limit of [1, 2, 100]) {
          expect([n, await page(here, customerId, after, limit)]).toEqual([n, behind.slice(0, limit)]);
        }
        const told: number[] = [];
        const announce = async (count: number): Promise<void> => void told.push(count);
        const found = await rest(register().mappings.all(here, customerId, after, announce));
        expect([n, told, shown(found)]).toEqual([n, [behind.length], behind]);
      }
    }
  });

  it('lists all as they stood when the first batch was asked for', async () => {
    const here = await context();
    const [first, second] = [await add(here, '192.0.2.1'), await add(here, '192.0.2.2')];
    const changed = { ...first, terminalId: 'changed', updatedAt: T + 1 };
    let newer: RecordedMapping | undefined;
    const change = async (count: number): Promise<void> => {
      expect(count).toBe(2);
      await update(here, changed);
      await destroy(here, second.id);
      newer = await add(here, '192.0.2.3');
    };
    const found = await rest(register().mappings.all(here, undefined, 0, change));
    expect(shown(found)).toEqual([first, second].map(listed));
    expect(await ofCustomer(here)).toEqual([changed, newer]);
  });

  it('gives back what a long read holds when that is left early, or fails', async () => {
    const here = await context();
    const added = [
      await add(here, '192.0.2.0/24'),
      await add(here, '192.0.2.1'),
      await add(here, '192.0.2.2'),
    ];
    for (let n = 0; n < MANY_READERS; n++) {
      for await (const batch of register().mappings.all(here, undefined, 0, ignore)) {
        expect(batch.length).toBeGreaterThan(0);
        break;
      }
      const refused = register().mappings.all(here, undefined, 0, fail).next();
      await expect(refused).rejects.toThrow('made to fail');
      for await (const batch of batchesWithin(here, '192.0.2.0/24')) {
        expect(batch.length).toBeGreaterThan(0);
        break;
      }
    }
    expect(await all(here)).toEqual(added.map(listed));
    expect(await within(here, '192.0.2.1')).toEqual(added.slice(0, 2));
  });

  it('is read by as many at once as like to, while the list is short', async () => {
    const here = await context();
    const only = await add(here, '192.0.2.1');
    const readers = Array.from({ length: MANY_READERS }, () =>
      register().mappings.all(here, undefined, 0, ignore),
    );
    for (const reader of readers) expect((await reader.next()).value).toMatchObject([{ id: only.id }]);
    for (const reader of readers) expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it('sees nothing of a transaction that failed', async () => {
    const here = await context();
    const kept = await add(here, '192.0.2.0/24');
    const transaction = run(async () => {
      await register().mappings.guard(here, T);
      const mapping = await add(here, '192.0.2.1', [0, null], { customerId: 2 });
      await record(here, 'created', mapping);
      await update(here, { ...kept, terminalId: 'changed' });
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

  describe.each([
    ['kept', false],
    ['taken back', true],
  ])('has those who change mappings wait until the first change is %s', (_end, isTakenBack) => {
    it.each([
      ['for the first time', false],
      ['again', true],
    ])('in a context that is guarded %s', async (_time, isGuarded) => {
      const here = await context();
      const { mappings } = register();
      if (isGuarded) await run(() => mappings.guard(here, T));
      const order: string[] = [];
      const entered = new Gate();
      const first = run(async () => {
        await mappings.guard(here, T);
        entered.open();
        // Time enough for the others to get as far as they are let.
        for (let n = 0; n < 20; n++) await mappings.page(here, undefined, 0, 10);
        await add(here, '192.0.2.0/24');
        order.push('first');
        if (isTakenBack) await fail();
      });
      await entered.passed;
      const wanted = { ...aMapping('192.0.2.7'), customerId: 2 };
      // What each reads, once let in, is what those before it left.
      const other = (customerId: number): Promise<number> =>
        run(async () => {
          await mappings.guard(here, T);
          order.push('other');
          const before = (await page(here)).length;
          const isFree = (await mappings.conflicting(here, wanted)) === undefined;
          const isFirst = (await ofCustomer(here)).length === 0;
          expect([isFree, isFirst]).toEqual(Array(2).fill(isTakenBack));
          await add(here, '198.51.100.0/24', [before, before + 1], { customerId });
          return before;
        });
      const others = Promise.all([2, 3, 4].map(other));
      const outcome = await first.then(
        () => false,
        () => true,
      );
      expect(outcome).toBe(isTakenBack);
      expect((await others).sort()).toEqual(isTakenBack ? [0, 1, 2] : [1, 2, 3]);
      expect(order.indexOf('first')).toBe(0);
      expect(await page(here)).toHaveLength(isTakenBack ? 3 : 4);
    });
  });

  it('gives each change of a context a time of its own, after those before it', async () => {
    const [here, there] = [await context(), await context()];
    const guard = (of: ContextId, now: number): Promise<number> =>
      run(() => register().mappings.guard(of, now));
    const AHEAD = MAX_AHEAD_MS;
    for (const [now, at] of [
      [T, T],
      [T, T + 1],
      [T, T + 2],
      [T + 10, T + 10],
      [T + 9, T + 11], // by an instance whose clock is behind
      [T + 11 - AHEAD + 1, T + 12],
      [T + 12 - AHEAD, T + 12 - AHEAD], // the clock was wrong before, or is now: nobody waits for it
      [T + 12 - AHEAD, T + 13 - AHEAD],
      [T + AHEAD, T + AHEAD],
    ] as const) {
      expect([now, await guard(here, now)]).toEqual([now, at]);
    }
    expect(await guard(there, T)).toBe(T);
    await run(async () => {
      expect(await register().mappings.guard(there, T)).toBe(T + 1);
      expect(await register().mappings.guard(there, T)).toBe(T + 2);
    });
    await probe(async () => expect(await register().mappings.guard(there, T)).toBe(T + 3));
    expect(await guard(there, T)).toBe(T + 3);
  });

  it('answers many moments at once, each in its place', async () => {
    const here = await context();
    const SIZE_OF_EACH = 40;
    const texts = ['192.0.2.', '2001:db8::'];
    const mappings = Array.from({ length: SIZE_OF_EACH }, (_, n) =>
      texts.map((text) => aMapping(`${text}${n}`, [n, n + 10], { customerId: n + 1 })),
    ).flat();
    // The same for all of a half, and later.
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

  /** Gives all versions that have none yet their place in a block, which seals nothing else. */
  const place = (number: number): Promise<void> =>
    run(async () => {
      const { audit } = register();
      const versions = await audit.unsealedVersions(10_000);
      await audit.insertBlock({ block: { ...seal(undefined, [], [], T), number }, entries: [], versions });
    });
  const nextBlock = async (): Promise<number> => ((await register().audit.head())?.number ?? 0) + 1;

  it('tells of changes by block, then by id', async () => {
    const [here, there] = [await context(), await context()];
    const { mappingFeed } = register();
    const changes = (block: number, id: number, through = NEWEST, limit = 100) =>
      mappingFeed.changes(here, { block, id }, through, limit);
    await place(await nextBlock());
    const first = await nextBlock();
    const a = await add(here, '192.0.2.1', [5, 9], { terminalId: ODD });
    const b = await add(here, '192.0.2.2', [0, null], { updatedAt: T - 100 });
    await record(here, 'created', a);
    await record(there, 'created', await add(there, '192.0.2.1'));
    await record(here, 'created', b);
    const before = await mappingFeed.lastBlock();
    expect(await changes(0, 0)).toEqual([]);
    await place(first + 1);
    expect([before < first + 1, await mappingFeed.lastBlock()]).toEqual([true, first + 1]);
    const a2 = { ...a, customerId: 2, updatedAt: T + 1 };
    await record(here, 'updated', a2);
    await record(here, 'deleted', { ...b, updatedAt: T });
    // Ids of the earlier block are the greater ones: the block comes first.
    await place(first);
    expect(await mappingFeed.lastBlock()).toBe(first + 1);
    await record(here, 'deleted', { ...a2, updatedAt: T + 2 });
    await place(first + 2);
    await record(here, 'updated', { ...a2, updatedAt: T + 3 });

    const id: unknown = expect.any(Number);
    const all = await changes(0, 0);
    expect(all).toEqual([
      { block: first, id, change: 'updated', state: a2 },
      { block: first, id, change: 'deleted', state: { ...b, updatedAt: T } },
      { block: first + 1, id, change: 'created', state: a },
      { block: first + 1, id, change: 'created', state: b },
      { block: first + 2, id, change: 'deleted', state: { ...a2, updatedAt: T + 2 } },
    ]);
    for (const [n, change] of [undefined, ...all].entries()) {
      const { block: after, id: last } = change ?? { block: 0, id: 0 };
      for (const through of [first, first + 1, first + 2].filter((block) => block >= after)) {
        const rest = all.slice(n).filter(({ block }) => block <= through);
        for (const limit of [1, 2, 100]) {
          expect(await changes(after, last, through, limit)).toEqual(rest.slice(0, limit));
        }
      }
    }
    expect(await changes(first, NEWEST)).toEqual(all.slice(2));
    expect(await changes(first + 3, 0)).toEqual([]);
    expect(await changes(0, 0, first - 1)).toEqual([]);
    expect(await mappingFeed.changes(there, { block: 0, id: 0 }, NEWEST, 100)).toHaveLength(1);
  });

  /** How many states of a network are known of. */
  const states = async (of: ContextId, network: string): Promise<number> => {
    const found = await register().mappingFeed.changes(of, { block: 0, id: 0 }, NEWEST, 1000);
    return found.filter(({ state }) => state.network.text === network).length;
  };
  const recorded = async (
    of: ContextId,
    network: string,
    fields: Fields,
    ...more: ChangeMade[]
  ): Promise<RecordedMapping> => {
    const mapping = await add(of, network, [0, null], fields);
    await record(of, 'created', mapping);
    for (const [n, change] of more.entries()) {
      await record(of, change, { ...mapping, updatedAt: T + 1 + n });
      if (change === 'deleted') await destroy(of, mapping.id);
    }
    return mapping;
  };

  it('tells all that became of the mappings of customers, with what was before and who did it', async () => {
    const [here, there] = [await context(), await context()];
    const { mappingVersions } = register();
    const [asha, ravi] = [
      principal(here, { userName: 'asha', tokenId: 1, tokenLabel: ODD, address: '192.0.2.1' }),
      principal(here, { userName: 'ravi', tokenId: 2, tokenLabel: '', address: '2001:db8::1' }),
    ];
    const put = (by: Principal, change: ChangeMade, mapping: RecordedMapping): Promise<void> =>
      run(() => mappingVersions.insert(by, change, [mapping]));
    const a1 = await add(here, '192.0.2.1/24', [5, null], { customerId: 1, terminalId: ODD });
    const b1 = await add(here, '2001:db8::/32', [0, 9], { customerId: 1 });
    const c1 = await add(here, '198.51.100.1', [0, null], { customerId: 2 });
    const other = await add(here, '198.51.100.2', [0, null], { customerId: 3 });
    const a2 = { ...a1, validity: Validity.between(5, 7), updatedAt: T + 5 };
    const b2 = { ...b1, updatedAt: T + 4 };
    const c2 = { ...c1, network: IpNetwork.parse('198.51.100.3'), terminalId: '', updatedAt: T + 1 };
    await put(asha, 'created', a1);
    await put(ravi, 'created', b1);
    await put(asha, 'created', c1);
    await put(asha, 'created', other);
    await record(there, 'created', await add(there, '192.0.2.1', [0, null], { customerId: 1 }));
    await put(ravi, 'updated', a2);
    await put(asha, 'deleted', b2);
    await put(ravi, 'updated', c2);

    const by = ({ userName, tokenId, tokenLabel, address }: Principal): object => ({
      ...{ userName, tokenId, tokenLabel, address },
    });
    const id: unknown = expect.any(Number);
    const expected = [
      { id, change: 'updated', state: c2, before: c1, ...by(ravi) },
      { id, change: 'deleted', state: b2, before: b1, ...by(asha) },
      { id, change: 'updated', state: a2, before: a1, ...by(ravi) },
      { id, change: 'created', state: c1, before: undefined, ...by(asha) },
      { id, change: 'created', state: b1, before: undefined, ...by(ravi) },
      { id, change: 'created', state: a1, before: undefined, ...by(asha) },
    ];
    const history = (customers: number[], mappingId?: number, before = NEWEST, limit = 100) =>
      mappingVersions.history(here, customers, mappingId, before, limit);
    const whole = await history([1, 2]);
    expect(whole).toEqual(expected);
    expect(ids(whole)).toEqual(ids(whole).toSorted((a, b) => b - a));
    for (const [customers, mappingId, found] of [
      [[2], undefined, [0, 3]],
      [[1], undefined, [1, 2, 4, 5]],
      [[4, 2, 1], undefined, [0, 1, 2, 3, 4, 5]],
      [[1, 2], a1.id, [2, 5]],
      [[1], c1.id, []],
      [[2], c1.id, [0, 3]],
      [[1, 2], 999_999_999_999_999, []],
      [[4], undefined, []],
      [[], undefined, []],
    ] as const) {
      expect(await history([...customers], mappingId)).toEqual(found.map((n) => expected[n]));
    }
    for (const [n, version] of whole.entries()) {
      for (const limit of [1, 3, 100]) {
        const behind = expected.slice(n + 1, n + 1 + limit);
        expect(await history([1, 2], undefined, version.id, limit)).toEqual(behind);
      }
    }
    expect(await history([1], a1.id, whole[2]?.id, 1)).toEqual([expected[5]]);
  });

  it('purges the mappings of customers, unless something of them was placed later', async () => {
    const [here, there] = [await context(), await context()];
    await place(await nextBlock());
    const block = await nextBlock();
    await recorded(here, '192.0.2.1', { customerId: 1 }, 'updated');
    await recorded(here, '192.0.2.2', { customerId: 1 });
    await recorded(here, '192.0.2.3', { customerId: 1 }, 'deleted'); // for purgeDeleted
    const late = await recorded(here, '192.0.2.4', { customerId: 2 });
    const unsealed = await recorded(here, '192.0.2.5', { customerId: 3 });
    await recorded(here, '192.0.2.6', { customerId: 3 });
    await recorded(here, '192.0.2.7', { customerId: 4 });
    await recorded(there, '192.0.2.1', { customerId: 1 });
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
    expect(await purge([1, 2, 3, 5], block - 1)).toEqual([5]); // who has none
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

  it('purges mappings that were deleted, some at a time', async () => {
    const { mappingVersions } = register();
    const purge = (through: number, after = 0, limit = 10_000) =>
      run(() => mappingVersions.purgeDeleted(through, after, limit));
    const here = await context();
    const earlier = await nextBlock();
    await place(earlier);
    await purge(earlier);
    const block = await nextBlock();
    for (const n of [1, 2, 3, 4]) await recorded(here, `192.0.2.${n}`, {}, 'updated', 'deleted');
    const kept = await recorded(here, '192.0.2.5', {}, 'updated');
    const [late, unsealed] = [await recorded(here, '192.0.2.6', {}), await recorded(here, '192.0.2.7', {})];
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

  it('keeps a context as long as there are mappings in it, or versions of them, but not because there were', async () => {
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

  it('has its versions sealed, behind those of customers', async () => {
    const { audit, mappingVersions, versions } = register();
    const sealSome = (limit: number): Promise<number> =>
      run(async () => {
        const head = await audit.lockHead();
        const [entries, some] = [await audit.unsealed(limit), await audit.unsealedVersions(limit)];
        if (entries.length + some.length > 0) {
          await audit.insertBlock({ block: seal(head, entries, some, T), entries, versions: some });
        }
        return entries.length + some.length;
      });
    const sealAll = async (): Promise<void> => {
      while ((await sealSome(1000)) > 0);
    };
    await sealAll();
    expect(await audit.hasUnsealed()).toBe(false);
    const here = await context();
    const by: Principal = principal(here, { userName: 'ravi', tokenLabel: '', address: '2001:db8::1' });
    const mapping = await add(here, '192.0.2.0/24', [0, null], { terminalId: ODD });
    await run(async () => {
      await mappingVersions.insert(by, 'created', [mapping]);
      await mappingVersions.insert(by, 'updated', [{ ...mapping, updatedAt: T + 1 }]);
      await mappingVersions.insert(by, 'deleted', [{ ...mapping, updatedAt: T + 2 }]);
    });
    expect(await audit.hasUnsealed()).toBe(true);
    const absent = { address: null, email: null, phoneNumber: null, altPhoneNumber: null };
    const customer = { id: 800_000_000 + mapping.id, userId: toUserId('U'), name: 'Trisul', ...absent };
    await run(() => versions.insert(by, 'created', [{ ...customer, updatedAt: T }]));

    const unsealed = await audit.unsealedVersions(10);
    const tables = ['customer_versions', ...Array<string>(3).fill('ip_mapping_versions')];
    expect(unsealed.map(({ table }) => table)).toEqual(tables);
    expect(new Set(unsealed.map(({ digest }) => digest.toString('hex'))).size).toBe(4);
    const [, ...ofMapping] = ids(unsealed);
    expect(ofMapping).toEqual(ofMapping.toSorted((a, b) => a - b));
    for (const limit of [1, 2, 3]) {
      expect(await audit.unsealedVersions(limit)).toEqual(unsealed.slice(0, limit));
    }

    expect([await sealSome(2), await audit.hasUnsealed()]).toEqual([2, true]);
    expect(await audit.unsealedVersions(10)).toEqual(unsealed.slice(2));
    expect([await sealSome(2), await audit.hasUnsealed()]).toEqual([2, false]);
    const sealed: (readonly SealedVersion[])[] = [];
    for await (const link of audit.chain()) sealed.push(link.versions);
    expect(sealed.slice(-2)).toEqual([unsealed.slice(0, 2), unsealed.slice(2)]);
    // Being sealed changes nothing of what is known.
    expect(await holding(here, '192.0.2.7', 0, T)).toEqual([mapping]);
    expect(await holding(here, '192.0.2.7', 0, T + 2)).toEqual([]);
  });

  it('finds what a model finds that looks at each address, second and version', async () => {
    const here = await context();
    await fc.assert(
      fc.asyncProperty(fc.array(aLife, { minLength: 1, maxLength: 5 }), aState, async (lives, asked) => {
        await probe(() => compare(here, lives, asked));
      }),
      { numRuns: 25 },
    );
  });

  const compare = async (here: ContextId, lives: readonly Life[], asked: State): Promise<void> => {
    const { mappingVersions, mappings } = register();
    for (const [n, { states, isDeleted }] of lives.entries()) {
      const [first, ...others] = states.map((state, version) => mappingOf(n, state, timeOf(version, n)));
      const id = Number((await mappings.insert(here, [first!])).ids[0]);
      await mappingVersions.insert(principal(here), 'created', [{ id, ...first! }]);
      for (const other of others) {
        expect(await mappings.update(here, { id, ...other })).toBe(true);
        await mappingVersions.insert(principal(here), 'updated', [{ id, ...other }]);
      }
      if (!isDeleted) continue;
      const last = others.at(-1) ?? first!;
      await mappings.delete(here, id);
      const deleted = { id, ...last, updatedAt: timeOf(states.length, n) };
      await mappingVersions.insert(principal(here), 'deleted', [deleted]);
    }

    const present = statesAt(lives, Infinity);
    const times = [undefined, ...[0, 1, 2].map((version) => timeOf(version, Math.floor(lives.length / 2)))];
    for (const [n, at] of times.entries()) {
      const known = at === undefined ? present : statesAt(lives, at);
      for (const address of [asked.base, (asked.base + 3) % SIZE]) {
        const second = (asked.from + n) % SECONDS;
        const expected = known.filter(({ state }) => isHeld(state, asked.isIpv6, address, second));
        const found = await holding(here, addressOf(asked.isIpv6, address), second, at);
        expect(customersOf(found)).toEqual(expected.map(({ customerId }) => customerId));
      }
    }
    for (const customerId of [0, 1]) {
      const expected = present.filter((each) => each.customerId !== customerId && doMeet(each.state, asked));
      const found = await mappings.conflicting(here, { ...mappingOf(customerId, asked, T) });
      if (expected.length === 0) expect(found).toBeUndefined();
      else expect(expected.map((each) => each.customerId)).toContain(found?.customerId);
    }
  };

  itRefusesWritesOutsideTransactions(async () => {
    const here = await context();
    const mapping = await add(here, '192.0.2.1');
    await record(here, 'created', mapping);
    await recorded(here, '192.0.2.9', { customerId: 2 }, 'deleted');
    const block = await nextBlock();
    await place(block);
    const { mappingFeed, mappingVersions, mappings } = register();
    return {
      read: async () => [await page(here), await mappingFeed.changes(here, { block: 0, id: 0 }, NEWEST, 100)],
      writes: [
        () => mappings.guard(here, T),
        () => mappings.insert(here, [aMapping('192.0.2.2')]),
        () => mappings.update(here, { ...mapping, terminalId: 'T' }),
        () => mappings.delete(here, mapping.id),
        () => mappingVersions.insert(principal(here), 'updated', [{ ...mapping, updatedAt: T + 1 }]),
        () => mappingVersions.purgeOf([{ context: here, id: 1 }], block),
        () => mappingVersions.purgeDeleted(block, 0, 10_000),
      ],
    };
  });
}

/** The model: eight addresses of IPv4 and of IPv6, for some seconds. */
const SIZE = 8;
const SECONDS = 6;

/** A mapping in a version; `free` is how many of the last bits do not count. */
interface State {
  readonly isIpv6: boolean;
  readonly base: number;
  readonly free: number;
  readonly from: number;
  readonly to: number | null;
}

interface Life {
  readonly states: readonly State[];
  readonly isDeleted: boolean;
}

const aState: fc.Arbitrary<State> = fc
  .record({
    isIpv6: fc.nat(3).map((n) => n === 0),
    base: fc.nat(SIZE - 1),
    free: fc.nat(3),
    from: fc.nat(SECONDS - 1),
    length: fc.option(fc.integer({ min: 1, max: SECONDS })),
  })
  .map(({ length, ...state }) => ({ ...state, to: length === null ? null : state.from + length }));

const aLife: fc.Arbitrary<Life> = fc.record({
  states: fc.array(aState, { minLength: 1, maxLength: 2 }),
  isDeleted: fc.nat(3).map((n) => n === 0),
});

const addressOf = (isIpv6: boolean, n: number): string => (isIpv6 ? `2001:db8::${n}` : `192.0.2.${n}`);
/** When a mapping, which has a customer of its own, came to be in a version. */
const timeOf = (version: number, customerId: number): number => T + 10 * version + customerId;

function mappingOf(customerId: number, state: State, updatedAt: number): New {
  const { isIpv6, base, free, from, to } = state;
  const network = `${addressOf(isIpv6, base)}/${(isIpv6 ? 128 : 32) - free}`;
  return aMapping(network, [from, to], { customerId, updatedAt });
}

/** What there is at a time. */
function statesAt(lives: readonly Life[], at: number): { customerId: number; state: State }[] {
  return lives.flatMap(({ states, isDeleted }, customerId) => {
    if (isDeleted && timeOf(states.length, customerId) <= at) return [];
    const state = states.findLast((_, version) => timeOf(version, customerId) <= at);
    return state === undefined ? [] : [{ customerId, state }];
  });
}

function isHeld(state: State, isIpv6: boolean, address: number, second: number): boolean {
  const { base, free, from, to } = state;
  const isInside = state.isIpv6 === isIpv6 && base >> free === address >> free;
  return isInside && from <= second && (to === null || second < to);
}

function doMeet(one: State, two: State): boolean {
  const addresses = Array.from({ length: SIZE }, (_, n) => n);
  const seconds = Array.from({ length: 2 * SECONDS }, (_, second) => second);
  return addresses.some((n) =>
    seconds.some((at) => isHeld(one, one.isIpv6, n, at) && isHeld(two, one.isIpv6, n, at)),
  );
}
