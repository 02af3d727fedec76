import { beforeAll, expect, it } from '@jest/globals';
import type { ContextId } from '../../src/identity/domain/principal.js';
import type { Register } from '../support/register.js';
import { aMapping, END, IpMappingHarness, type Period } from './ip-mapping-harness.js';

interface Example {
  readonly network: string;
  readonly period?: Period;
}

interface Case {
  /** What the existing mapping is to the proposed one. */
  readonly relation: string;
  readonly existing: Example;
  readonly proposed: Example;
}

const IN_THE_WAY: readonly Case[] = [
  {
    relation: 'has the same network',
    existing: { network: '192.0.2.0/24' },
    proposed: { network: '192.0.2.0/24' },
  },
  {
    relation: 'has the same network in another notation',
    existing: { network: '192.0.2.77/24' },
    proposed: { network: '::ffff:192.0.2.0/120' },
  },
  {
    relation: 'has the same address',
    existing: { network: '192.0.2.1' },
    proposed: { network: '192.0.2.1/32' },
  },
  {
    relation: 'contains the network',
    existing: { network: '192.0.0.0/16' },
    proposed: { network: '192.0.2.1' },
  },
  {
    relation: 'contains the network and begins with it',
    existing: { network: '192.0.2.0/23' },
    proposed: { network: '192.0.2.0/24' },
  },
  {
    relation: 'contains the network and ends with it',
    existing: { network: '192.0.2.0/23' },
    proposed: { network: '192.0.3.0/24' },
  },
  {
    relation: 'contains the network and is as wide as possible',
    existing: { network: '128.0.0.0/1' },
    proposed: { network: '255.255.255.255' },
  },
  {
    relation: 'lies inside the network',
    existing: { network: '192.0.2.77' },
    proposed: { network: '192.0.2.0/24' },
  },
  {
    relation: 'is the first address of the network',
    existing: { network: '192.0.2.0' },
    proposed: { network: '192.0.2.0/24' },
  },
  {
    relation: 'is the last address of the network',
    existing: { network: '192.0.2.255' },
    proposed: { network: '192.0.2.0/24' },
  },
  {
    relation: 'lies inside a network as wide as possible',
    existing: { network: '127.255.255.255' },
    proposed: { network: '0.0.0.0/1' },
  },
  {
    relation: 'has the same IPv6 network',
    existing: { network: '2001:db8::/32' },
    proposed: { network: '2001:DB8:0::/32' },
  },
  {
    relation: 'contains the IPv6 address',
    existing: { network: '2001:db8::/32' },
    proposed: { network: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff' },
  },
  {
    relation: 'lies inside the IPv6 network',
    existing: { network: '2001:db8:0:0:8000::' },
    proposed: { network: '2001:db8::/64' },
  },
  {
    relation: 'lies inside an IPv6 network as wide as possible',
    existing: { network: 'ffff::1' },
    proposed: { network: '8000::/1' },
  },
  {
    relation: 'ends in the first second of the period',
    existing: { network: '192.0.2.1', period: [0, 11] },
    proposed: { network: '192.0.2.1', period: [10, 20] },
  },
  {
    relation: 'begins in the last second of the period',
    existing: { network: '192.0.2.1', period: [19, 30] },
    proposed: { network: '192.0.2.1', period: [10, 20] },
  },
  {
    relation: 'lasts for a part of the period',
    existing: { network: '192.0.2.1', period: [12, 13] },
    proposed: { network: '192.0.2.1', period: [10, 20] },
  },
  {
    relation: 'lasts longer than the period',
    existing: { network: '192.0.2.1', period: [0, null] },
    proposed: { network: '192.0.2.1', period: [10, 20] },
  },
  {
    relation: 'is open, as the proposed one is',
    existing: { network: '192.0.2.1', period: [10, null] },
    proposed: { network: '192.0.0.0/16', period: [20, null] },
  },
  {
    relation: 'has the same first second, the earliest of all',
    existing: { network: '192.0.2.1', period: [0, 1] },
    proposed: { network: '192.0.0.0/16', period: [0, 1] },
  },
  {
    relation: 'is open in the last second of all',
    existing: { network: '192.0.2.1', period: [5, null] },
    proposed: { network: '192.0.2.1', period: [END - 1, END] },
  },
  {
    relation: 'is valid in the last second of all alone',
    existing: { network: '192.0.2.1', period: [END - 1, END] },
    proposed: { network: '192.0.0.0/16', period: [0, null] },
  },
];

const NOT_IN_THE_WAY: readonly Case[] = [
  {
    relation: 'is the address before the network',
    existing: { network: '192.0.1.255' },
    proposed: { network: '192.0.2.0/24' },
  },
  {
    relation: 'is the address after the network',
    existing: { network: '192.0.3.0' },
    proposed: { network: '192.0.2.0/24' },
  },
  {
    relation: 'begins and ends before the network',
    existing: { network: '192.0.0.0/23' },
    proposed: { network: '192.0.2.0/24' },
  },
  {
    relation: 'is the address after the IPv6 network',
    existing: { network: '2001:db8:0:1::' },
    proposed: { network: '2001:db8::/64' },
  },
  {
    relation: 'is IPv6 with the same last 32 bits as the IPv4 address',
    existing: { network: '::c000:201' },
    proposed: { network: '192.0.2.1' },
  },
  {
    relation: 'is an IPv6 network near the v4-mapped addresses',
    existing: { network: '::1:0:0/96' },
    proposed: { network: '192.0.2.1' },
  },
  {
    relation: 'ends when the period begins',
    existing: { network: '192.0.2.1', period: [0, 10] },
    proposed: { network: '192.0.2.1', period: [10, 20] },
  },
  {
    relation: 'begins when the period ends',
    existing: { network: '192.0.2.1', period: [20, 30] },
    proposed: { network: '192.0.2.1', period: [10, 20] },
  },
  {
    relation: 'is open and begins when the period ends',
    existing: { network: '192.0.2.1', period: [20, null] },
    proposed: { network: '192.0.2.1', period: [10, 20] },
  },
  {
    relation: 'contains the network but ends before the period',
    existing: { network: '192.0.0.0/16', period: [0, 10] },
    proposed: { network: '192.0.2.1', period: [10, null] },
  },
  {
    relation: 'lies inside the network but begins after the period',
    existing: { network: '192.0.2.1', period: [20, null] },
    proposed: { network: '192.0.0.0/16', period: [10, 20] },
  },
  {
    relation: 'ends before the last second of all',
    existing: { network: '192.0.2.1', period: [0, END - 1] },
    proposed: { network: '192.0.2.1', period: [END - 1, END] },
  },
];

export function ipMappingConflictsContract(register: () => Register): void {
  const { context, probe, insert, add, conflicting } = new IpMappingHarness(register);

  let here: ContextId;

  beforeAll(async () => {
    here = await context();
  });

  async function expectConflict({ existing, proposed }: Case, isInTheWay: boolean): Promise<void> {
    await probe(async () => {
      const held = await add(here, existing.network, existing.period);
      const wanted = aMapping(proposed.network, proposed.period);
      expect(await conflicting(here, wanted)).toBeUndefined();
      const expected = isInTheWay ? held : undefined;
      expect(await conflicting(here, { ...wanted, customerId: 2 })).toEqual(expected);
      // The customer's own mappings, which come first, do not hide the other's.
      for (const network of [wanted.network.text, '0.0.0.0/1', '128.0.0.0/1', '2000::/3']) {
        await insert(here, { ...aMapping(network), customerId: 2 });
      }
      expect(await conflicting(here, { ...wanted, customerId: 2 })).toEqual(expected);
    });
  }

  it.each(IN_THE_WAY)("finds another customer's mapping that $relation", (example) =>
    expectConflict(example, true),
  );

  it.each(NOT_IN_THE_WAY)('finds no conflict with a mapping that $relation', (example) =>
    expectConflict(example, false),
  );
}
