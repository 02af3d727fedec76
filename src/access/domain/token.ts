import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'ipdr_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 30; // 178 bits
const CHECKSUM_LENGTH = 6; // 62^6 > 2^32

/** Generates `ipdr_`, 30 random characters, and a checksum that lets secret scanners recognise the token. */
export function generateToken(): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return `${PREFIX}${random}${checksum(random)}`;
}

/** Why a text can't be a token, as the predicate of a sentence; undefined = it can. */
export function tokenFault(text: string): string | undefined {
  if (!/^[\x21-\x7e]{20,255}$/.test(text))
    return 'must have 20 to 255 printable ASCII characters without spaces';
  return isMistyped(text)
    ? `begins with ${PREFIX} but has a wrong checksum: a character is wrong or missing`
    : undefined;
}

/** Whether a text has our prefix but a wrong length or checksum. Needs no database. */
export function isMistyped(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false;
  const random = text.slice(PREFIX.length, -CHECKSUM_LENGTH);
  return random.length !== RANDOM_LENGTH || text !== `${PREFIX}${random}${checksum(random)}`;
}

/** Whether a text contains a token that `generateToken` made. */
export function containsToken(text: string): boolean {
  const found = text.match(new RegExp(`${PREFIX}[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}`, 'g')) ?? [];
  return found.some((token) => !isMistyped(token));
}

/**
 * SHA-256 of a token, in hexadecimal: the only form in which it is stored. Tokens are random, not chosen, so they
 * need no salt and no slow hash (docs/decisions/0005-token-hash.md).
 */
export function hashToken(token: string): string {
  return hash('sha256', token);
}

/** CRC-32 of the random part, in base 62. */
function checksum(random: string): string {
  let rest = crc32(random);
  let text = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    text = `${ALPHABET[rest % ALPHABET.length]}${text}`;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}
