import { isIP } from 'node:net';
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';

/** Parses like ipaddr.js, which confuses `::192.0.2.1` with `::ffff:192.0.2.1`. @param text a valid address without a zone id */
export function parseAddress(text: string): IPv4 | IPv6 {
  if (isIP(text) === 4) return ipaddr.IPv4.parse(text);
  const hex = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16);
  return ipaddr.IPv6.parse(
    text.replace(
      /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
      (_, a: string, b: string, c: string, d: string) => `${hex(a, b)}:${hex(c, d)}`,
    ),
  );
}

/** Converts IPv4-mapped IPv6 to IPv4. */
export function unmapped(address: IPv4 | IPv6): IPv4 | IPv6 {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** The 16 bytes of an address, IPv4 as IPv4-mapped IPv6. @param text a valid address without a zone id */
export function toAddressBytes(text: string): Buffer {
  // A fast path, since a bulk look-up has ten thousand addresses, mostly IPv4.
  if (isIP(text) === 4) return Buffer.concat([MAPPED, Buffer.from(text.split('.').map(Number))]);
  return Buffer.from(parseAddress(text).toByteArray());
}

const MAPPED = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

/** The canonical text (RFC 5952) of an address of 16 bytes, IPv4-mapped IPv6 as IPv4. */
export function toAddressText(bytes: Buffer): string {
  if (bytes.subarray(0, 12).equals(MAPPED)) return bytes.subarray(12).join('.');
  return ipaddr.fromByteArray([...bytes]).toString();
}
