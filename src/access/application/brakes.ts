import ipaddr from 'ipaddr.js';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { RegisterError, type ErrorCode } from '../../shared/errors.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';

/** How much is let through in a minute, by each instance; 0 = everything. */
export interface Limits {
  /** Failed sign-ins from one client address. */
  readonly signIns: number;
  /** Requests with one token. */
  readonly requests: number;
}

/**
 * Slows down who guesses and who floods. Guesses count against the address that they come from, never against
 * the user or token that they name: nobody can lock somebody else out.
 */
export class Brakes {
  private readonly failures: RateLimiterMemory | undefined;
  private readonly requests: RateLimiterMemory | undefined;

  /** @param windowSeconds what "a minute" is */
  constructor(limits: Limits, windowSeconds = 60) {
    const limiter = (points: number): RateLimiterMemory | undefined =>
      points === 0 ? undefined : new RateLimiterMemory({ points, duration: windowSeconds });
    this.failures = limiter(limits.signIns);
    this.requests = limiter(limits.requests);
  }

  /** @throws RegisterError `too_many_failures`, before anything is asked of the database */
  async refuseGuessers(address: string): Promise<void> {
    const found = await this.failures?.get(networkOf(address));
    if (found && found.remainingPoints <= 0) throw tooManyFailures(found);
  }

  /** @throws RegisterError `too_many_failures`, if others from there failed while this was under way */
  async countFailure(address: string): Promise<void> {
    const { failures } = this;
    if (failures === undefined) return;
    const found = await failures.penalty(networkOf(address));
    if (found.consumedPoints > failures.points) throw tooManyFailures(found);
  }

  /** @throws RegisterError `too_many_requests` */
  async countRequest(tokenId: number): Promise<void> {
    const { requests } = this;
    if (requests === undefined) return;
    const found = await requests.penalty(tokenId);
    if (found.consumedPoints > requests.points) {
      throw tooMany(ACCESS_ERRORS.too_many_requests, 'Too many requests with this token', found);
    }
  }
}

/** Who has one IPv6 address has the whole /64 to guess from. */
function networkOf(address: string): string {
  if (!ipaddr.IPv6.isValid(address)) return address;
  return ipaddr.IPv6.parse(address).parts.slice(0, 4).join(':');
}

function tooManyFailures(found: RateLimiterRes): RegisterError {
  return tooMany(ACCESS_ERRORS.too_many_failures, 'Too many failed sign-ins from this address', found);
}

function tooMany(code: ErrorCode, message: string, { msBeforeNext }: RateLimiterRes): RegisterError {
  const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
  return new RegisterError(code, `${message}; wait ${seconds} s`, {
    headers: { 'Retry-After': String(seconds) },
  });
}
