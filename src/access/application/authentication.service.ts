import { Injectable } from '@nestjs/common';
import { addressList, holds } from '../../shared/address-list.js';
import { Clock } from '../../shared/clock.js';
import { RegisterError, type FieldFault } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import { contextKey } from '../domain/context-name.js';
import { roleAllows, scopeAllows, type Right } from '../domain/rights.js';
import { hashToken } from '../domain/token.js';
import { TokenRepository, type SignIn } from './access.repositories.js';
import type { Principal } from './principal.js';

const USE_NOTED_EVERY_MS = 60_000;

/** Tells who is calling, and whether they may. Asks the database every time: a revoked token stops at once. */
@Injectable()
export class AuthenticationService {
  constructor(
    private readonly tokens: TokenRepository,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * @param contextName as the client said it; undefined = `default`
   * @throws RegisterError `invalid_token`, `context_not_found`, `context_forbidden`, in this order
   */
  async authenticate(
    token: string | undefined,
    userName: string | undefined,
    contextName: string | undefined,
    clientAddress: string,
  ): Promise<Principal> {
    if (token === undefined || userName === undefined) throw invalidToken();
    const name = contextKey(contextName);
    const signIn = await this.tokens.signIn(hashToken(token), name);
    const now = this.clock.now();
    if (signIn === undefined || !isGood(signIn, userName, clientAddress, now)) throw invalidToken();
    const context = usable(signIn, name);
    this.noteUse(signIn, now);
    const { role, tokenId, scope } = signIn;
    return { userName, role, tokenId, scope, context, contextName: name };
  }

  /** @throws RegisterError `role_forbidden`, `scope_forbidden` */
  authorize({ role, scope, userName }: Principal, right: Right): void {
    if (!roleAllows(role, right)) {
      throw new RegisterError(
        'role_forbidden',
        `The user (${userName}) has the role ${role}, which may not do this`,
      );
    }
    if (!scopeAllows(scope, right)) {
      throw new RegisterError('scope_forbidden', `This token has the scope ${scope}, which may not do this`);
    }
  }

  /** Beside the request: a reader must not wait in the queue of writers. Lost at worst, never wrong. */
  private noteUse({ tokenId, lastUsedAt }: SignIn, now: number): void {
    const due = now - USE_NOTED_EVERY_MS;
    if (lastUsedAt !== null && lastUsedAt > due) return;
    this.transactions.run(() => this.tokens.touch(tokenId, now, due)).catch(() => undefined);
  }
}

/** One answer for all that can be wrong with a token: it tells a guesser nothing. */
export function invalidToken(faults: readonly FieldFault[] = []): RegisterError {
  return new RegisterError('invalid_token', 'Invalid API token', { faults });
}

function isGood(signIn: SignIn, userName: string, clientAddress: string, now: number): boolean {
  return (
    signIn.userName === userName &&
    signIn.userEnabled &&
    (signIn.expiresAt === null || now < signIn.expiresAt) &&
    (signIn.allowedIps.length === 0 || holds(addressList(signIn.allowedIps), clientAddress))
  );
}

function usable({ context, role, userName }: SignIn, name: string): Principal['context'] {
  if (context === undefined)
    throw new RegisterError('context_not_found', `Invalid Context name - ${name.slice(0, 64)}`);
  if (!context.enabled) throw new RegisterError('context_forbidden', `The context ${name} is disabled`);
  if (role !== 'admin' && !context.granted) {
    const message = `The user (${userName}) is not allowed to access the context ${name}`;
    throw new RegisterError('context_forbidden', message);
  }
  return context.id;
}
