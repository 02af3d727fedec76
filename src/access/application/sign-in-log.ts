import { Injectable, Logger } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { Clock } from '../../shared/clock.js';
import { pageOf, type Page } from '../../shared/page.js';
import { Transactions } from '../../shared/transactions.js';
import type { SignIn } from './access.repositories.js';
import type { Principal } from '../../identity/domain/principal.js';
import { ACCESS_ACTIONS } from '../domain/access.actions.js';

/** Why a sign-in failed. The log tells; the client does not learn it. */
export const SIGN_IN_FAILURES = [
  'incomplete', // no token, no username, or one that is not a string
  'mistyped_token',
  'unknown_token', // revoked ones among them
  'expired_token',
  'other_user',
  'disabled_user',
  'address_not_allowed',
] as const;
export type SignInFailure = (typeof SIGN_IN_FAILURES)[number];

export interface SignInEntry {
  readonly id: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly address: string;
  /** The user that was named; null if there is none of that name. */
  readonly userName: string | null;
  /** The token that was sent; null if it is not in the register. */
  readonly tokenId: number | null;
  /** null = it did not fail. */
  readonly failure: SignInFailure | null;
}

/** Which entries a list holds: those to which every condition applies. Times are Unix milliseconds. */
export interface SignInFilter {
  readonly userName?: string | undefined;
  readonly address?: string | undefined;
  readonly failed?: boolean | undefined;
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
}

/** Writes exist inside `Transactions.run` alone. */
export abstract class SignInRepository {
  /** @param name as a client sent it. @returns whether there is a user of this very name */
  abstract isUser(name: string): Promise<boolean>;
  abstract insertFailure(entry: NewEntry & { readonly failure: SignInFailure }): Promise<void>;
  /** @param day days since 1970-01-01 UTC: a second success of a token and address on it is not kept */
  abstract insertSuccess(entry: NewEntry, day: number): Promise<void>;
  /** Deletes at most `limit` entries from before a time. @returns how many */
  abstract purge(before: number, limit: number): Promise<number>;
  /** At most `limit` entries with an id below `before`, the newest first. */
  abstract page(filter: SignInFilter, before: number, limit: number): Promise<SignInEntry[]>;
}

type NewEntry = Pick<SignInEntry, 'at' | 'address' | 'userName' | 'tokenId'>;

const DAY_MS = 86_400_000;
const MAX_REMEMBERED = 10_000;
/** Guessers must not fill the disk. */
const MAX_FAILURES_A_MINUTE = 600;
/** From wherever they come. */
const SUSPICIOUS_FAILURES_A_MINUTE = 20;

/** Who signed in from where, and who tried to. */
@Injectable()
export class SignInLog {
  private readonly logger = new Logger('SignIn');
  private readonly failures = new RateLimiterMemory({ points: MAX_FAILURES_A_MINUTE, duration: 60 });
  private readonly failuresOfUser = new RateLimiterMemory({
    points: SUSPICIOUS_FAILURES_A_MINUTE,
    duration: 60,
  });
  /** Successes that are on record. Forgotten when they get too many: the database knows. */
  private readonly successes = new Set<string>();

  constructor(
    private readonly signIns: SignInRepository,
    private readonly trail: AuditTrail,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * A page of at most `limit` entries, the newest first.
   *
   * @param asked the filter as the client worded it
   */
  async page(
    by: Principal,
    filter: SignInFilter,
    asked: object,
    before: number,
    limit: number,
  ): Promise<Page<SignInEntry>> {
    const page = pageOf(await this.signIns.page(filter, before, limit + 1), limit);
    const details = { filter: asked, records: page.rows.length };
    await this.trail.recordRead(by, { action: ACCESS_ACTIONS.signInsListed, details });
    return page;
  }

  /** @param userName as the client sent it */
  async failure(
    failure: SignInFailure,
    userName: string | undefined,
    tokenId: number | undefined,
    address: string,
  ): Promise<void> {
    // What is no user's name is not kept: it may be a token, typed into the wrong field.
    const known = (await this.signIns.isUser(userName ?? '')) ? (userName ?? null) : null;
    if (known !== null) await this.warnOfGuessers(known);
    const { consumedPoints } = await this.failures.penalty('all');
    if (consumedPoints > MAX_FAILURES_A_MINUTE) {
      if (consumedPoints === MAX_FAILURES_A_MINUTE + 1) {
        this.logger.warn(
          `More than ${MAX_FAILURES_A_MINUTE} failed sign-ins within a minute: the rest is not recorded`,
        );
      }
      return;
    }
    const entry = { at: this.clock.now(), address, userName: known, tokenId: tokenId ?? null, failure };
    await this.transactions.run(() => this.signIns.insertFailure(entry));
  }

  /** Beside the request: a reader must not wait in the queue of writers. Lost at worst, never wrong. */
  success({ tokenId, userName }: SignIn, address: string): void {
    const at = this.clock.now();
    const day = Math.floor(at / DAY_MS);
    const key = `${day} ${tokenId} ${address}`;
    if (this.successes.has(key)) return;
    if (this.successes.size >= MAX_REMEMBERED) this.successes.clear();
    this.successes.add(key);
    this.transactions
      .run(() => this.signIns.insertSuccess({ at, address, userName, tokenId }, day))
      .catch(() => this.successes.delete(key));
  }

  private async warnOfGuessers(userName: string): Promise<void> {
    const { consumedPoints } = await this.failuresOfUser.penalty(userName);
    if (consumedPoints !== SUSPICIOUS_FAILURES_A_MINUTE) return;
    this.logger.warn(`${consumedPoints} failed sign-ins as ${userName} within a minute`);
  }
}
