import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RegisterError } from '../errors.js';
import { parseStrictJson } from './strict-json.js';

const parse = (text: string): unknown => parseStrictJson(Buffer.from(text));

function errorOf(body: Buffer): RegisterError | undefined {
  try {
    parseStrictJson(body);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(RegisterError);
    return error as RegisterError;
  }
}

const messageOf = (text: string): string | undefined => errorOf(Buffer.from(text))?.message;

/** Every message that is allowed. None quotes the body. */
const MESSAGE =
  /^The body (is not valid UTF-8|(is not valid JSON(: it is blank|: it ends too early)?|repeats a member|is nested deeper than 20 levels)( \(line \d+, column \d+\))?)$/;

/** A member's name with every character written as an escape. */
const escaped = (name: string): string =>
  Array.from(
    { length: name.length },
    (_, n) => `\\u${name.charCodeAt(n).toString(16).padStart(4, '0')}`,
  ).join('');

describe('parseStrictJson', () => {
  // A container within 20 others would be on the 21st level.
  const value = fc.jsonValue({ maxDepth: 19, depthSize: 'small', stringUnit: 'binary' });
  const members = fc.dictionary(fc.string({ unit: 'binary' }), fc.integer(), { minKeys: 1 });

  it('parses every JSON text as JSON.parse does', () => {
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1, '\t'), (original, indent) => {
        const text = JSON.stringify(original, undefined, indent);
        expect(parse(text)).toStrictEqual(JSON.parse(text));
      }),
    );
  });

  it.each(['1,', '[],', '{"a":1},', '/**/', ',', '"'])('gives up on a body that repeats %s', (unit) => {
    const message = 'The body contains more than 200000 values';
    expect(errorOf(Buffer.from(`[${unit.repeat(500_000)}`))).toMatchObject({
      code: 'body_too_large',
      message,
    });
  });

  it('accepts ten thousand objects of ten members', () => {
    const body = Array.from({ length: 10_000 }, (_, n) => ({ n, members: [1, 2, 3, 4, 5, 6, 7, 8, 9] }));
    expect(parse(JSON.stringify(body))).toStrictEqual(body);
  });

  it('refuses every text that JSON.parse refuses, and never quotes it', () => {
    const cut = fc.tuple(
      value,
      fc.nat(),
      fc.nat(2),
      fc.constantFrom('', '"', '}', ']', ',', '\\', '/**/', 'x'),
    );
    fc.assert(
      fc.property(cut, ([original, at, length, put]) => {
        const text = JSON.stringify(original);
        const start = at % (text.length + 1);
        const broken = text.slice(0, start) + put + text.slice(start + length);
        const message = messageOf(broken.toWellFormed());
        if (message === undefined) expect(() => JSON.parse(broken.toWellFormed()) as unknown).not.toThrow();
        else expect(message).toMatch(MESSAGE);
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses a repeated member, even when it is escaped', () => {
    fc.assert(
      fc.property(members, fc.nat(), fc.boolean(), (object, pick, isEscaped) => {
        const names = Object.keys(object);
        const name = names[pick % names.length] as string;
        const again = isEscaped ? `"${escaped(name)}"` : JSON.stringify(name);
        const text = `[1, {"outer": ${JSON.stringify(object).slice(0, -1)}, ${again}: 1}}]`;
        expect(messageOf(text)).toMatch(/^The body repeats a member \(line 1, column \d+\)$/);
      }),
    );
  });

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1,"__proto__":1}',
    '{"":1,"":1}',
    '[{"a":1,"b":[],"a":{}}]',
  ])('refuses %s', (text) => {
    expect(messageOf(text)).toMatch(/^The body repeats a member/);
  });

  it('accepts the same member in different objects', () => {
    const text = '{"a":{"a":[{"a":1},{"a":2}]},"A":1,"__proto__":{"a":1},"constructor":1,"á":1,"a\\u0301":1}';
    expect(parse(text)).toStrictEqual(JSON.parse(text));
  });

  it('accepts up to 20 levels of arrays or objects', () => {
    const array = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    const object = (levels: number): string => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);
    for (const nested of [array, object]) {
      expect(parse(nested(20))).toStrictEqual(JSON.parse(nested(20)));
      expect(messageOf(nested(21))).toMatch(
        /^The body is nested deeper than 20 levels \(line 1, column \d+\)$/,
      );
      expect(messageOf(`[${nested(20)}]`)).toMatch(/^The body is nested deeper than 20 levels/);
      expect(messageOf(nested(100_000))).toMatch(/^The body is nested deeper than 20 levels/);
    }
    expect(messageOf('['.repeat(100_000))).toMatch(/^The body is nested deeper than 20 levels/);
    expect(parse(`[${Array(100).fill(array(19)).join()}]`)).toHaveLength(100);
  });

  it.each([
    ['a byte that never occurs', [0xff]],
    ['a character cut short', [0xe2, 0x82]],
    ['an overlong form', [0xc0, 0x80]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]],
    ['Latin-1', [0xfc]],
    ['a character beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
  ])('refuses what is not UTF-8: %s', (_case, bytes) => {
    const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]);
    expect(errorOf(body)).toMatchObject({ code: 'body_malformed', message: 'The body is not valid UTF-8' });
  });

  it.each([
    ['', 'The body is not valid JSON: it is blank'],
    [' \n\t', 'The body is not valid JSON: it is blank'],
    ['{"a":1', /: it ends too early$|\(line 1, column 7\)$/],
    ['{"a":', /: it ends too early$|\(line 1, column 6\)$/],
    ['{"a":1,}', 'The body is not valid JSON (line 1, column 8)'],
    ['{"a":1}}', 'The body is not valid JSON (line 1, column 8)'],
    ['{\n  "a": 1\n  "b": 2\n}', 'The body is not valid JSON (line 3, column 3)'],
    ['[1 2]', 'The body is not valid JSON (line 1, column 4)'],
    ['{"a":SECRET}', 'The body is not valid JSON (line 1, column 6)'],
    ['SECRET', 'The body is not valid JSON (line 1, column 1)'],
    [`{'SECRET':1}`, 'The body is not valid JSON (line 1, column 2)'],
    ['{"at position 2": x}', 'The body is not valid JSON (line 1, column 19)'],
    ['{"a":"SECRET\n"}', /^The body is not valid JSON \(line 1, column \d+\)$/],
    ['{"a":1 // SECRET\n}', /^The body is not valid JSON \(line 1, column \d+\)$/],
    ['{"a":NaN}', 'The body is not valid JSON (line 1, column 6)'],
  ])('reports what is wrong with %j and where', (text, message) => {
    expect(messageOf(text)).toMatch(message);
    expect(messageOf(text)).toMatch(MESSAGE);
    expect(errorOf(Buffer.from(text))?.code).toBe('body_malformed');
  });
});
