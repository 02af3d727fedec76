import { expect, it } from '@jest/globals';
import type { Principal } from '../../src/identity/domain/principal.js';
import { seal, type SealedVersion } from '../../src/history/domain/audit-chain.js';
import { NO_TERMINAL, type RecordedMapping } from '../../src/ip-mappings/domain/ip-mapping.js';
import { IpNetwork } from '../../src/ip-mappings/domain/ip-network.js';
import { Validity } from '../../src/ip-mappings/domain/validity.js';
import type { ChangeMade } from '../../src/versions/domain/version.js';
import { detailsOf } from '../support/customer-details.js';
import { principal, recorderOf } from '../support/principal.js';
import type { Register } from '../support/register.js';
import { ids, IpMappingHarness, NEWEST, ODD, T } from './ip-mapping-harness.js';

export function ipMappingVersionsContract(register: () => Register): void {
  const { run, context, add, record, nextBlock, place, holding } = new IpMappingHarness(register);

  it('returns changes by block, then by id', async () => {
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
    // The earlier block has the greater ids: the block decides the order.
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

  it("returns the history of customers' mappings, with the state before and the caller", async () => {
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
    const c2 = { ...c1, network: IpNetwork.parse('198.51.100.3'), terminalId: NO_TERMINAL, updatedAt: T + 1 };
    await put(asha, 'created', a1);
    await put(ravi, 'created', b1);
    await put(asha, 'created', c1);
    await put(asha, 'created', other);
    await record(there, 'created', await add(there, '192.0.2.1', [0, null], { customerId: 1 }));
    await put(ravi, 'updated', a2);
    await put(asha, 'deleted', b2);
    await put(ravi, 'updated', c2);

    const id: unknown = expect.any(Number);
    const expected = [
      { id, change: 'updated', state: c2, before: c1, ...recorderOf(ravi) },
      { id, change: 'deleted', state: b2, before: b1, ...recorderOf(asha) },
      { id, change: 'updated', state: a2, before: a1, ...recorderOf(ravi) },
      { id, change: 'created', state: c1, before: undefined, ...recorderOf(asha) },
      { id, change: 'created', state: b1, before: undefined, ...recorderOf(ravi) },
      { id, change: 'created', state: a1, before: undefined, ...recorderOf(asha) },
    ];
    const history = (customers: number[], mappingId?: number, before = NEWEST, limit = 100) =>
      mappingVersions.history(here, customers, mappingId, before, limit);
    const whole = await history([1, 2]);
    expect(whole).toEqual(expected);
    expect(ids(whole)).toEqual(ids(whole).toSorted((a, b) => b - a));
    for (const { customers, mappingId, found } of [
      { customers: [2], mappingId: undefined, found: [0, 3] },
      { customers: [1], mappingId: undefined, found: [1, 2, 4, 5] },
      { customers: [4, 2, 1], mappingId: undefined, found: [0, 1, 2, 3, 4, 5] },
      { customers: [1, 2], mappingId: a1.id, found: [2, 5] },
      { customers: [1], mappingId: c1.id, found: [] },
      { customers: [2], mappingId: c1.id, found: [0, 3] },
      { customers: [1, 2], mappingId: 999_999_999_999_999, found: [] },
      { customers: [4], mappingId: undefined, found: [] },
      { customers: [], mappingId: undefined, found: [] },
    ]) {
      expect(await history(customers, mappingId)).toEqual(found.map((n) => expected[n]));
    }
    for (const [n, version] of whole.entries()) {
      for (const limit of [1, 3, 100]) {
        const behind = expected.slice(n + 1, n + 1 + limit);
        expect(await history([1, 2], undefined, version.id, limit)).toEqual(behind);
      }
    }
    expect(await history([1], a1.id, whole[2]?.id, 1)).toEqual([expected[5]]);
  });

  it('has its versions sealed, after those of customers', async () => {
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
    const customer = { id: 800_000_000 + mapping.id, ...detailsOf('U'), updatedAt: T };
    await run(() => versions.insert(by, 'created', [customer]));

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
    // Sealing does not change what versions say.
    expect(await holding(here, '192.0.2.7', 0, T)).toEqual([mapping]);
    expect(await holding(here, '192.0.2.7', 0, T + 2)).toEqual([]);
  });
}
