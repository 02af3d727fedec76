import type { AddressRange } from '../../ip-mappings/domain/ip-network.js';
import type { Validity } from '../../ip-mappings/domain/validity.js';

/** Addresses that nobody held during the same periods. */
export interface Gap extends AddressRange {
  /** In order of time, without any that touch; not empty. */
  readonly periods: readonly Validity[];
}

/** Of a mapping, where and when somebody was the holder. */
interface Held {
  readonly network: AddressRange;
  readonly validity: Validity;
}

/**
 * Tells which addresses of a range nobody held in a period, and when, by ascending address. Neighbours with the same
 * gaps are told of together.
 *
 * Goes once through the mappings, however many, and remembers those alone that hold the address it has come to: one
 * inside the other, no more than an address has bits.
 *
 * @param mappings by ascending first address; those outside the range or the period may be among them
 */
export async function* gapsIn(
  range: AddressRange,
  period: Validity,
  mappings: AsyncIterable<Held> | Iterable<Held>,
): AsyncGenerator<Gap> {
  let gap: Gap | undefined;
  for await (const next of stretchesOf(range, period, mappings)) {
    if (gap !== undefined && areSame(gap.periods, next.periods)) {
      gap = { ...gap, last: next.last };
    } else {
      if (gap !== undefined && gap.periods.length > 0) yield gap;
      gap = next;
    }
  }
  if (gap !== undefined && gap.periods.length > 0) yield gap;
}

/** The whole range, in stretches that follow each other, with or without periods in which nobody held them. */
async function* stretchesOf(
  range: AddressRange,
  period: Validity,
  mappings: AsyncIterable<Held> | Iterable<Held>,
): AsyncGenerator<Gap> {
  const whole: Level = { last: range.last, free: [period] };
  /** Of the networks that hold the address `next`, innermost first: each goes on longer than the one before it. */
  const levels = [whole];
  let next = range.first;

  for await (const { network, validity } of mappings) {
    if (network.first.compare(range.last) > 0 || network.last.compare(range.first) < 0) continue;
    while (next.compare(network.first) < 0) {
      const { last, free } = levels[0] ?? whole;
      const isOver = last.compare(network.first) < 0;
      const stretch = { first: next, last: isOver ? last : neighbour(network.first, -1), periods: [...free] };
      yield stretch;
      next = neighbour(stretch.last, 1);
      if (isOver) levels.shift();
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

/** Up to `last`, as far as no network inside says otherwise, nobody held the addresses in these periods. */
interface Level {
  readonly last: Buffer;
  /** In order of time, without any that touch. */
  readonly free: Validity[];
}

/** Takes a period out of those that are free, without going through all of them: an address may have had thousands. */
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
  free.splice(start, end - start, ...left); // at most what is before it, and what is after it
}

/** The address before or after another; the first and the last one are neighbours. */
function neighbour(address: Buffer, step: 1 | -1): Buffer {
  const result = Buffer.from(address);
  for (let n = result.length - 1, carry: number = step; n >= 0 && carry !== 0; n--) {
    const sum = (result[n] ?? 0) + carry;
    result[n] = sum; // of which a byte keeps the last eight bits
    carry = sum >> 8;
  }
  return result;
}

function areSame(some: readonly Validity[], others: readonly Validity[]): boolean {
  return (
    some.length === others.length &&
    some.every((period, n) => others[n] !== undefined && period.isSameAs(others[n]))
  );
}
