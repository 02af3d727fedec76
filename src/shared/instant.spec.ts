import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatInstant, parseInstant } from './instant.js';

const LAST_SECOND = 253_402_300_799; // 9999-12-31T23:59:59Z

describe('parseInstant', () => {
  const second = fc.integer({ min: 0, max: LAST_SECOND });

  it('reads Unix seconds as a number or digits', () => {
    fc.assert(
      fc.property(second, (seconds) => {
        expect(parseInstant(seconds)).toBe(seconds * 1000);
        expect(parseInstant(String(seconds))).toBe(seconds * 1000);
      }),
    );
    expect(parseInstant(LAST_SECOND)).toBe(LAST_SECOND * 1000);
  });

  it('parses what formatInstant returns', () => {
    fc.assert(
      fc.property(second, (seconds) => {
        expect(parseInstant(formatInstant(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });

  it('reads any offset, even if its + became a space', () => {
    const day = 24 * 3600;
    fc.assert(
      fc.property(
        fc.integer({ min: day, max: LAST_SECOND - day }),
        fc.integer({ min: -14 * 60, max: 14 * 60 }),
        (seconds, minutes) => {
          const local = formatInstant((seconds + minutes * 60) * 1000).slice(0, -1);
          const [hour, minute] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
          const clock = [hour, minute].map((part) => String(part).padStart(2, '0')).join(':');
          const text = `${local}${minutes < 0 ? '-' : '+'}${clock}`;
          expect(parseInstant(text)).toBe(seconds * 1000);
          expect(parseInstant(text.replace('+', ' '))).toBe(seconds * 1000);
        },
      ),
    );
  });

  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['1970-01-01T05:30:00+05:30', 0],
    ['2026-11-24T08:48:06Z', 1_795_510_086_000],
    ['2026-11-24T14:18:06+05:30', 1_795_510_086_000],
    ['2026-11-24T08:48Z', 1_795_510_080_000],
    ['2026-11-24T08:48:06.5Z', 1_795_510_086_500],
    ['2026-11-24T08:48:06.123456Z', 1_795_510_086_123],
    ['2024-02-29T00:00:00Z', 1_709_164_800_000],
    ['9999-12-31T23:59:59Z', LAST_SECOND * 1000],
  ])('parses %s', (text, milliseconds) => {
    expect(parseInstant(text)).toBe(milliseconds);
  });

  it.each([
    ['before 1970', -1],
    ['before 1970, in ISO 8601', '1969-12-31T23:59:59Z'],
    ['before 1970, by its offset', '1970-01-01T00:00:00+05:30'],
    ['after 9999', LAST_SECOND + 1],
    ['after 9999, in digits', String(LAST_SECOND + 1)],
    ['after 9999, by its offset', '9999-12-31T23:59:59-00:01'],
    ['a part of a second', 1.5],
    ['not a number', NaN],
    ['infinity', Infinity],
    ['an exponent', '1e3'],
    ['a decimal', '1.0'],
    ['a sign', '+1'],
    ['hexadecimal', '0x10'],
    ['digits of another script', '٣'],
    ['a space', ' 1'],
    ['an empty text', ''],
    ['a date alone', '2026-11-24'],
    ['a time without an offset', '2026-11-24T08:48:06'],
    ['a space instead of T', '2026-11-24 08:48:06Z'],
    ['a day that does not exist', '2026-02-30T00:00:00Z'],
    ['a day that does not exist in this year', '2025-02-29T00:00:00Z'],
    ['a month that does not exist', '2026-13-01T00:00:00Z'],
    ['an hour that does not exist', '2026-11-24T25:00:00Z'],
    ['a minute that does not exist', '2026-11-24T00:60:00Z'],
    ['an offset that does not exist', '2026-11-24T00:00:00+24:00'],
    ['two instants', '2026-11-24T08:48:06Z2026-11-24T08:48:06Z'],
    ['a year of six digits', '+012026-11-24T08:48:06Z'],
    ['true', true],
    ['null', null],
    ['undefined', undefined],
    ['an array', [1]],
    ['an object', {}],
  ])('refuses %s', (_case, value) => {
    expect(parseInstant(value)).toBeUndefined();
  });
});

describe('formatInstant', () => {
  it('returns ISO 8601 in UTC, to the second', () => {
    expect(formatInstant(0)).toBe('1970-01-01T00:00:00Z');
    expect(formatInstant(1_795_510_086_999)).toBe('2026-11-24T08:48:06Z');
  });
});
