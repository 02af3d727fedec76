import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidValue } from '../../shared/invalid-value.js';
import { IpAddress, IpNetwork } from './ip-network.js';

/** The model: an address is a number of 128 bits, and a network is all numbers with the same quotient. */
interface Written {
  readonly address: bigint;
  readonly bits: number;
  readonly text: string;
}

const MAPPED = 0xffffn << 32n;
const isIpv4 = (address: bigint): boolean => address >> 32n === 0xffffn;

const dotted = (address: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.');
const hexadecimal = (address: bigint): string =>
  [7n, 6n, 5n, 4n, 3n, 2n, 1n, 0n]
    .map((group) => ((address >> (16n * group)) & 0xffffn).toString(16))
    .join(':');
const toText = (address: bigint): string => (isIpv4(address) ? dotted(address) : hexadecimal(address));

const toBytes = (address: bigint): Buffer => Buffer.from(address.toString(16).padStart(32, '0'), 'hex');
const quotient = (address: bigint, bits: number): bigint => address >> BigInt(128 - bits);
const holdsAllIpv4 = (address: bigint, bits: number): boolean =>
  bits <= 96 && quotient(address, bits) === quotient(MAPPED, bits);

/** A base with a few bits flipped, so that networks overlap often. */
const addressNear = (base: bigint, bits: number): fc.Arbitrary<bigint> =>
  fc
    .array(fc.integer({ min: 0, max: bits - 1 }), { maxLength: 3 })
    .map((flips) => flips.reduce((address, bit) => address ^ (1n << BigInt(bit)), base));
const ipv4Address = addressNear(MAPPED | 0xc0000207n, 32);
const ipv6Address = fc
  .oneof(
    addressNear(0x20010db8n << 96n, 128),
    addressNear(MAPPED, 128),
    addressNear(0n, 128),
    fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
  )
  .filter((address) => !isIpv4(address));
const address = fc.oneof(ipv4Address, ipv6Address);

const written: fc.Arbitrary<Written> = fc
  .tuple(address, fc.integer({ min: 1, max: 128 }), fc.boolean())
  .filter(([each, bits]) => !holdsAllIpv4(each, bits))
  .map(([each, bits, asIpv6]) => {
    const text = isIpv4(each) && !asIpv6 ? `${dotted(each)}/${bits - 96}` : `${hexadecimal(each)}/${bits}`;
    return { address: each, bits, text };
  });

const faultOf = (parse: () => unknown): string | undefined => {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof InvalidValue) return error.message;
    throw error;
  }
};

describe('an IP network', () => {
  it('begins and ends where its prefix says, whatever its host bits', () => {
    fc.assert(
      fc.property(written, ({ address: each, bits, text }) => {
        const network = IpNetwork.parse(text);
        const size = 1n << BigInt(128 - bits);
        const first = quotient(each, bits) * size;
        expect(network.first).toEqual(toBytes(first));
        expect(network.last).toEqual(toBytes(first + size - 1n));
        expect(network.bits).toBe(bits);
        expect(network.text).toBe(text);
      }),
    );
  });

  it('holds the addresses with the same prefix', () => {
    fc.assert(
      fc.property(written, address, (network, other) => {
        const isHeld = quotient(network.address, network.bits) === quotient(other, network.bits);
        const parsed = IpNetwork.parse(network.text);
        expect(parsed.holds(IpAddress.parse(toText(other)))).toBe(isHeld);
        expect(parsed.holds(IpAddress.parse(toText(network.address)))).toBe(true);
      }),
    );
  });

  it('contains networks of longer prefixes, and overlaps those that it contains or is contained in', () => {
    fc.assert(
      fc.property(written, written, (one, two) => {
        const shorter = Math.min(one.bits, two.bits);
        const doMeet = quotient(one.address, shorter) === quotient(two.address, shorter);
        const [network, other] = [IpNetwork.parse(one.text), IpNetwork.parse(two.text)];
        expect(network.overlaps(other)).toBe(doMeet);
        expect(network.contains(other)).toBe(doMeet && one.bits <= two.bits);
        expect(network.isSameAs(other)).toBe(doMeet && one.bits === two.bits);
        expect(network.toString() === other.toString()).toBe(network.isSameAs(other));
      }),
    );
  });

  it('keeps IPv4 and IPv6 apart', () => {
    fc.assert(
      fc.property(written, written, (one, two) => {
        const overlaps = IpNetwork.parse(one.text).overlaps(IpNetwork.parse(two.text));
        expect(overlaps && isIpv4(one.address) !== isIpv4(two.address)).toBe(false);
      }),
    );
  });

  it('is the same network in its shortest form', () => {
    fc.assert(
      fc.property(written, ({ text }) => {
        const network = IpNetwork.parse(text);
        expect(IpNetwork.parse(network.toString()).isSameAs(network)).toBe(true);
      }),
    );
  });

  it('lists exactly the starts of the networks that contain it', () => {
    fc.assert(
      fc.property(written, ({ address: each, bits, text }) => {
        // Every valid network that contains this one begins at one of the starts.
        const expected = new Set<bigint>();
        for (let count = 1; count <= bits; count++) {
          if (holdsAllIpv4(each, count)) continue;
          expected.add(quotient(each, count) << BigInt(128 - count));
        }
        expect(IpNetwork.parse(text).coveringStarts()).toEqual([...expected].map(toBytes));
      }),
    );
  });

  it.each([
    ['192.168.1.25/16', '192.168.0.0/16'],
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1/32', '192.0.2.1'],
    ['0.0.0.0/1', '0.0.0.0/1'],
    ['::ffff:192.0.2.77/120', '192.0.2.0/24'],
    ['::FFFF:c000:207', '192.0.2.7'],
    ['::192.0.2.7', '::c000:207'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1::ff/64', '2001:db8:0:1::/64'],
    ['::1/128', '::1'],
    ['8000::/1', '8000::/1'],
    ['::/81', '::/81'],
    ['::fffe:0:0/96', '::fffe:0:0/96'],
    ['::ffff:0:0:0/96', '::ffff:0:0:0/96'],
  ])('parsed from %s is written %s', (text, shortest) => {
    expect(IpNetwork.parse(text).toString()).toBe(shortest);
  });

  const HOLDS_IPV4 = 'must not hold all IPv4 addresses (::ffff:0:0/96)';
  const FOUR_OCTETS = 'must have four octets, such as 192.0.2.1';
  const NO_ADDRESS = 'must be an IPv4 or IPv6 address, or a CIDR such as 192.0.2.0/24';
  const EVERY = 'must not have the prefix /0, which holds every address';
  const WHOLE = 'must have a whole number after the /';
  const NETMASK = 'must have a prefix length after the /, not a netmask';

  it.each([
    ['', 'must not be empty'],
    [' ', 'must not be blank'],
    ['\u3000', 'must not be blank'],
    [' 192.0.2.1', 'must not begin or end with a space'],
    ['192.0.2.1\n', 'must not begin or end with a space'],
    ['1'.repeat(65), 'must be at most 64 characters'],
    ['256.0.2.1', 'must not have octets above 255 (256)'],
    ['192.0.2.1000/24', 'must not have octets above 255 (1000)'],
    ['::ffff:192.0.2.256', 'must not have octets above 255 (256)'],
    ['192.00.2.1', 'must not have octets with leading zeros (00)'],
    ['010.0.2.1/8', 'must not have octets with leading zeros (010)'],
    ['::ffff:192.0.02.1', 'must not have octets with leading zeros (02)'],
    ['1.2.3', FOUR_OCTETS],
    ['1.2.3/24', FOUR_OCTETS],
    ['1.2.3.', FOUR_OCTETS],
    ['1.2.3.4.5', FOUR_OCTETS],
    ['3221225985', FOUR_OCTETS],
    ['::1.2.3', FOUR_OCTETS],
    ['fe80::1%eth0', 'must not have a zone id (%eth0)'],
    ['fe80::1%1/64', 'must not have a zone id (%1)'],
    ['192.0.2.1%', 'must not have a zone id (%)'],
    ['192.0.2.1/33', 'must not have a prefix longer than /32'],
    ['2001:db8::/129', 'must not have a prefix longer than /128'],
    ['192.0.2.1/-1', WHOLE],
    ['192.0.2.1/+8', WHOLE],
    ['192.0.2.1/8.0', WHOLE],
    ['192.0.2.1/0x8', WHOLE],
    ['192.0.2.1/ 8', WHOLE],
    ['192.0.2.1/٨', WHOLE],
    ['192.0.2.1/8/8', WHOLE],
    ['192.0.2.1/', 'must have a prefix length after the /'],
    ['192.0.2.1/08', 'must not have a prefix length with leading zeros (/08)'],
    ['192.0.2.1/00', 'must not have a prefix length with leading zeros (/00)'],
    ['192.0.2.1/255.255.255.0', NETMASK],
    ['2001:db8::/ffff::', NETMASK],
    ['0.0.0.0/0', EVERY],
    ['::/0', EVERY],
    ['::ffff:192.0.2.1/96', HOLDS_IPV4],
    ['::ffff:0:0/95', HOLDS_IPV4],
    ['::/1', HOLDS_IPV4],
    ['::/80', HOLDS_IPV4],
    ['7fff::/1', HOLDS_IPV4],
    ['router.example', NO_ADDRESS],
    ['localhost', NO_ADDRESS],
    ['1.example', NO_ADDRESS],
    ['/8', NO_ADDRESS],
    ['192.0.2.1,192.0.2.2', NO_ADDRESS],
    ['192.0.2.1-192.0.2.9', NO_ADDRESS],
    ['192.0.2.1:80', NO_ADDRESS],
    ['192.0.2.*', NO_ADDRESS],
    ['0x7f.0.0.1', NO_ADDRESS],
    ['１９２.0.2.1', NO_ADDRESS],
    ['[2001:db8::1]', NO_ADDRESS],
    ['2001:db8', NO_ADDRESS],
    ['1::2::3', NO_ADDRESS],
    ['12345::', NO_ADDRESS],
  ])('cannot be "%s"', (text, fault) => {
    expect(faultOf(() => IpNetwork.parse(text))).toBe(fault);
  });

  it('refuses any other text with a reason', () => {
    const nearlyAddress = fc.string({ unit: fc.constantFrom(...'0123456789abf.:/%- '), maxLength: 24 });
    fc.assert(
      fc.property(fc.oneof(nearlyAddress, fc.string({ unit: 'binary' })), (text) => {
        const fault = faultOf(() => IpNetwork.parse(text));
        if (fault === undefined) expect(IpNetwork.parse(text).text).toBe(text);
        else expect(fault).toMatch(/^must /);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('an IP address', () => {
  it('is the same, however it is written', () => {
    fc.assert(
      fc.property(address, (each) => {
        const one = IpAddress.parse(toText(each));
        expect(one.bytes).toEqual(toBytes(each));
        for (const text of [hexadecimal(each).toUpperCase(), one.toString()]) {
          expect(IpAddress.parse(text)).toEqual(one);
        }
      }),
    );
  });

  it('has few covering starts: those of its single-address network', () => {
    fc.assert(
      fc.property(address, (each) => {
        const starts = IpAddress.parse(toText(each)).coveringStarts();
        expect(starts).toEqual(IpNetwork.parse(toText(each)).coveringStarts());
        expect(starts.length).toBeLessThanOrEqual(isIpv4(each) ? 32 : 128);
        expect(new Set(starts.map((start) => start.toString('hex'))).size).toBe(starts.length);
      }),
    );
    expect(IpAddress.parse('255.255.255.255').coveringStarts()).toHaveLength(32);
    expect(IpAddress.parse(hexadecimal((1n << 128n) - 1n)).coveringStarts()).toHaveLength(128);
    expect(IpAddress.parse('0.0.0.0').coveringStarts()).toEqual([toBytes(MAPPED)]);
  });

  it.each([
    ['192.0.2.1/32', 'must be a single address, without a prefix length'],
    ['192.0.2.0/24', 'must be a single address, without a prefix length'],
    ['', 'must not be empty'],
    [' ', 'must not be blank'],
    ['192.0.2.1 ', 'must not begin or end with a space'],
    ['fe80::1%eth0', 'must not have a zone id (%eth0)'],
    ['1.2.3', 'must have four octets, such as 192.0.2.1'],
    ['01.2.3.4', 'must not have octets with leading zeros (01)'],
    ['router.example', 'must be an IPv4 or IPv6 address'],
  ])('cannot be "%s"', (text, fault) => {
    expect(faultOf(() => IpAddress.parse(text))).toBe(fault);
  });
});
