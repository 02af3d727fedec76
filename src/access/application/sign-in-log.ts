import { Injectable, Logger } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { Clock } from '../../shared/clock.js';
import { pageOf, type Page } from '../../shared/page.js';
import { Transactions } from '../../shared/transactions.js';
import type { FoundToken } from './access.repositories.js';
import type { Principal } from '../../identity/domain/principal.js';
import { ACCESS_ACTIONS } from '../domain/access.actions.js';

/** Why a sign-in failed. Only administrators see it, never the client. */
export const SIGN_IN_FAILURES = [
  'incomplete', // token or username missing or not a string
  'mistyped_token',
  'unknown_token', // includes revoked ones
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
  /** null if no user has the name sent. */
  readonly userName: string | null;
  /** null if the register does not know the token sent. */
  readonly tokenId: number | null;
  /** null = success. */
  readonly failure: SignInFailure | null;
}

/** Conditions that every listed entry meets. Times are Unix milliseconds. */
export interface SignInFilter {
  readonly userName?: string | undefined;
  readonly address?: string | undefined;
  readonly failed?: boolean | undefined;
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
}

/** Call writes inside `Transactions.run` only. */
export abstract class SignInRepository {
  /** @param name as a client sent it */
  abstract isUser(name: string): Promise<boolean>;
  abstract insertFailure(entry: NewEntry & { readonly failure: SignInFailure }): Promise<void>;
  /** Inserts the first success of a token and address on a day. @param day days since 1970-01-01 UTC */
  abstract insertSuccess(entry: NewEntry, day: number): Promise<void>;
  /** Deletes at most `limit` entries older than `before`. @returns how many */
  abstract purge(before: number, limit: number): Promise<number>;
  /** At most `limit` entries with an id below `before`, newest first. */
  abstract page(filter: SignInFilter, before: number, limit: number): Promise<SignInEntry[]>;
}

type NewEntry = Pick<SignInEntry, 'at' | 'address' | 'userName' | 'tokenId'>;

const DAY_MS = 86_400_000;
const MAX_REMEMBERED = 10_000;
/** Keeps guessers from filling the disk. */
const MAX_FAILURES_A_MINUTE = 600;
/** As one user, from any addresses. */
const SUSPICIOUS_FAILURES_A_MINUTE = 20;

/** Records who signed in or failed to, and from where. */
@Injectable()
export class SignInLog {
  private readonly logger = new Logger('SignIn');
  private readonly failures = new RateLimiterMemory({ points: MAX_FAILURES_A_MINUTE, duration: 60 });
  private readonly failuresOfUser = new RateLimiterMemory({
    points: SUSPICIOUS_FAILURES_A_MINUTE,
    duration: 60,
  });
  /** Recorded successes: a cache that may be cleared, since the database rejects duplicates. */
  private readonly successes = new Set<string>();

  constructor(
    private readonly signIns: SignInRepository,
    private readonly trail: AuditTrail,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * A page of at most `limit` entries, newest first.
   *
   * @param query the filter as the client sent it
   */
  async page(
    by: Principal,
    filter: SignInFilter,
    query: object,
    before: number,
    limit: number,
  ): Promise<Page<SignInEntry>> {
    const page = pageOf(await this.signIns.page(filter, before, limit + 1), limit);
    const details = { filter: query, records: page.rows.length };
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
    // Drop unknown names: one may be a token typed into the wrong field.
    const known = (await this.signIns.isUser(userName ?? '')) ? (userName ?? null) : null;
    if (known !== null) await this.warnOfGuessing(known);
    const { consumedPoints } = await this.failures.penalty('all');
    if (consumedPoints > MAX_FAILURES_A_MINUTE) {
      if (consumedPoints === MAX_FAILURES_A_MINUTE + 1) {
        this.logger.warn(
          `More than ${MAX_FAILURES_A_MINUTE} failed sign-ins within a minute; not recording the rest`,
        );
      }
      return;
    }
    const entry = { at: this.clock.now(), address, userName: known, tokenId: tokenId ?? null, failure };
    await this.transactions.run(() => this.signIns.insertFailure(entry));
  }

  /** Isn't awaited, since a reader must not queue behind writers. A failure only loses the entry. */
  success({ tokenId, userName }: FoundToken, address: string): void {
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

  private async warnOfGuessing(userName: string): Promise<void> {
    const { consumedPoints } = await this.failuresOfUser.penalty(userName);
    if (consumedPoints !== SUSPICIOUS_FAILURES_A_MINUTE) return;
    this.logger.warn(`${consumedPoints} failed sign-ins as ${userName} within a minute`);
  }
}
