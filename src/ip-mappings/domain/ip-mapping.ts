import type { Versioned } from '../../versions/domain/version.js';
import type { IpAddress, IpNetwork } from './ip-network.js';
import type { Validity } from './validity.js';

/** What is known of who held a network, and when. */
export interface IpMappingDetails {
  /** The holder's, given by the register. */
  readonly customerId: number;
  readonly network: IpNetwork;
  readonly validity: Validity;
  /** What the provider calls the holder's equipment; '' if it does not say. */
  readonly terminalId: string;
}

export interface IpMapping extends IpMappingDetails {
  /** Given by the register and never used again. */
  readonly id: number;
}

/** A mapping of the register, in one of the versions that it had. */
export type RecordedMapping = IpMapping & Versioned;

/** An address and a second, whose holder is looked up. */
export interface Moment {
  readonly address: IpAddress;
  /** Unix seconds. */
  readonly second: number;
}

/** A mapping that is about to be written: `id` if it is in the register already. */
type Proposed = IpMappingDetails & { readonly id?: number };

/** An address has one holder at any second; the same customer may hold a network and a part of it. */
export function conflictsWith(mapping: IpMappingDetails, other: IpMappingDetails): boolean {
  return (
    mapping.customerId !== other.customerId &&
    mapping.network.overlaps(other.network) &&
    mapping.validity.overlaps(other.validity)
  );
}

/** Whether the register would say the same twice; the terminal id tells no two mappings apart. */
export function isDuplicateOf(mapping: Proposed, other: IpMapping): boolean {
  return (
    mapping.id !== other.id &&
    mapping.customerId === other.customerId &&
    mapping.network.isSameAs(other.network) &&
    mapping.validity.isSameAs(other.validity)
  );
}

/** Which of the mappings that hold an address at a second answers: the longest prefix, then the latest. */
export function mostSpecific<M extends IpMapping>(mappings: readonly M[]): M | undefined {
  return mappings.toSorted(
    (a, b) => b.network.bits - a.network.bits || b.validity.from - a.validity.from || b.id - a.id,
  )[0];
}

/**
 * What is left of the mappings of a holder who is deleted at a second, which is the first that they do not hold any more.
 * The past stays as it is. Of mappings that come to say the same the last is left, which look-ups were answered with.
 *
 * @param mappings all of that holder, by ascending id
 * @param now Unix seconds
 * @returns each with what is left of it, in their order: itself if it had ended, undefined if it is withdrawn
 */
export function withoutHolder<M extends IpMapping>(
  mappings: readonly M[],
  now: number,
): (readonly [mapping: M, left: M | undefined])[] {
  const said = new Set<string>();
  const fromLast = mappings.toReversed().map((mapping): [M, M | undefined] => {
    const validity = mapping.validity.endedAt(now);
    const says = `${mapping.network.toString()} ${validity?.from} ${validity?.to}`;
    if (validity === undefined || said.has(says)) return [mapping, undefined];
    said.add(says);
    return [mapping, validity === mapping.validity ? mapping : { ...mapping, validity }];
  });
  return fromLast.reverse();
}

const MAX_TERMINAL_ID = 64;

/** What is wrong with a terminal id, to follow the field's name in a sentence; undefined if nothing is. */
export function faultOfTerminalId(text: string): string | undefined {
  if (!text.isWellFormed()) return 'must be valid Unicode text';
  if (text.length > MAX_TERMINAL_ID && [...text].length > MAX_TERMINAL_ID) {
    return `must be at most ${MAX_TERMINAL_ID} characters`;
  }
  return /\p{Cc}/u.test(text) ? 'must not contain control characters or line breaks' : undefined;
}
