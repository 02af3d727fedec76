import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ContextId } from '../../src/identity/domain/principal.js';
import { toTerminalId, type RecordedMapping } from '../../src/ip-mappings/domain/ip-mapping.js';
import type { NewMapping } from '../../src/ip-mappings/application/ip-mapping.repository.js';
import { IpNetwork } from '../../src/ip-mappings/domain/ip-network.js';
import { Validity } from '../../src/ip-mappings/domain/validity.js';
import type { Register } from '../support/register.js';
import {
  aMapping,
  byId,
  customersOf,
  END,
  fail,
  ids,
  ignore,
  IpMappingHarness,
  listed,
  type Period,
  rest,
  shown,
  T,
} from './ip-mapping-harness.js';

/** The size of a full batch. */
const BATCH = 1000;
/** More than can read at once over connections of their own. */
const MANY_READERS = 20;

export function ipMappingListingContract(register: () => Register): void {
  const {
    run,
    context,
    insert,
    add,
    addMany,
    update,
    destroy,
    ofCustomer,
    batchesWithin,
    within,
    page,
    all,
  } = new IpMappingHarness(register);

  it('returns pages by ascending id, after an id, of all or of one customer', async () => {
    const here = await context();
    const added = [];
    for (const [n, customerId] of [1, 2, 1, 2, 1].entries()) {
      added.push(await add(here, `192.0.2.${9 - n}`, [9 - n, null], { customerId }));
    }
    const rows = added.map(listed);
    for (const { customerId, expected } of [
      { customerId: undefined, expected: rows },
      { customerId: 1, expected: rows.filter((row) => row.customerId === 1) },
      { customerId: 2, expected: rows.filter((row) => row.customerId === 2) },
      { customerId: 3, expected: [] },
    ]) {
      for (const [n, after] of [0, ...ids(rows)].entries()) {
        const behind = expected.filter(({ id }) => id > after);
        for (const limit of [1, 2, 100]) {
          expect([n, await page(here, customerId, after, limit)]).toEqual([n, behind.slice(0, limit)]);
        }
        const announced: number[] = [];
        const announce = async (count: number): Promise<void> => void announced.push(count);
        const found = await rest(register().mappings.all(here, customerId, after, announce));
        expect([n, announced, shown(found)]).toEqual([n, [behind.length], behind]);
      }
    }
  });

  it('lists all mappings as they were when the first batch was read', async () => {
    const here = await context();
    const [first, second] = [await add(here, '192.0.2.1'), await add(here, '192.0.2.2')];
    const changed = { ...first, terminalId: toTerminalId('changed'), updatedAt: T + 1 };
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

  it('releases the connection of a long read that is abandoned or fails', async () => {
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

  it('serves any number of readers at once while the list is short', async () => {
    const here = await context();
    const only = await add(here, '192.0.2.1');
    const readers = Array.from({ length: MANY_READERS }, () =>
      register().mappings.all(here, undefined, 0, ignore),
    );
    for (const reader of readers) expect((await reader.next()).value).toMatchObject([{ id: only.id }]);
    for (const reader of readers) expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it('reads the mappings within a network and a period, those with the lower first address first', async () => {
    const here = await context();
    await add(here, '192.0.2.255', [0, null], { customerId: 1 });
    await add(here, '192.0.2.0', [0, 10], { customerId: 2 });
    await add(here, '192.0.2.0/24', [10, 20], { customerId: 3 });
    await add(here, '192.0.2.128/25', [20, 30], { customerId: 4 });
    await add(here, '192.0.0.0/16', [30, 40], { customerId: 5 });
    await add(here, '192.0.2.7/29', [40, null], { customerId: 6 });
    await add(here, '192.0.3.0', [0, null], { customerId: 7 });
    await add(here, '192.0.1.255', [0, null], { customerId: 8 });
    await add(here, '128.0.0.0/1', [50, 60], { customerId: 9 });
    await add(here, '::c000:200/120', [0, null], { customerId: 10 });
    for (const { network, period, expected } of [
      { network: '192.0.2.0/24', period: [0, null], expected: ['9', '5', '236', '4', '1'] },
      { network: '192.0.2.77/24', period: [0, null], expected: ['9', '5', '236', '4', '1'] },
      { network: '192.0.2.0/25', period: [0, null], expected: ['9', '5', '236'] },
      { network: '192.0.2.128/25', period: [0, null], expected: ['9', '5', '3', '4', '1'] },
      { network: '192.0.2.8', period: [0, null], expected: ['9', '5', '3'] },
      { network: '192.0.2.255', period: [0, null], expected: ['9', '5', '3', '4', '1'] },
      { network: '192.0.2.0/24', period: [10, 20], expected: ['3', '1'] },
      { network: '192.0.2.0/24', period: [9, 21], expected: ['23', '4', '1'] },
      { network: '192.0.2.0/24', period: [END - 1, null], expected: ['6', '1'] },
      { network: '192.0.2.0/23', period: [0, 1], expected: ['2', '1', '7'] },
      { network: '192.0.0.0/16', period: [0, 1], expected: ['8', '2', '1', '7'] },
      { network: '::c000:0/100', period: [0, 1], expected: ['10'] },
      { network: '2001:db8::/32', period: [0, null], expected: [] },
    ] as { network: string; period: Period; expected: string[] }[]) {
      const found = await within(here, network, period);
      const starts = [...new Set(found.map(({ network: { first } }) => first.toString('hex')))];
      expect(starts).toEqual(starts.toSorted());
      // Mappings with the same first address come in any order.
      const groups = starts.map((start) =>
        customersOf(found.filter((mapping) => mapping.network.first.toString('hex') === start)).join(''),
      );
      expect({ network, period, groups }).toEqual({ network, period, groups: expected });
    }
  });

  describe('with more mappings than a batch holds', () => {
    let here: ContextId;
    let added: RecordedMapping[];
    let inside: RecordedMapping[];
    const BEFORE = 907;
    const SPAN: Period = [0, 100];

    // Batches end among the many mappings that begin with 10.129.128.0 and differ in one column only.
    beforeAll(async () => {
      here = await context();
      const many: NewMapping[] = [];
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
      // Shuffle them the same way every time: 7 and their number have no common factor.
      const shuffled = many.map((_, n) => many[(n * 7) % many.length] as NewMapping);
      expect(new Set(shuffled).size).toBe(many.length);
      added = await addMany(here, shuffled);
      inside = added.filter(({ network, validity }) => {
        const isInside = network.overlaps(IpNetwork.parse('10.129.0.0/16'));
        return isInside && validity.overlaps(Validity.between(...SPAN));
      });
    });

    const sorted = (mappings: readonly RecordedMapping[]): string[] =>
      mappings.map(({ id, network }) => `${network.first.toString('hex')} ${id}`).sort();

    it('reads each mapping within a network and a period once, by first address', async () => {
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

    it('lists all mappings, or those of one customer, by ascending id', async () => {
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

    it.each([BATCH, BATCH + 1])('announces how many there are before the first of %d', async (count) => {
      const after = added.at(-count - 1)?.id ?? 0;
      const events: number[] = [];
      const announce = async (found: number): Promise<void> => void events.push(found);
      for await (const batch of register().mappings.all(here, undefined, after, announce)) {
        expect(batch).not.toEqual([]);
        events.push(...ids(batch));
      }
      expect(events).toEqual([count, ...ids(added.slice(-count))]);
    });

    it('reads a network as it was at the first batch, whatever changes meanwhile', async () => {
      const batches = batchesWithin(here, '10.129.0.0/16', SPAN);
      const { value: first } = (await batches.next()) as { value: RecordedMapping[] };
      const left = inside.filter(({ id }) => !ids(first).includes(id));
      const isLast = ({ network }: RecordedMapping): boolean => network.text.startsWith('10.129.255.');
      const [changed, deleted] = left.filter(isLast) as [RecordedMapping, RecordedMapping];
      await run(async () => {
        await update(here, { ...changed, network: IpNetwork.parse('10.9.9.9'), updatedAt: T + 1 });
        await destroy(here, deleted.id);
        await insert(here, aMapping('10.129.253.0'));
      });
      const found = [...first, ...(await rest(batches))];
      expect(sorted(found)).toEqual(sorted(inside));
      expect(found).toContainEqual(changed);
      const after = ids(await within(here, '10.129.0.0/16', SPAN));
      expect(after).toHaveLength(inside.length - 1);
      expect(after).not.toContain(changed.id);
      expect(after).not.toContain(deleted.id);
    });
  });
}
