import { randomBytes } from 'node:crypto';

const BYTES = 16;

/** An unguessable text of 22 characters. Hashed with personal data, it keeps the digest from disclosing them. */
export function nonce(): string {
  return randomBytes(BYTES).toString('base64url');
}
