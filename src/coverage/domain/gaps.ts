import type { AddressRange } from '../../ip-mappings/domain/ip-network.js';
import type { Validity } from '../../ip-mappings/domain/validity.js';

/** Addresses that nobody held during the same periods. */
export interface Gap extends AddressRange {
  /** Sorted by time, disjoint and not adjacent; at least one. */
  readonly periods: readonly Validity[];
}

/** The part of a mapping that matters here. */
interface Held {
  readonly network: AddressRange;
  readonly validity: Validity;
}

/**
 * Yields the addresses of a range that nobody held during parts of a period, by ascending address. Neighbours with the
 * same gaps form one gap.
 *
 * Reads the mappings once and remembers only those that cover the current address: nested networks, at most as many as
 * an address has bits.
 *
 * @param mappings by ascending first address; may include some outside the range or the period
 */
export async function* gapsIn(
  range: AddressRange,
  period: Validity,
  mappings: AsyncIterable<Held> | Iterable<Held>,
): AsyncGenerator<Gap> {
  let gap: Gap | undefined;
  for await (const next of stretchesOf(range, period, mappings)) {
    if (gap !== undefined && haveSamePeriods(gap, next)) {
      gap = { ...gap, last: next.last };
    } else {
      if (gap !== undefined && gap.periods.length > 0) yield gap;
      gap = next;
    }
  }
  if (gap !== undefined && gap.periods.length > 0) yield gap;
}

/** Divides the whole range into adjacent stretches, each with the periods in which nobody held it, possibly none. */
async function* stretchesOf(
  range: AddressRange,
  period: Validity,
  mappings: AsyncIterable<Held> | Iterable<Held>,
): AsyncGenerator<Gap> {
  const whole: Level = { last: range.last, free: [period] };
  /** The networks that cover the address `next`, innermost first, so by ascending last address. */
  const levels = [whole];
  let next = range.first;

  for await (const { network, validity } of mappings) {
    if (network.first.compare(range.last) > 0 || network.last.compare(range.first) < 0) continue;
    while (next.compare(network.first) < 0) {
      const { last, free } = levels[0] ?? whole;
      const endsBefore = last.compare(network.first) < 0;
      const stretch = {
        first: next,
        last: endsBefore ? last : neighbour(network.first, -1),
        periods: [...free],
      };
      yield stretch;
      next = neighbour(stretch.last, 1);
      if (endsBefore) levels.shift();
    }
    const last = network.last.compare(range.last) < 0 ? network.last : range.last;
    const at = levels.findIndex((level) => level.last.compare(last) >= 0);
    const outer = levels[at] ?? whole;
    if (!outer.last.equals(last)) levels.splice(at, 0, { last, free: [...outer.free] });
    for (const { free } of levels.slice(0, at + 1)) takeOut(free, validity);
  }
  for (const { last, free } of levels) {
    yield { first: next, last, periods: free };
    next = neighbour(last, 1);
  }
}

/** Up to `last`, apart from networks inside, nobody held the addresses during `free`. */
interface Level {
  readonly last: Buffer;
  /** Sorted by time, disjoint and not adjacent. */
  readonly free: Validity[];
}

/** Removes a period from the free ones. Uses a binary search, since an address may have thousands of holders. */
function takeOut(free: Validity[], validity: Validity): void {
  let [start, after] = [0, free.length];
  while (start < after) {
    const middle = (start + after) >> 1;
    if ((free[middle]?.to ?? Infinity) <= validity.from) start = middle + 1;
    else after = middle;
  }
  let end = start;
  while (free[end]?.overlaps(validity)) end++;
  const left = free.slice(start, end).flatMap((each) => each.without(validity));
  free.splice(start, end - start, ...left); // two at most: before the period and after it
}

/** The address before or after another, wrapping around at both ends. */
function neighbour(address: Buffer, step: 1 | -1): Buffer {
  const result = Buffer.from(address);
  for (let n = result.length - 1, carry: number = step; n >= 0 && carry !== 0; n--) {
    const sum = (result[n] ?? 0) + carry;
    result[n] = sum; // a buffer keeps the last eight bits
    carry = sum >> 8;
  }
  return result;
}

function haveSamePeriods({ periods: some }: Gap, { periods: others }: Gap): boolean {
  return (
    some.length === others.length &&
    some.every((period, n) => others[n] !== undefined && period.isSameAs(others[n]))
  );
}
