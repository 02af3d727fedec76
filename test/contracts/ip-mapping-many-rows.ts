import { expect, it } from '@jest/globals';
import type { ContextId } from '../../src/identity/domain/principal.js';
import type { NewMapping } from '../../src/ip-mappings/application/ip-mapping.repository.js';
import { toTerminalId, type RecordedMapping } from '../../src/ip-mappings/domain/ip-mapping.js';
import { IpNetwork } from '../../src/ip-mappings/domain/ip-network.js';
import { Validity } from '../../src/ip-mappings/domain/validity.js';
import type { Inserted } from '../../src/shared/inserted.js';
import { principal } from '../support/principal.js';
import { newContext, type Register } from '../support/register.js';

const T = 1_764_000_000_000;
const CUSTOMER = 7;
let lastId = 1_000_000;

/** Mappings of one customer, of either family, open and ended ones. */
function many(count: number): NewMapping[] {
  return Array.from({ length: count }, (_, n) => {
    const place = `${n >> 8}.${n & 255}`;
    return {
      customerId: CUSTOMER,
      network: IpNetwork.parse(n % 2 === 0 ? `10.0.${place}` : `2001:db8::10.0.${place}`),
      validity: Validity.between(n, n % 3 === 0 ? null : n + 1),
      terminalId: toTerminalId(`T'${n}`),
      updatedAt: T,
    };
  });
}

export function ipMappingManyRowsContract(register: () => Register): void {
  const context = (): Promise<ContextId> => newContext(register());
  const run = <T>(work: () => Promise<T>): Promise<T> => register().transactions.run(work);
  const insert = (to: ContextId, mappings: readonly NewMapping[]): Promise<Inserted<NewMapping>> =>
    run(() => register().mappings.insert(to, mappings));
  const mappingsOf = (of: ContextId): Promise<RecordedMapping[]> =>
    run(() => register().mappings.ofCustomer(of, CUSTOMER));

  it.each([0, 2, 5000])('returns %i ids in the order of the list', async (count) => {
    const [here, there] = [await context(), await context()];
    const mappings = many(count).reverse();
    const { ids } = await insert(here, mappings);
    expect(await mappingsOf(here)).toEqual(mappings.map((mapping, n) => ({ id: ids[n], ...mapping })));
    expect((await insert(there, mappings)).ids).toHaveLength(count);
  });

  it.each([2, 5000])('inserts none of %i if the last one is there already', async (count) => {
    const [here, mappings] = [await context(), many(count)];
    const [present, next] = [
      { ...mappings.at(-1)!, terminalId: toTerminalId('other') },
      { ...mappings[0]!, customerId: 8 },
    ];
    await insert(here, [present]);
    await run(async () => {
      const refused = await register().mappings.insert(here, mappings);
      expect(refused).toEqual({ ids: [], duplicate: mappings.at(-1) });
      expect((await register().mappings.insert(here, [next])).ids).toHaveLength(1);
    });
    expect(await mappingsOf(here)).toEqual([{ id: expect.any(Number), ...present }]);
  });

  it.each([2, 5000])('inserts none of %i if the last one repeats the first', async (count) => {
    const [here, mappings] = [await context(), many(count - 1)];
    const repeated = { ...mappings[0]!, terminalId: toTerminalId('repeated') };
    expect(await insert(here, [...mappings, repeated])).toEqual({ ids: [], duplicate: repeated });
    expect(await mappingsOf(here)).toEqual([]);
  });

  const record = (to: ContextId, versions: readonly RecordedMapping[]): Promise<void> =>
    run(() => register().mappingVersions.insert(principal(to), 'updated', versions));
  /** The states of the customer's mappings, the oldest first. */
  const states = async (of: ContextId): Promise<RecordedMapping[]> => {
    const newest = Number.MAX_SAFE_INTEGER;
    const found = await register().mappingVersions.history(of, [CUSTOMER], undefined, newest, 10_000);
    return found.map(({ state }) => state).reverse();
  };
  const manyVersions = (count: number): RecordedMapping[] =>
    many(count).map((mapping) => ({ id: ++lastId, ...mapping }));

  it.each([0, 2, 5000])('keeps %i versions in the order of the list', async (count) => {
    const here = await context();
    const versions = manyVersions(count);
    await record(here, versions);
    expect(await states(here)).toEqual(versions);
  });

  it('keeps no version if one of many repeats the time of another', async () => {
    const here = await context();
    const versions = manyVersions(5000);
    await expect(record(here, [...versions, versions[0]!])).rejects.toThrow();
    expect(await states(here)).toEqual([]);
  });
}
