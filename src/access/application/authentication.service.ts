import { Injectable } from '@nestjs/common';
import { addressList, holds } from '../../shared/address-list.js';
import { Clock } from '../../shared/clock.js';
import { RegisterError, type FieldFault } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import { contextKey } from '../../shared/context-name.js';
import { isAdministration, roleAllows, scopeAllows, type Right } from '../../identity/domain/rights.js';
import { hashToken, isMistyped } from '../domain/token.js';
import { TokenRepository, type SignIn } from './access.repositories.js';
import { Brakes } from './brakes.js';
import type { Credentials, Principal } from '../../identity/domain/principal.js';
import { SignInLog, type SignInFailure } from './sign-in-log.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';

const USE_NOTED_EVERY_MS = 60_000;

/** Tells who is calling, and whether they may. Asks the database every time: a revoked token stops at once. */
@Injectable()
export class AuthenticationService {
  constructor(
    private readonly tokens: TokenRepository,
    private readonly brakes: Brakes,
    private readonly log: SignInLog,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * @param address where the client is
   * @param right what the request needs
   * @throws RegisterError `too_many_failures`, `invalid_token`, `too_many_requests`, `context_not_found`,
   * `context_forbidden`, `role_forbidden`, `scope_forbidden`, in this order
   */
  async authenticate(credentials: Credentials, address: string, right: Right): Promise<Principal> {
    await this.brakes.refuseGuessers(address);
    const contextName = contextKey(credentials.contextName);
    const found = await this.find(credentials, contextName, address);
    if ('failure' in found) {
      await this.brakes.countFailure(address);
      await this.log.failure(found.failure, credentials.userName, found.tokenId, address);
      throw invalidToken(credentials.faults);
    }
    await this.brakes.refuseGuessers(address); // of many guesses under way at once, none counts beyond the limit
    await this.brakes.countRequest(found.tokenId);
    this.log.success(found, address);
    this.noteUse(found);
    const context = usableContext(found, contextName, right);
    refuseUnlessAllowed(found, right);
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
  ): Promise<SignIn | { failure: SignInFailure; tokenId?: number }> {
    if (token === undefined || userName === undefined || faults.length > 0) return { failure: 'incomplete' };
    if (isMistyped(token)) return { failure: 'mistyped_token' };
    const signIn = await this.tokens.signIn(hashToken(token), contextName);
    if (signIn === undefined) return { failure: 'unknown_token' };
    const failure = failureOf(signIn, userName, address, this.clock.now());
    return failure === undefined ? signIn : { failure, tokenId: signIn.tokenId };
  }

  /** Beside the request: a reader must not wait in the queue of writers. Lost at worst, never wrong. */
  private noteUse({ tokenId, lastUsedAt }: SignIn): void {
    const now = this.clock.now();
    const due = now - USE_NOTED_EVERY_MS;
    if (lastUsedAt !== null && lastUsedAt > due) return;
    this.transactions.run(() => this.tokens.touch(tokenId, now, due)).catch(() => undefined);
  }
}

/** One answer for all that can be wrong with a token: it tells a guesser nothing. */
export function invalidToken(faults: readonly FieldFault[]): RegisterError {
  return new RegisterError(ACCESS_ERRORS.invalid_token, 'Invalid API token', { faults });
}

function failureOf(
  signIn: SignIn,
  userName: string,
  address: string,
  now: number,
): SignInFailure | undefined {
  if (signIn.userName !== userName) return 'other_user';
  if (!signIn.userEnabled) return 'disabled_user';
  if (signIn.expiresAt !== null && signIn.expiresAt <= now) return 'expired_token';
  if (signIn.allowedIps.length > 0 && !holds(addressList(signIn.allowedIps), address)) {
    return 'address_not_allowed';
  }
  return undefined;
}

/** @param name as the client said it */
function usableContext(
  { context, role, userName }: SignIn,
  name: string,
  right: Right,
): NonNullable<SignIn['context']> {
  if (context === undefined) {
    throw new RegisterError(ACCESS_ERRORS.context_not_found, `Invalid Context name - ${name.slice(0, 64)}`);
  }
  if (role !== 'admin' && !context.granted) {
    const message = `The user (${userName}) is not allowed to access the context ${name}`;
    throw new RegisterError(ACCESS_ERRORS.context_forbidden, message);
  }
  // Or nobody could enable it again.
  if (!context.enabled && !isAdministration(right)) {
    throw new RegisterError(ACCESS_ERRORS.context_forbidden, `The context ${name} is disabled`);
  }
  return context;
}

function refuseUnlessAllowed({ role, scope, userName }: SignIn, right: Right): void {
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
