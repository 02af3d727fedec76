import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { Clock } from '../../shared/clock.js';
import { RegisterError } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import { IdempotencyRepository } from './idempotency.repository.js';
import { IDEMPOTENCY_ERRORS } from '../domain/idempotency.errors.js';
import { IDEMPOTENCY_ACTIONS } from '../domain/idempotency.actions.js';

/** A write that a client may repeat when it does not know whether the first attempt succeeded. */
export interface RepeatableRequest {
  /** The Idempotency-Key. */
  readonly key: string;
  /** Everything about the request but its caller. */
  readonly content: string;
  /** The route, for the audit trail. */
  readonly route: string;
  /** The UserID of the customer concerned. */
  readonly userId: string | undefined;
  /** The caller's token if the answer shows a new token; the stored answer is encrypted with it. */
  readonly secret: string | undefined;
  /** Whether the write runs in transactions of its own; then concurrent repetitions run it too. */
  readonly isInSteps: boolean;
}

export interface Answer {
  /** Sent as JSON. */
  readonly body: unknown;
  readonly etag: string | undefined;
}

const KEPT_MS = 86_400_000;
const BATCH_SIZE = 1000;
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Runs a write once per Idempotency-Key and repeats its first answer. */
@Injectable()
export class IdempotencyService {
  constructor(
    private readonly keys: IdempotencyRepository,
    private readonly trail: AuditTrail,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * Runs `work` unless it has run under this key. Stores key and answer in the transaction of the write itself, so
   * that a failed write leaves no key.
   *
   * @param work runs again when the transaction is retried
   * @throws RegisterError `idempotency_key_reused`, and whatever `work` throws
   */
  async once(
    by: Principal,
    request: RepeatableRequest,
    work: () => Promise<Answer>,
  ): Promise<{ answer: Answer; isRepeated: boolean }> {
    if (!request.isInSteps) return this.transactions.run(() => this.inTransaction(by, request, work));
    const kept = await this.keys.find(by, sha256(request.key));
    const done = kept === undefined ? await work() : undefined;
    return this.transactions.run(() => this.inTransaction(by, request, async () => done ?? work()));
  }

  private async inTransaction(
    by: Principal,
    { key, content, route, userId, secret }: RepeatableRequest,
    work: () => Promise<Answer>,
  ): Promise<{ answer: Answer; isRepeated: boolean }> {
    const [keyHash, requestHash] = [sha256(key), sha256(content)];
    const kept = await this.keys.claim(by, keyHash, requestHash, this.clock.now());
    if (kept === undefined) {
      const answer = await work();
      const text = JSON.stringify(answer);
      await this.keys.keep(by, keyHash, secret === undefined ? text : encrypt(text, key, secret));
      return { answer, isRepeated: false };
    }
    if (kept.requestHash !== requestHash) {
      throw reused('This Idempotency-Key was sent with another request; use a new one for each write');
    }
    const about = userId === undefined ? {} : { userId };
    await this.trail.record(by, { action: IDEMPOTENCY_ACTIONS.repeated, ...about, details: { route } });
    const text = secret === undefined ? kept.answer : decrypt(kept.answer, key, secret);
    return { answer: JSON.parse(text) as Answer, isRepeated: true };
  }

  /** Deletes the keys of a user in the current transaction, since another user may get the name. */
  async forgetUser(userName: string): Promise<void> {
    while ((await this.keys.deleteOf(userName, BATCH_SIZE)) > 0);
  }

  /** Deletes keys that are older than a day. */
  async removeOld(): Promise<void> {
    const before = this.clock.now() - KEPT_MS;
    while ((await this.transactions.run(() => this.keys.purge(before, BATCH_SIZE))) > 0);
  }
}

function reused(message: string): RegisterError {
  return new RegisterError(IDEMPOTENCY_ERRORS.idempotency_key_reused, message);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Derives a key from secrets that the database does not contain, so that its readers can't decrypt answers. */
function cipherKey(key: string, secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', `${secret} ${key}`, '', 'idempotency answer', 32));
}

function encrypt(text: string, key: string, secret: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, cipherKey(key, secret), iv);
  const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), encrypted]).toString('base64');
}

function decrypt(text: string, key: string, secret: string): string {
  const bytes = Buffer.from(text, 'base64');
  const decipher = createDecipheriv(CIPHER, cipherKey(key, secret), bytes.subarray(0, IV_BYTES));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  try {
    return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    throw reused('The answer contains a token; only the token that requested it first can read it again');
  }
}
