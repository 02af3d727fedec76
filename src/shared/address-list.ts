import { isIP } from 'node:net';
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';
import { parseAddress, unmapped } from './ip-address.js';

/** Networks, each as an address and the length of its prefix. */
export type AddressList = readonly (readonly [address: IPv4 | IPv6, bits: number])[];

/**
 * Parses a list of IPv4 and IPv6 addresses and CIDRs, for `includesAddress`. An IPv4-mapped IPv6 address counts as the
 * IPv4 address; no other IPv6 network includes IPv4 addresses.
 *
 * @throws TypeError if an entry is neither an address nor a CIDR
 */
export function addressList(entries: readonly string[]): AddressList {
  return entries.map((entry) => {
    const [, text = '', prefix] = /^([^/%]*)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const version = isIP(text);
    if (version === 0) throw new TypeError('not an IP address or CIDR');
    const length = version === 4 ? 32 : 128;
    const bits = Number(prefix ?? length);
    if (bits > length) throw new TypeError('the prefix is longer than the address');
    const address = parseAddress(text);
    const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96;
    return isMapped ? [address.toIPv4Address(), bits - 96] : [address, bits];
  });
}

/** Whether `address` is in the list; false if it is malformed. */
export function includesAddress(list: AddressList, address: string): boolean {
  if (isIP(address) === 0) return false;
  const plain = withoutZone(address);
  return list.some(([network, bits]) => network.kind() === plain.kind() && plain.match(network, bits));
}

/** The canonical form of an address, without the port that some proxies add; '' if it is malformed. */
export function plainAddress(text: string): string {
  if (isIP(text) === 4) return text;
  const address = text.replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1').replace(/^\[(.*)\](:\d+)?$/, '$1');
  return isIP(address) === 0 ? '' : withoutZone(address).toString();
}

/** @param text a valid address */
function withoutZone(text: string): IPv4 | IPv6 {
  return unmapped(parseAddress(text.replace(/%.*$/, '')));
}
