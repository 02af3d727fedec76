import { IpNetwork } from '../src/ip-mappings/domain/ip-network.js';

/** A mapping of a filled register. */
interface Mapping {
  /** The customer, counted from 0. */
  readonly holder: number;
  readonly network: IpNetwork;
  readonly from: number;
  /** Exclusive; undefined = still open. */
  readonly to: number | undefined;
}

/** A second at which every open mapping holds. */
const PRESENT = 1_764_000_000;
/** How long each of ten successive holders has the address, in seconds. */
const TERM = 30 * 86_400;
const SINCE = PRESENT - 10 * TERM + 1;
/** Mappings per site. There are at most 65,536 sites. */
const SITE = 100;
/** How many of these are single IPv4 addresses with one holder. */
const SINGLES = 77;

const ipv4 = (site: number, rest: string): string => `10.${site >> 8}.${site & 255}.${rest}`;
const ipv6 = (nets: 'db8' | 'db9', site: number, rest: string): string =>
  `2001:${nets}:${site.toString(16)}:${rest}`;

/**
 * The n-th mapping. Each site has one address with ten successive holders, three nested subnets, two nested IPv6 networks,
 * and single addresses. A tenth of all mappings is IPv6.
 */
export function mapping(n: number): Mapping {
  const site = Math.floor(n / SITE);
  const place = n % SITE;
  const open = (text: string, holder = n): Mapping => ({
    holder,
    network: IpNetwork.parse(text),
    from: SINCE,
    to: undefined,
  });
  const nested = ['128/25', '192/26', '200/29'][place - 10];
  if (place < 10) {
    const from = SINCE + place * TERM;
    return { ...open(ipv4(site, '1')), from, to: place === 9 ? undefined : from + TERM };
  }
  if (nested !== undefined) return open(ipv4(site, nested), n - place + 10);
  if (place < 13 + SINGLES) return open(ipv4(site, String(place - 11)));
  if (place === 90) return open(ipv6('db8', site, ':/48'));
  if (place === 91) return open(ipv6('db8', site, '1::/64'), n - 1);
  return open(ipv6('db9', site, `:${place}`));
}

/** The n-th query, for any site: of ten, two are for an address that nobody holds, and two for IPv6. */
export function query(n: number, mappings: number): { ip: string; time: number } {
  const site = Math.floor(((n * 0.6180339887498949) % 1) * (mappings / SITE)); // evenly spread, but in no order
  const present = (ip: string): { ip: string; time: number } => ({ ip, time: PRESENT });
  switch (n % 10) {
    case 0:
      return { ip: ipv4(site, '1'), time: SINCE + (Math.floor(n / 10) % 10) * TERM + 1 };
    case 1:
      return present(ipv4(site, '201')); // in three subnets
    case 2:
      return present(ipv6('db8', site, '1::1'));
    case 3:
      return present(ipv6('db9', site, '1::1'));
    case 4:
      return present(ipv4(site, '100'));
    default:
      return present(ipv4(site, String(2 + (n % SINGLES))));
  }
}
