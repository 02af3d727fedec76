import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mappingAmbiguous, mappingDuplicate, mappingOverlap } from './ip-mapping.errors.js';
import { InvalidValue } from '../../shared/invalid-value.js';
import {
  conflictsWith,
  isDuplicateOf,
  mostSpecific,
  toTerminalId,
  withoutHolder,
  type IpMapping,
} from './ip-mapping.js';
import { IpAddress, IpNetwork } from './ip-network.js';
import { Validity } from './validity.js';

/** The model is every address of a small network at every second of a short period. */
const ADDRESSES = Array.from({ length: 8 }, (_, n) => `192.0.2.${n}`);
const SECONDS = Array.from({ length: 9 }, (_, second) => second);

const cells = ({ network, validity }: IpMapping): string[] =>
  ADDRESSES.flatMap((address) => {
    const seconds = SECONDS.filter((second) => validity.holds(second));
    return network.holds(IpAddress.parse(address)) ? seconds.map((second) => `${address} ${second}`) : [];
  });

const validity = fc
  .tuple(fc.nat(6), fc.option(fc.integer({ min: 1, max: 7 })))
  .filter(([from, to]) => to === null || from < to)
  .map(([from, to]) => Validity.between(from, to));

const network = fc
  .tuple(fc.constantFrom(...ADDRESSES), fc.constantFrom('', '/31', '/30', '/29'), fc.boolean())
  .map(([address, prefix, asIpv6]) => {
    if (!asIpv6) return IpNetwork.parse(address + prefix);
    return IpNetwork.parse(`::ffff:${address}${prefix && `/${96 + Number(prefix.slice(1))}`}`);
  });

const mapping: fc.Arbitrary<IpMapping> = fc.record({
  id: fc.integer({ min: 1, max: 5 }),
  customerId: fc.integer({ min: 1, max: 2 }),
  network,
  validity,
  terminalId: fc.constantFrom('', 'T1').map(toTerminalId),
});

const EXAMPLE: IpMapping = {
  id: 7,
  customerId: 1,
  network: IpNetwork.parse('192.168.1.25/16'),
  validity: Validity.fromWire(1_723_431_899, 1_723_444_899),
  terminalId: toTerminalId('TERM12345'),
};

describe('an IP mapping', () => {
  it("conflicts with another customer's that holds one of its addresses at the same second", () => {
    fc.assert(
      fc.property(mapping, mapping, (one, two) => {
        const doMeet = cells(one).some((cell) => cells(two).includes(cell));
        expect(conflictsWith(one, two)).toBe(one.customerId !== two.customerId && doMeet);
      }),
    );
  });

  it('duplicates another of the same customer with the same network and validity', () => {
    fc.assert(
      fc.property(mapping, mapping, (one, two) => {
        const isSame = String(cells(one)) === String(cells(two)) && one.customerId === two.customerId;
        expect(isDuplicateOf(one, two)).toBe(isSame && one.id !== two.id);
        const { customerId, network, validity, terminalId } = one;
        expect(isDuplicateOf({ customerId, network, validity, terminalId }, two)).toBe(isSame);
      }),
    );
  });

  it('keeps its past when its holder is deleted, unless a later one becomes identical', () => {
    fc.assert(
      fc.property(fc.array(mapping, { maxLength: 6 }), fc.nat(8), (some, now) => {
        const all = some.map((each, n) => ({ ...each, id: n + 1, customerId: 1 }));
        const past = (each: IpMapping) => cells(each).filter((cell) => Number(cell.split(' ')[1]) < now);
        const result = withoutHolder(all, now);
        expect(new Set(result.map(([each]) => each))).toEqual(new Set(all));
        for (const [each, left] of result) {
          const isRepeatedLater = all.some(
            (other) => other.id > each.id && String(past(other)) === String(past(each)),
          );
          expect(left === undefined).toBe(past(each).length === 0 || isRepeatedLater);
          if (left === undefined) continue;
          expect(cells(left)).toEqual(past(each));
          expect({ ...left, validity: each.validity }).toEqual(each);
        }
      }),
    );
    expect(withoutHolder([EXAMPLE], 1_723_444_900)).toEqual([[EXAMPLE, EXAMPLE]]);
  });
});

describe('the most specific mapping', () => {
  it('has the longest prefix, then the latest start, then the highest id', () => {
    const rank = ({ network, validity, id }: IpMapping): number[] => [network.bits, validity.from, id];
    const isBelow = (one: IpMapping, two: IpMapping): boolean => {
      const at = rank(one).findIndex((part, n) => part !== rank(two)[n]);
      return at >= 0 && (rank(one)[at] ?? 0) < (rank(two)[at] ?? 0);
    };
    fc.assert(
      fc.property(fc.array(mapping), (mappings) => {
        const found = mostSpecific(mappings);
        if (found === undefined) expect(mappings).toEqual([]);
        else expect(mappings.filter((other) => isBelow(found, other))).toEqual([]);
      }),
    );
  });
});

describe('a terminal id', () => {
  it.each(['', 'TERM12345', ' TERM2025010001', '00:11:22:aa', 'टर्मिनल', '😀'.repeat(64)])(
    'can be "%s"',
    (text) => {
      expect(toTerminalId(text)).toBe(text);
    },
  );

  it.each([
    ['x'.repeat(65), 'must be at most 64 characters'],
    ['😀'.repeat(65), 'must be at most 64 characters'],
    ['a\nb', 'must not contain control characters or line breaks'],
    ['\u0000', 'must not contain control characters or line breaks'],
    ['\u0085', 'must not contain control characters or line breaks'],
    ['\ud800', 'must be valid Unicode text'],
  ])('cannot be %j', (text, fault) => {
    expect(() => toTerminalId(text)).toThrow(new InvalidValue(fault));
  });
});

describe('an error about a mapping', () => {
  it('describes the mapping that is in the way', () => {
    const wanted = { ...EXAMPLE, network: IpNetwork.parse('192.168.7.7/24') };
    const overlap = mappingOverlap(wanted, 'U1001', EXAMPLE);
    const details = { ipsubnet: '192.168.7.7/24', records: 1 };
    expect(overlap.discloses).toEqual({ action: 'mapping.refused', userId: 'U1001', details });
    expect(overlap.code).toBe('mapping_overlap');
    expect(overlap.message).toBe(
      'Overlaps ipsubnet 192.168.1.25/16, starttime 1723431899, endtime 1723444899 of UserID : U1001',
    );
  });

  it('has the message for a duplicate that existing clients read', () => {
    expect(mappingDuplicate(EXAMPLE, 'U1001')).toMatchObject({
      code: 'mapping_duplicate',
      message: 'Duplicate Mapping for UserID : U1001',
      discloses: {
        action: 'mapping.refused',
        userId: 'U1001',
        details: { ipsubnet: EXAMPLE.network.text, records: 1 },
      },
    });
  });

  it('lists up to 100 candidates', () => {
    const open = { ...EXAMPLE, id: 8, validity: Validity.fromWire(0, null) };
    const { message, faults } = mappingAmbiguous('U1001', [EXAMPLE, open]);
    expect(message).toBe('The customer has 2 mappings; send the id of one');
    expect(faults).toEqual([
      {
        field: 'id',
        message: 'may be 7: ipsubnet 192.168.1.25/16, starttime 1723431899, endtime 1723444899',
      },
      { field: 'id', message: 'may be 8: ipsubnet 192.168.1.25/16, starttime 0, endtime null' },
    ]);
    expect(
      mappingAmbiguous(
        'U1001',
        Array.from({ length: 5000 }, () => EXAMPLE),
      ).faults,
    ).toHaveLength(100);
  });
});
