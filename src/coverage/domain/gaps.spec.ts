import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { gapsIn, type Gap } from './gaps.js';
import { IpNetwork, type AddressRange } from '../../ip-mappings/domain/ip-network.js';
import { Validity } from '../../ip-mappings/domain/validity.js';

interface Held {
  readonly network: AddressRange;
  readonly validity: Validity;
}

const ADDRESSES = 16;
const SECONDS = Array.from({ length: 10 }, (_, second) => second);

async function gapsOf(range: AddressRange, period: Validity, mappings: readonly Held[]): Promise<Gap[]> {
  const gaps: Gap[] = [];
  const byFirst = mappings.toSorted((a, b) => a.network.first.compare(b.network.first));
  for await (const gap of gapsIn(range, period, byFirst)) gaps.push(gap);
  return gaps;
}

const secondsOf = (periods: readonly Validity[]): number[] =>
  SECONDS.filter((second) => periods.some((period) => period.holds(second)));

/** 16 addresses: across a carry over several bytes, the first ones, and the last ones. */
const bases = fc.constantFrom(
  0xffff_c0a8_fff8n,
  (0x20010db8n << 96n) - 8n,
  0n,
  (1n << 128n) - BigInt(ADDRESSES),
);
const toBytes = (base: bigint, n: number): Buffer =>
  Buffer.from((base + BigInt(n)).toString(16).padStart(32, '0'), 'hex');

const period = fc
  .tuple(fc.nat(7), fc.option(fc.integer({ min: 1, max: 9 })))
  .filter(([from, to]) => to === null || from < to)
  .map(([from, to]) => Validity.between(from, to));

/** The first and the last address of a range, as indexes into the 16. */
type Numbers = readonly [number, number];
const anyRange = fc
  .tuple(fc.nat(ADDRESSES - 1), fc.nat(ADDRESSES - 1))
  .map(([a, b]): Numbers => [Math.min(a, b), Math.max(a, b)]);
const network = fc.tuple(fc.nat(ADDRESSES - 1), fc.nat(4)).map(([n, bits]): Numbers => {
  const size = 2 ** bits;
  return [n - (n % size), n - (n % size) + size - 1];
});

describe('the gaps in a range', () => {
  it('are what nobody held, by ascending address, merged where possible', async () => {
    const held = fc.record({ numbers: fc.oneof(network, anyRange), validity: period });
    await fc.assert(
      fc.asyncProperty(
        bases,
        anyRange,
        period,
        fc.array(held, { maxLength: 12 }),
        async (base, range, when, mappings) => {
          const toRange = ([first, last]: Numbers): AddressRange => ({
            first: toBytes(base, first),
            last: toBytes(base, last),
          });
          const gaps = await gapsOf(
            toRange(range),
            when,
            mappings.map(({ numbers, validity }) => ({ network: toRange(numbers), validity })),
          );

          const free = (n: number): number[] => {
            const holders = mappings.filter(({ numbers: [first, last] }) => first <= n && n <= last);
            const isHeld = (at: number): boolean => holders.some(({ validity }) => validity.holds(at));
            return secondsOf([when]).filter((at) => !isHeld(at));
          };
          const expected: { first: Buffer; last: Buffer; seconds: number[] }[] = [];
          for (let n = range[0]; n <= range[1]; n++) {
            const before = expected.at(-1);
            const [address, seconds] = [toBytes(base, n), free(n)];
            if (n > range[0] && before !== undefined && String(free(n - 1)) === String(seconds)) {
              before.last = address;
            } else expected.push({ first: address, last: address, seconds });
          }
          const found = gaps.map(({ first, last, periods }) => ({ first, last, seconds: secondsOf(periods) }));
          expect(found).toEqual(expected.filter(({ seconds }) => seconds.length > 0));
          for (const { periods } of gaps) {
            periods.slice(1).forEach(({ from }, n) => expect(periods[n]?.to).toBeLessThan(from));
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  const ALWAYS = Validity.between(0, null);
  const mapping = (text: string, from = 0, to: number | null = null): Held => ({
    network: IpNetwork.parse(text),
    validity: Validity.between(from, to),
  });

  it('are the whole range without mappings, and nothing within a mapping that covers it', async () => {
    const network = IpNetwork.parse('192.0.2.0/24');
    expect(await gapsOf(network, ALWAYS, [])).toEqual([
      { first: network.first, last: network.last, periods: [ALWAYS] },
    ]);
    expect(await gapsOf(network, ALWAYS, [mapping('192.0.0.0/16')])).toEqual([]);
  });

  it('take account of larger networks around the range', async () => {
    const network = IpNetwork.parse('2001:db8::/32');
    const inside = mapping('2001:db8::/33', 10, 20);
    const gaps = await gapsOf(network, Validity.between(0, 30), [
      mapping('2001::/16', 0, 5),
      mapping('2001:db9::/32'),
      inside,
    ]);
    expect(gaps).toEqual([
      {
        first: network.first,
        last: inside.network.last,
        periods: [Validity.between(5, 10), Validity.between(20, 30)],
      },
      {
        first: IpNetwork.parse('2001:db8:8000::').first,
        last: network.last,
        periods: [Validity.between(5, 30)],
      },
    ]);
  });

  it('take linear time among thousands of holders of one address', async () => {
    const overlaps = jest.spyOn(Validity.prototype, 'overlaps');
    const holders = Array.from({ length: 5000 }, (_, n) => mapping('192.0.2.1', 10 * n, 10 * n + 9));
    const [gap] = await gapsOf(IpNetwork.parse('192.0.2.1'), ALWAYS, holders);
    expect(gap?.periods).toHaveLength(5000);
    expect(overlaps.mock.calls.length).toBeLessThan(5 * 5000);
    overlaps.mockRestore();
  });

  it('are yielded while the mappings are still being read', async () => {
    let read = 0;
    async function* everySecondAddress(): AsyncGenerator<Held> {
      for (; ; read++) yield mapping(`10.${read >> 15}.${(read >> 7) & 255}.${2 * (read & 127)}`);
    }
    const gaps = gapsIn(IpNetwork.parse('10.0.0.0/8'), ALWAYS, everySecondAddress());
    for (const last of ['10.0.0.1', '10.0.0.3', '10.0.0.5']) {
      const { first } = IpNetwork.parse(last);
      expect((await gaps.next()).value).toEqual({ first, last: first, periods: [ALWAYS] });
    }
    await gaps.return(undefined);
    expect(read).toBeLessThan(6);
  });
});
