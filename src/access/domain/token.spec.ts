import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { generateToken, hashToken } from './token.js';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The value of a base-62 number. */
function value(text: string): number {
  return [...text].reduce((sum, digit) => sum * DIGITS.length + DIGITS.indexOf(digit), 0);
}

describe('a generated token', () => {
  const tokens = Array.from({ length: 2000 }, generateToken);

  it('has the form that secret scanners look for', () => {
    for (const token of tokens) expect(token).toMatch(/^ipdr_[0-9A-Za-z]{36}$/);
  });

  it('ends with the checksum of its random part', () => {
    for (const token of tokens) expect(value(token.slice(-6))).toBe(crc32(token.slice(5, -6)));
  });

  it('differs each time and uses the whole alphabet', () => {
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(new Set(tokens.flatMap((token) => [...token.slice(5, -6)])).size).toBe(DIGITS.length);
  });

  it('can be sent in a header and adopted by another register', () => {
    expect(tokens[0]).toMatch(/^[\x21-\x7e]{20,255}$/);
  });
});

describe('the hash of a token', () => {
  it('is SHA-256 in lower-case hexadecimal', () => {
    // FIPS 180-2, appendix B.1
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('covers the whole text in UTF-8', () => {
    expect(hashToken('ü')).not.toBe(hashToken('u\u0308'));
    expect(hashToken('abc\0')).not.toBe(hashToken('abc'));
    expect(hashToken('ABC')).not.toBe(hashToken('abc'));
  });
});
