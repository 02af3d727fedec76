import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidValue } from '../../shared/invalid-value.js';
import { EmptyValidity, parseWireTime, Validity } from './validity.js';

const LAST = 253_402_300_799;

/** The model is a set of seconds. An open validity holds all from its start on. */
const SECONDS = Array.from({ length: 12 }, (_, second) => second);
const isWithin = (from: number, to: number | null, second: number): boolean =>
  second >= from && second < (to ?? Infinity);
const secondsOf = (...parts: readonly Validity[]): number[] =>
  SECONDS.filter((second) => parts.some((part) => part.holds(second)));

const second = fc.integer({ min: 0, max: 9 });
const validity = fc
  .tuple(second, fc.option(fc.integer({ min: 1, max: 10 })))
  .filter(([from, to]) => to === null || from < to)
  .map(([from, to]) => Validity.between(from, to));

describe('a validity', () => {
  it('holds the seconds from its start up to, but not including, its end', () => {
    fc.assert(
      fc.property(validity, (each) => {
        expect(secondsOf(each)).toEqual(SECONDS.filter((at) => isWithin(each.from, each.to, at)));
      }),
    );
  });

  it('overlaps a validity that shares a second with it', () => {
    fc.assert(
      fc.property(validity, validity, (one, two) => {
        expect(one.overlaps(two)).toBe(secondsOf(one).some((at) => two.holds(at)));
        expect(one.isSameAs(two)).toBe(String(secondsOf(one)) === String(secondsOf(two)));
      }),
    );
  });

  it('ends early, or has no seconds left', () => {
    fc.assert(
      fc.property(validity, fc.integer({ min: 0, max: 11 }), (each, end) => {
        const ended = each.endedAt(end);
        const left = secondsOf(each).filter((at) => at < end);
        expect(ended === undefined ? [] : secondsOf(ended)).toEqual(left);
        expect(ended === undefined).toBe(left.length === 0);
        expect(ended === each).toBe(each.to !== null && each.to <= end);
      }),
    );
  });

  it('splits into the parts without another validity', () => {
    fc.assert(
      fc.property(validity, validity, (one, two) => {
        const parts = one.without(two);
        expect(secondsOf(...parts)).toEqual(secondsOf(one).filter((at) => !two.holds(at)));
        for (const { from, to } of parts) expect(() => Validity.between(from, to)).not.toThrow();
        expect(parts.map(({ from }) => from)).toEqual(parts.map(({ from }) => from).sort((a, b) => a - b));
      }),
    );
  });

  it.each([
    [0, 0],
    [5, 5],
    [5, 4],
    [0, -1],
    [LAST, LAST],
  ])('cannot be from %i to before %i', (from, to) => {
    expect(() => Validity.between(from, to)).toThrow(EmptyValidity);
  });

  it.each([
    [-1, null],
    [0.5, null],
    [NaN, null],
    [LAST + 1, null],
    [0, 1.5],
    [0, LAST + 2],
    [0, Infinity],
  ])('cannot be from %d to before %d, which are not valid seconds', (from, to) => {
    expect(() => Validity.between(from, to)).toThrow(RangeError);
  });
});

describe('a validity on the wire', () => {
  const wireSecond = fc.oneof(second, fc.integer({ min: 0, max: LAST }));

  it('holds through its endtime and comes back unchanged', () => {
    fc.assert(
      fc.property(wireSecond, fc.option(wireSecond), (starttime, endtime) => {
        fc.pre(endtime === null || endtime >= starttime);
        const each = Validity.fromWire(starttime, endtime);
        expect(each.toWire()).toEqual({ starttime, endtime });
        expect(each.holds(starttime)).toBe(true);
        expect(each.holds(starttime - 1)).toBe(false);
        expect(each.holds(endtime ?? LAST)).toBe(true);
        expect(each.holds((endtime ?? LAST) + 1)).toBe(endtime === null);
      }),
    );
  });

  it('ends a second before the next one starts', () => {
    const [old, next] = [Validity.fromWire(0, 1_735_669_799), Validity.fromWire(1_735_669_800, null)];
    expect(old.overlaps(next)).toBe(false);
    expect(old.overlaps(Validity.fromWire(1_735_669_799, null))).toBe(true);
  });

  it('starts at 0 without a starttime', () => {
    expect(Validity.fromWire(null, null).toWire()).toEqual({ starttime: 0, endtime: null });
    expect(Validity.fromWire(null, 0).isSameAs(Validity.between(0, 1))).toBe(true);
  });

  it('refuses an endtime before the starttime', () => {
    expect(() => Validity.fromWire(5, 4)).toThrow(new EmptyValidity());
    expect(new EmptyValidity().message).toBe('must not be before starttime');
    expect(Validity.fromWire(5, 5).toWire()).toEqual({ starttime: 5, endtime: 5 });
  });
});

describe('a time on the wire', () => {
  const SHAPE = 'must be Unix seconds: an integer, or a string of digits';
  const TOO_LATE = 'must not be after 253402300799, the end of the year 9999';

  it('is Unix seconds as an integer or digits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LAST }), (seconds) => {
        expect(parseWireTime(seconds)).toBe(seconds);
        expect(parseWireTime(String(seconds))).toBe(seconds);
      }),
    );
    expect([parseWireTime(LAST), parseWireTime('0'), parseWireTime('007'), parseWireTime(-0)]).toEqual([
      LAST,
      0,
      7,
      0,
    ]);
  });

  it.each([null, undefined, ''])('may be left out as %p', (value) => {
    expect(parseWireTime(value)).toBeNull();
  });

  it.each([
    [1.5, SHAPE],
    [NaN, SHAPE],
    [Infinity, SHAPE],
    ['1.5', SHAPE],
    ['1.0', SHAPE],
    ['1e3', SHAPE],
    ['0x10', SHAPE],
    ['+1', SHAPE],
    [' 1', SHAPE],
    ['1\n', SHAPE],
    [' ', SHAPE],
    ['٣', SHAPE],
    ['null', SHAPE],
    ['2026-11-24T08:48:06Z', SHAPE],
    [true, SHAPE],
    [false, SHAPE],
    [[1], SHAPE],
    [[], SHAPE],
    [{}, SHAPE],
    [-1, 'must not be negative'],
    [-1.5, 'must not be negative'],
    ['-1', 'must not be negative'],
    [LAST + 1, TOO_LATE],
    [String(LAST + 1), TOO_LATE],
    [1e300, TOO_LATE],
    ['9'.repeat(400), TOO_LATE],
  ])('cannot be %p', (value, fault) => {
    expect(() => parseWireTime(value)).toThrow(new InvalidValue(fault));
  });
});
