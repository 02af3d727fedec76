import { Injectable } from '@nestjs/common';
import { addressList, includesAddress } from '../../shared/address-list.js';
import { Clock } from '../../shared/clock.js';
import { RegisterError, type FieldFault } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import { contextKey } from '../../shared/context-name.js';
import { isAdministration, roleAllows, scopeAllows, type Right } from '../../identity/domain/rights.js';
import { hashToken, isMistyped } from '../domain/token.js';
import { TokenRepository, type FoundToken } from './access.repositories.js';
import { Throttle } from './throttle.js';
import type { Credentials, Principal } from '../../identity/domain/principal.js';
import { SignInLog, type SignInFailure } from './sign-in-log.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';

const LAST_USED_RESOLUTION_MS = 60_000;

/** Authenticates and authorises a request. Queries the database every time, so that a revoked token stops at once. */
@Injectable()
export class AuthenticationService {
  constructor(
    private readonly tokens: TokenRepository,
    private readonly throttle: Throttle,
    private readonly log: SignInLog,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * @param address of the client
   * @param right that the request needs
   * @throws RegisterError `too_many_failures`, `invalid_token`, `too_many_requests`, `context_not_found`,
   * `context_forbidden`, `role_forbidden`, `scope_forbidden`, in this order
   */
  async authenticate(credentials: Credentials, address: string, right: Right): Promise<Principal> {
    await this.throttle.assertNotBlocked(address);
    const contextName = contextKey(credentials.contextName);
    const found = await this.find(credentials, contextName, address);
    if ('failure' in found) {
      await this.throttle.countFailedSignIn(address);
      await this.log.failure(found.failure, credentials.userName, found.tokenId, address);
      throw invalidToken(credentials.faults);
    }
    // Concurrent guesses may have reached the limit meanwhile.
    await this.throttle.assertNotBlocked(address);
    await this.throttle.countRequest(found.tokenId);
    this.log.success(found, address);
    this.recordUse(found);
    const context = requireUsableContext(found, contextName, right);
    requireRight(found, right);
    const { userName, role, tokenId, tokenLabel, scope } = found;
    return {
      userName,
      role,
      tokenId,
      tokenLabel,
      scope,
      address,
      context: context.id,
      contextName: context.name,
    };
  }

  private async find(
    { token, userName, faults }: Credentials,
    contextName: string,
    address: string,
  ): Promise<FoundToken | { failure: SignInFailure; tokenId?: number }> {
    if (token === undefined || userName === undefined || faults.length > 0) return { failure: 'incomplete' };
    if (isMistyped(token)) return { failure: 'mistyped_token' };
    const found = await this.tokens.findByHash(hashToken(token), contextName);
    if (found === undefined) return { failure: 'unknown_token' };
    const failure = failureOf(found, userName, address, this.clock.now());
    return failure === undefined ? found : { failure, tokenId: found.tokenId };
  }

  /** Isn't awaited, since a reader must not queue behind writers. A failure only loses the timestamp. */
  private recordUse({ tokenId, lastUsedAt }: FoundToken): void {
    const now = this.clock.now();
    const due = now - LAST_USED_RESOLUTION_MS;
    if (lastUsedAt !== null && lastUsedAt > due) return;
    this.transactions.run(() => this.tokens.touch(tokenId, now, due)).catch(() => undefined);
  }
}

/** The same error for everything that can be wrong with a token, so that guessers learn nothing. */
export function invalidToken(faults: readonly FieldFault[]): RegisterError {
  return new RegisterError(ACCESS_ERRORS.invalid_token, 'Invalid API token', { faults });
}

function failureOf(
  found: FoundToken,
  userName: string,
  address: string,
  now: number,
): SignInFailure | undefined {
  if (found.userName !== userName) return 'other_user';
  if (!found.userEnabled) return 'disabled_user';
  if (found.expiresAt !== null && found.expiresAt <= now) return 'expired_token';
  if (found.allowedIps.length > 0 && !includesAddress(addressList(found.allowedIps), address)) {
    return 'address_not_allowed';
  }
  return undefined;
}

/** @param name as the client sent it @throws RegisterError `context_not_found`, `context_forbidden` */
function requireUsableContext(
  { context, role, userName }: FoundToken,
  name: string,
  right: Right,
): NonNullable<FoundToken['context']> {
  if (context === undefined) {
    throw new RegisterError(ACCESS_ERRORS.context_not_found, `Invalid Context name - ${name.slice(0, 64)}`);
  }
  if (role !== 'admin' && !context.granted) {
    const message = `The user (${userName}) is not allowed to access the context ${name}`;
    throw new RegisterError(ACCESS_ERRORS.context_forbidden, message);
  }
  // Administration must stay possible, or nobody could enable the context again.
  if (!context.enabled && !isAdministration(right)) {
    throw new RegisterError(ACCESS_ERRORS.context_forbidden, `The context ${name} is disabled`);
  }
  return context;
}

/** @throws RegisterError `role_forbidden`, `scope_forbidden` */
function requireRight({ role, scope, userName }: FoundToken, right: Right): void {
  if (!roleAllows(role, right)) {
    throw new RegisterError(
      ACCESS_ERRORS.role_forbidden,
      `The user (${userName}) has the role ${role}, which may not do this`,
    );
  }
  if (!scopeAllows(scope, right)) {
    throw new RegisterError(
      ACCESS_ERRORS.scope_forbidden,
      `This token has the scope ${scope}, which may not do this`,
    );
  }
}
