import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ContextId } from '../../src/identity/domain/principal.js';
import type { NewMapping } from '../../src/ip-mappings/application/ip-mapping.repository.js';
import { principal } from '../support/principal.js';
import type { Register } from '../support/register.js';
import { aMapping, customersOf, IpMappingHarness, T } from './ip-mapping-harness.js';

export function ipMappingModelContract(register: () => Register): void {
  const { context, probe, holding } = new IpMappingHarness(register);

  it('finds the same holders and conflicts as a model that tries each address, second and version', async () => {
    const here = await context();
    await fc.assert(
      fc.asyncProperty(fc.array(aLife, { minLength: 1, maxLength: 5 }), aState, async (lives, query) => {
        await probe(() => compare(here, lives, query));
      }),
      { numRuns: 25 },
    );
  });

  const compare = async (here: ContextId, lives: readonly Life[], query: State): Promise<void> => {
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
      for (const address of [query.base, (query.base + 3) % SIZE]) {
        const second = (query.from + n) % SECONDS;
        const expected = known.filter(({ state }) => isHeld(state, query.isIpv6, address, second));
        const found = await holding(here, addressOf(query.isIpv6, address), second, at);
        expect(customersOf(found)).toEqual(expected.map(({ customerId }) => customerId));
      }
    }
    for (const customerId of [0, 1]) {
      const expected = present.filter((each) => each.customerId !== customerId && overlap(each.state, query));
      const found = await mappings.conflicting(here, { ...mappingOf(customerId, query, T) });
      if (expected.length === 0) expect(found).toBeUndefined();
      else expect(expected.map((each) => each.customerId)).toContain(found?.customerId);
    }
  };
}

/** The model knows eight addresses of IPv4 and of IPv6, and a few seconds. */
const SIZE = 8;
const SECONDS = 6;

/** A mapping in a version; its network leaves the last `free` bits free. */
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
/** When a mapping got a version. Each mapping has its own customer. */
const timeOf = (version: number, customerId: number): number => T + 10 * version + customerId;

function mappingOf(customerId: number, state: State, updatedAt: number): NewMapping {
  const { isIpv6, base, free, from, to } = state;
  const network = `${addressOf(isIpv6, base)}/${(isIpv6 ? 128 : 32) - free}`;
  return aMapping(network, [from, to], { customerId, updatedAt });
}

/** The mappings and their states at a time. */
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

function overlap(one: State, two: State): boolean {
  const addresses = Array.from({ length: SIZE }, (_, n) => n);
  const seconds = Array.from({ length: 2 * SECONDS }, (_, second) => second);
  return addresses.some((n) =>
    seconds.some((at) => isHeld(one, one.isIpv6, n, at) && isHeld(two, one.isIpv6, n, at)),
  );
}
