import { BlockList, isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * A list of addresses and CIDRs, IPv4 and IPv6, to ask whether it holds an address. An IPv4 address written
 * as IPv4-mapped IPv6 is the IPv4 address.
 *
 * @throws TypeError when an entry is neither an address nor a CIDR
 */
export function addressList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [, address = '', prefix] = /^([^/%]*)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const version = isIP(address);
    if (version === 0) throw new TypeError('not an IP address or CIDR');
    const bits = version === 4 ? 32 : 128;
    if (Number(prefix ?? bits) > bits) throw new TypeError('the prefix is longer than the address');
    list.addSubnet(address, Number(prefix ?? bits), version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** Whether `list` holds `address`; never for what is not an address. */
export function holds(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** An address in its one shortest form, IPv4-mapped IPv6 as IPv4, without the port that some proxies add; '' for what is not an address. */
export function plainAddress(text: string): string {
  if (isIP(text) === 4) return text;
  const address = text.replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1').replace(/^\[(.*)\](:\d+)?$/, '$1');
  return isIP(address) === 0 ? '' : ipaddr.process(address.replace(/%.*$/, '')).toString();
}
