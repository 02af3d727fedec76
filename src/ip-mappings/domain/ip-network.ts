import { isIP } from 'node:net';
import { toAddressBytes, toAddressText } from '../../shared/ip-address.js';
import { InvalidValue } from '../../shared/invalid-value.js';

/** The addresses from `first` through `last`: 16 bytes each, which compare bytewise; IPv4 is IPv4-mapped IPv6. */
export interface AddressRange {
  readonly first: Buffer;
  readonly last: Buffer;
}

/** A single address. An IPv4-mapped IPv6 address is the IPv4 address. */
export class IpAddress {
  private constructor(
    /** 16 bytes. */
    readonly bytes: Buffer,
  ) {}

  /** @throws InvalidValue unless `text` is one address without a prefix length */
  static parse(text: string): IpAddress {
    requireTrimmed(text);
    if (text.includes('/')) throw new InvalidValue('must be a single address, without a prefix length');
    return new IpAddress(parseBytes(text, 'must be an IPv4 or IPv6 address'));
  }

  /** The shortest form (RFC 5952). */
  toString(): string {
    return toAddressText(this.bytes);
  }

  /** The first address of every network that can hold this address: at most 32 for IPv4, 128 for IPv6. */
  coveringStarts(): Buffer[] {
    return startsOf(this.bytes, ALL_BITS);
  }
}

/**
 * An address, or all addresses that share the bits of its prefix.
 *
 * Networks that contain all IPv4 addresses, such as ::/1, are refused, and so is /0. They contain ::/8, which is
 * reserved, so no customer has one. Therefore no IPv6 network contains an IPv4 address, and comparing bytes is enough, in
 * the database too.
 */
export class IpNetwork implements AddressRange {
  private constructor(
    /** As given; host bits may be set. */
    readonly text: string,
    readonly first: Buffer,
    readonly last: Buffer,
    /** The prefix length in 128 bits: 120 for an IPv4 /24. */
    readonly bits: number,
  ) {}

  /** @param text an address, or a CIDR. @throws InvalidValue */
  static parse(text: string): IpNetwork {
    requireTrimmed(text);
    const [, address = '', prefix] = /^([^/]*)(?:\/(.*))?$/s.exec(text) ?? [];
    const bytes = parseBytes(address, 'must be an IPv4 or IPv6 address, or a CIDR such as 192.0.2.0/24');
    const bits = parseBits(prefix, isIP(address) === 4 ? 32 : ALL_BITS);
    if (bits < shortestBits(bytes))
      throw new InvalidValue('must not hold all IPv4 addresses (::ffff:0:0/96)');
    return new IpNetwork(text, masked(bytes, bits), masked(bytes, bits, 0xff), bits);
  }

  holds({ bytes }: IpAddress): boolean {
    return this.first.compare(bytes) <= 0 && this.last.compare(bytes) >= 0;
  }

  contains(other: IpNetwork): boolean {
    return this.first.compare(other.first) <= 0 && this.last.compare(other.last) >= 0;
  }

  overlaps(other: IpNetwork): boolean {
    return this.contains(other) || other.contains(this);
  }

  /** Whether both contain the same addresses, however they are written. */
  isSameAs(other: IpNetwork): boolean {
    return this.bits === other.bits && this.first.equals(other.first);
  }

  /** The first address in the shortest form, with the prefix unless it is a single address: `192.0.2.0/24`. */
  toString(): string {
    const address = toAddressText(this.first);
    if (this.bits === ALL_BITS) return address;
    return `${address}/${isIP(address) === 4 ? this.bits - MAPPED_BITS : this.bits}`;
  }

  /** The first address of this network and of every network that can contain it. */
  coveringStarts(): Buffer[] {
    return startsOf(this.first, this.bits);
  }
}

const MAX_CHARACTERS = 64;
const ALL_BITS = 128;
/** All IPv4 addresses share these first bits; no IPv6 address has them. */
const MAPPED_BITS = 96;
const MAPPED = toAddressBytes('::ffff:0:0');

/** The shortest prefix length around this address that does not contain all of IPv4. */
function shortestBits(bytes: Buffer): number {
  const byte = bytes.findIndex((each, n) => n < MAPPED_BITS / 8 && each !== MAPPED[n]);
  if (byte < 0) return MAPPED_BITS + 1;
  const differing = (bytes[byte] ?? 0) ^ (MAPPED[byte] ?? 0);
  return 8 * byte + Math.clz32(differing) - 24 + 1;
}

/** The distinct first addresses of all networks around an address with a prefix of at most `bits` bits, widest first. */
function startsOf(bytes: Buffer, bits: number): Buffer[] {
  const shortest = shortestBits(bytes);
  let start = masked(bytes, shortest);
  const starts = [start];
  // A longer prefix has another first address only if its last bit is set.
  for (let bit = shortest; bit < bits; bit++) {
    const set = (bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7));
    if (set === 0) continue;
    start = Buffer.from(start);
    start[bit >> 3] = (start[bit >> 3] ?? 0) | set;
    starts.push(start);
  }
  return starts;
}

/** Replaces everything after the first `bits` bits by `filler`. */
function masked(bytes: Buffer, bits: number, filler: 0 | 0xff = 0): Buffer {
  const whole = bits >> 3;
  const result = Buffer.alloc(bytes.length, filler);
  bytes.copy(result, 0, 0, whole);
  if (whole < bytes.length) {
    const free = 0xff >> (bits & 7);
    result[whole] = ((bytes[whole] ?? 0) & ~free) | (filler & free);
  }
  return result;
}

function requireTrimmed(text: string): void {
  if (text === '') throw new InvalidValue('must not be empty');
  if (text.length > MAX_CHARACTERS) throw new InvalidValue(`must be at most ${MAX_CHARACTERS} characters`);
  if (text.trim() === '') throw new InvalidValue('must not be blank');
  if (text.trim() !== text) throw new InvalidValue('must not begin or end with a space');
}

/** @param otherwise the message for a text that doesn't look like an address */
function parseBytes(address: string, otherwise: string): Buffer {
  const [zone] = /%.*/s.exec(address) ?? [];
  if (zone !== undefined) throw new InvalidValue(`must not have a zone id (${zone})`);
  if (isIP(address) === 0) throw new InvalidValue(faultOfDotted(address) ?? otherwise);
  return toAddressBytes(address);
}

/** What is wrong with an address that seems to end in IPv4 octets; undefined = nothing found. */
function faultOfDotted(address: string): string | undefined {
  const [dotted] = /(?<=^|:)\d*(\.\d*)+$|^\d+$/.exec(address) ?? [];
  if (dotted === undefined) return undefined;
  const octets = dotted.split('.');
  if (octets.length !== 4 || octets.includes('')) return 'must have four octets, such as 192.0.2.1';
  const padded = octets.find((octet) => /^0\d/.test(octet));
  if (padded !== undefined) return `must not have octets with leading zeros (${padded})`;
  const large = octets.find((octet) => Number(octet) > 255);
  return large === undefined ? undefined : `must not have octets above 255 (${large})`;
}

/** The prefix length in 128 bits. @param length the number of bits of the address */
function parseBits(prefix: string | undefined, length: number): number {
  if (prefix === undefined) return ALL_BITS;
  if (prefix === '') throw new InvalidValue('must have a prefix length after the /');
  if (isIP(prefix) !== 0) throw new InvalidValue('must have a prefix length after the /, not a netmask');
  if (!/^\d+$/.test(prefix)) throw new InvalidValue('must have a whole number after the /');
  if (/^0\d/.test(prefix))
    throw new InvalidValue(`must not have a prefix length with leading zeros (/${prefix})`);
  if (Number(prefix) > length) throw new InvalidValue(`must not have a prefix longer than /${length}`);
  if (Number(prefix) === 0) throw new InvalidValue('must not have the prefix /0, which holds every address');
  return ALL_BITS - length + Number(prefix);
}
