import { Injectable } from '@nestjs/common';
import { Clock } from '../../shared/clock.js';
import { RegisterError, validationFailed } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import { DEFAULT_CONTEXT } from '../domain/context-name.js';
import { generateToken, hashToken, tokenFault } from '../domain/token.js';
import { TokenRepository, type Token } from './access.repositories.js';

export interface NewToken extends Pick<Token, 'user' | 'label' | 'scope' | 'expiresAt' | 'allowedIps'> {
  /** An existing token to adopt; undefined = one is generated. */
  readonly token?: string | undefined;
}

/** A token's record, and the token itself: it can't be shown again. */
export interface CreatedToken {
  readonly record: Token;
  readonly token: string;
}

/** Tokens, as administrators see them. */
@Injectable()
export class TokensService {
  constructor(
    private readonly tokens: TokenRepository,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  list(): Promise<Token[]> {
    return this.tokens.list();
  }

  async isKnown(token: string): Promise<boolean> {
    return (await this.tokens.signIn(hashToken(token), DEFAULT_CONTEXT)) !== undefined;
  }

  /** @throws RegisterError `token_exists`; `validation_failed` if the user does not exist */
  create({ token: adopted, ...fields }: NewToken): Promise<CreatedToken> {
    const token = adopted ?? generateToken();
    const fault = tokenFault(token);
    if (fault !== undefined) throw validationFailed([{ field: 'token', message: fault }]);
    if (fields.expiresAt !== null && fields.expiresAt <= this.clock.now()) {
      throw validationFailed([{ field: 'expires_at', message: 'must be in the future' }]);
    }
    return this.transactions.run(async () => {
      const record = { ...fields, createdAt: this.clock.now() };
      const id = await this.tokens.insert(record, hashToken(token));
      if (id === 'unknown_user')
        throw validationFailed([{ field: 'user', message: 'no user has this name' }]);
      if (id === 'taken') {
        throw new RegisterError('token_exists', 'This token is in the register already; send another');
      }
      return { record: { id, ...record, lastUsedAt: null }, token };
    });
  }

  /**
   * Makes a token like an existing one, which ends after a grace period, in which both are good.
   *
   * @param graceMs milliseconds from now; 0 = the old one ends at once. It never lives longer than it would have
   * @throws RegisterError `token_not_found`, `token_expired`
   */
  rotate(id: number, graceMs: number): Promise<CreatedToken> {
    return this.transactions.run(async () => {
      const { user, label, scope, expiresAt, allowedIps } = known(await this.tokens.lock(id));
      const now = this.clock.now();
      if (expiresAt !== null && expiresAt <= now) {
        throw new RegisterError('token_expired', 'This token has expired; create a new one instead');
      }
      await this.tokens.setExpiry(id, Math.min(expiresAt ?? Infinity, now + graceMs));
      return this.create({ user, label, scope, expiresAt, allowedIps });
    });
  }

  /** @throws RegisterError `token_not_found` */
  revoke(id: number): Promise<Token> {
    return this.transactions.run(async () => {
      const token = known(await this.tokens.lock(id));
      await this.tokens.delete(id);
      return token;
    });
  }

  /** Revokes every token of a user, and makes a new one. @throws RegisterError `validation_failed` if there is no such user */
  reset(user: string, label: string): Promise<CreatedToken> {
    return this.transactions.run(async () => {
      for (const token of await this.tokens.list()) {
        if (token.user === user) await this.tokens.delete(token.id);
      }
      return this.create({ user, label, scope: 'write', expiresAt: null, allowedIps: [] });
    });
  }
}

function known(token: Token | undefined): Token {
  if (token === undefined) throw new RegisterError('token_not_found', 'No token has this id');
  return token;
}
