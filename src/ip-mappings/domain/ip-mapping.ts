import { InvalidValue } from '../../shared/invalid-value.js';
import type { Versioned } from '../../versions/domain/version.js';
import type { IpAddress, IpNetwork } from './ip-network.js';
import type { Validity } from './validity.js';

const MAX_TERMINAL_ID = 64;

declare const terminalId: unique symbol;

/** The provider's name for a holder's equipment; '' = none. Only `toTerminalId` makes one. */
export type TerminalId = string & { readonly [terminalId]: true };

export const NO_TERMINAL = toTerminalId('');

/** Who holds a network, and when. */
export interface IpMappingDetails {
  /** The holder's id. */
  readonly customerId: number;
  readonly network: IpNetwork;
  readonly validity: Validity;
  readonly terminalId: TerminalId;
}

export interface IpMapping extends IpMappingDetails {
  /** Assigned by the register and never reused. */
  readonly id: number;
}

/** A mapping in one of its versions. */
export type RecordedMapping = IpMapping & Versioned;

/** An address at a second. */
export interface Moment {
  readonly address: IpAddress;
  /** Unix seconds. */
  readonly second: number;
}

/** A mapping to be written; has an `id` if it exists already. */
type Proposed = IpMappingDetails & { readonly id?: number };

/**
 * An address has one holder at any second; the same customer may hold a network and a part of it. Enforced by
 * `OpenLedger.refuseOverlap`, with `IpMappingRepository.conflicting`, behind the guard row of the context.
 */
export function conflictsWith(mapping: IpMappingDetails, other: IpMappingDetails): boolean {
  return (
    mapping.customerId !== other.customerId &&
    mapping.network.overlaps(other.network) &&
    mapping.validity.overlaps(other.validity)
  );
}

/** Whether two mappings are the same except for their terminal. Enforced by the unique key `ip_mappings_network`. */
export function isDuplicateOf(mapping: Proposed, other: IpMapping): boolean {
  return (
    mapping.id !== other.id &&
    mapping.customerId === other.customerId &&
    mapping.network.isSameAs(other.network) &&
    mapping.validity.isSameAs(other.validity)
  );
}

/** The mapping that a look-up answers: the one with the longest prefix, then the latest. */
export function mostSpecific<M extends IpMapping>(mappings: readonly M[]): M | undefined {
  return mappings.toSorted(
    (a, b) => b.network.bits - a.network.bits || b.validity.from - a.validity.from || b.id - a.id,
  )[0];
}

/**
 * Ends a holder's mappings one second before `now`, when the holder is deleted. Mappings that ended earlier stay as they
 * are. Of mappings that become identical, keeps the last, which look-ups have answered.
 *
 * @param mappings all mappings of the holder, by ascending id
 * @param now the second of the deletion, Unix seconds
 * @returns each mapping with what is left of it, in the same order: itself if it had ended, undefined = withdraw it
 */
export function withoutHolder<M extends IpMapping>(
  mappings: readonly M[],
  now: number,
): (readonly [mapping: M, left: M | undefined])[] {
  const seen = new Set<string>();
  const fromLast = mappings.toReversed().map((mapping): [M, M | undefined] => {
    const validity = mapping.validity.endedAt(now);
    const key = `${mapping.network.toString()} ${validity?.from} ${validity?.to}`;
    if (validity === undefined || seen.has(key)) return [mapping, undefined];
    seen.add(key);
    return [mapping, validity === mapping.validity ? mapping : { ...mapping, validity }];
  });
  return fromLast.reverse();
}

/** @throws InvalidValue */
export function toTerminalId(text: string): TerminalId {
  if (!text.isWellFormed()) throw new InvalidValue('must be valid Unicode text');
  if (text.length > MAX_TERMINAL_ID && [...text].length > MAX_TERMINAL_ID) {
    throw new InvalidValue(`must be at most ${MAX_TERMINAL_ID} characters`);
  }
  if (/\p{Cc}/u.test(text)) throw new InvalidValue('must not contain control characters or line breaks');
  return text as TerminalId;
}
