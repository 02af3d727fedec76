import { Injectable } from '@nestjs/common';
import { Clock } from '../../shared/clock.js';
import { RegisterError, validationFailed } from '../../shared/errors.js';
import { formatInstant } from '../../shared/instant.js';
import { DEFAULT_CONTEXT } from '../../shared/context-name.js';
import { generateToken, hashToken, tokenFault } from '../domain/token.js';
import { TokenRepository, UserRepository, type Token } from './access.repositories.js';
import { Authority } from './authority.js';
import type { Principal } from '../../identity/domain/principal.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';
import { ACCESS_ACTIONS } from '../domain/access.actions.js';

export interface NewToken extends Pick<Token, 'user' | 'label' | 'scope' | 'expiresAt' | 'allowedIps'> {
  /** An existing token to adopt; undefined = generate one. */
  readonly token?: string | undefined;
}

/** A token's record, and the token itself, which can't be shown again. */
export interface CreatedToken {
  readonly record: Token;
  readonly token: string;
}

/** Administers tokens. The caller `by` is undefined at the command line. */
@Injectable()
export class TokensService {
  constructor(
    private readonly tokens: TokenRepository,
    private readonly users: UserRepository,
    private readonly authority: Authority,
    private readonly clock: Clock,
  ) {}

  list(): Promise<Token[]> {
    return this.tokens.list();
  }

  async isKnown(token: string): Promise<boolean> {
    return (await this.tokens.findByHash(hashToken(token), DEFAULT_CONTEXT)) !== undefined;
  }

  /** @throws RegisterError `token_exists`; `validation_failed` if the user does not exist */
  create(by: Principal | undefined, newToken: NewToken): Promise<CreatedToken> {
    return this.authority.change(
      by,
      () => this.insert(newToken),
      ({ record }) => ({
        action: ACCESS_ACTIONS.tokenCreated,
        details: { ...detailsOf(record), adopted: newToken.token !== undefined },
      }),
    );
  }

  /**
   * Creates a token like an existing one. Both are valid until the grace period ends.
   *
   * @param graceMs milliseconds until the old one expires, unless it expires sooner anyway; 0 = at once
   * @throws RegisterError `token_not_found`, `token_expired`, `token_replaced`
   */
  rotate(by: Principal | undefined, id: number, graceMs: number): Promise<CreatedToken> {
    const rotate = async (): Promise<CreatedToken> => {
      const { user, label, scope, expiresAt, allowedIps, replacedBy } = requireToken(
        await this.tokens.lock(id),
      );
      const now = this.clock.now();
      if (replacedBy !== null) {
        const message = `Token ${replacedBy} has already replaced this one; rotate or revoke that one`;
        throw new RegisterError(ACCESS_ERRORS.token_replaced, message);
      }
      if (expiresAt !== null && expiresAt <= now) {
        throw new RegisterError(
          ACCESS_ERRORS.token_expired,
          'This token has expired; create a new one instead',
        );
      }
      const created = await this.insert({ user, label, scope, expiresAt, allowedIps });
      await this.tokens.replace(id, Math.min(expiresAt ?? Infinity, now + graceMs), created.record.id);
      return created;
    };
    return this.authority.change(by, rotate, ({ record }) => ({
      action: ACCESS_ACTIONS.tokenRotated,
      details: { ...detailsOf(record), replaces: id, grace_seconds: graceMs / 1000 },
    }));
  }

  /** @throws RegisterError `token_not_found` */
  revoke(by: Principal | undefined, id: number): Promise<Token> {
    const revoke = async (): Promise<Token> => {
      const token = requireToken(await this.tokens.lock(id));
      await this.tokens.delete(id);
      return token;
    };
    return this.authority.change(by, revoke, (token) => ({
      action: ACCESS_ACTIONS.tokenRevoked,
      details: detailsOf(token),
    }));
  }

  /**
   * Revokes every token of an admin and creates a new one. For the command line only, for an admin who is locked out.
   *
   * @throws RegisterError `validation_failed` if the user is not an enabled admin
   */
  reset(name: string, label: string): Promise<CreatedToken> {
    const reset = async (): Promise<CreatedToken> => {
      // Whoever creates a token for a user waits for this lock.
      const admins = (await this.users.lockAll()).filter(({ role }) => role === 'admin');
      const admin = admins.find((user) => user.name === name);
      if (!admin?.enabled) {
        const others = admins.filter(({ enabled }) => enabled).map((user) => user.name);
        const message = `${name} is ${admin ? 'disabled' : 'not an admin'}; enabled admins: ${others.join(', ')}`;
        throw validationFailed([{ field: 'user', message }]);
      }
      for (const token of await this.tokens.list()) {
        if (token.user === name) await this.tokens.delete(token.id);
      }
      return this.insert({ user: name, label, scope: 'write', expiresAt: null, allowedIps: [] });
    };
    return this.authority.change(undefined, reset, ({ record }) => ({
      action: ACCESS_ACTIONS.tokenReset,
      details: detailsOf(record),
    }));
  }

  private async insert({ token: adopted, ...fields }: NewToken): Promise<CreatedToken> {
    const token = adopted ?? generateToken();
    const fault = tokenFault(token);
    if (fault !== undefined) throw validationFailed([{ field: 'token', message: fault }]);
    const createdAt = this.clock.now();
    if (fields.expiresAt !== null && fields.expiresAt <= createdAt) {
      throw validationFailed([{ field: 'expires_at', message: 'must be in the future' }]);
    }
    const record = { ...fields, createdAt };
    const id = await this.tokens.insert(record, hashToken(token));
    if (id === 'unknown_user') throw validationFailed([{ field: 'user', message: 'no user has this name' }]);
    if (id === 'taken') {
      const other = await this.tokens.findByHash(hashToken(token), DEFAULT_CONTEXT);
      const which = other === undefined ? '' : `: token ${other.tokenId}, of ${other.userName}`;
      throw new RegisterError(ACCESS_ERRORS.token_exists, `The register already has this token${which}`);
    }
    return { record: { id, ...record, lastUsedAt: null, replacedBy: null }, token };
  }
}

/** What the audit trail keeps of a token. */
function detailsOf({ id, user, label, scope, expiresAt, allowedIps }: Token): object {
  const expires_at = expiresAt === null ? null : formatInstant(expiresAt);
  return { token: id, user, label, scope, expires_at, allowed_ips: allowedIps };
}

/** @throws RegisterError `token_not_found` */
function requireToken(token: Token | undefined): Token {
  if (token === undefined) throw new RegisterError(ACCESS_ERRORS.token_not_found, 'No token has this id');
  return token;
}
