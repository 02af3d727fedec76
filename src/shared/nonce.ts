import { randomBytes } from 'node:crypto';

const BYTES = 16;

/** Text of 22 characters that nobody can guess. Beside personal data, it keeps their digest from telling what they were. */
export function nonce(): string {
  return randomBytes(BYTES).toString('base64url');
}
