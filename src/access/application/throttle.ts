import ipaddr from 'ipaddr.js';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { RegisterError, type ErrorCode } from '../../shared/errors.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';

/** How many are allowed per minute and instance; 0 = no limit. */
export interface Limits {
  /** Failed sign-ins from one client address. */
  readonly signIns: number;
  /** Requests with one token. */
  readonly requests: number;
}

/**
 * Limits failed sign-ins and requests. Failures count against the client's address, never against a user or token:
 * nobody can lock somebody else out.
 */
export class Throttle {
  private readonly failures: RateLimiterMemory | undefined;
  private readonly requests: RateLimiterMemory | undefined;

  /** @param windowSeconds how long a "minute" is */
  constructor(limits: Limits, windowSeconds = 60) {
    const limiter = (points: number): RateLimiterMemory | undefined =>
      points === 0 ? undefined : new RateLimiterMemory({ points, duration: windowSeconds });
    this.failures = limiter(limits.signIns);
    this.requests = limiter(limits.requests);
  }

  /** Call before any query. @throws RegisterError `too_many_failures` */
  async assertNotBlocked(address: string): Promise<void> {
    const found = await this.failures?.get(networkOf(address));
    if (found && found.remainingPoints <= 0) throw tooManyFailures(found);
  }

  /** @throws RegisterError `too_many_failures` if concurrent failures from this address reached the limit */
  async countFailedSignIn(address: string): Promise<void> {
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

/** Counts an IPv6 /64 as one client, since one client can use all of its addresses. */
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
