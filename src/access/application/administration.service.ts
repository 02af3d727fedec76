import { Injectable } from '@nestjs/common';
import { Clock } from '../../shared/clock.js';
import { RegisterError, validationFailed } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import type { Role } from '../domain/rights.js';
import { generateToken, hashToken } from '../domain/token.js';
import {
  ContextRepository,
  TokenRepository,
  UserRepository,
  type Context,
  type Token,
  type User,
} from './access.repositories.js';

export interface NewToken extends Pick<Token, 'user' | 'label' | 'scope' | 'expiresAt' | 'allowedIps'> {
  /** An existing token to adopt; undefined = one is generated. */
  readonly token?: string | undefined;
}

export interface NewUser {
  readonly name: string;
  readonly role: Role;
  readonly contexts: readonly string[];
  readonly enabled: boolean;
}

/** Contexts, users and tokens, as administrators see them. */
@Injectable()
export class AdministrationService {
  constructor(
    private readonly contexts: ContextRepository,
    private readonly users: UserRepository,
    private readonly tokens: TokenRepository,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  listContexts(): Promise<Context[]> {
    return this.contexts.list();
  }

  /** @throws RegisterError `context_exists` */
  createContext(name: string, enabled: boolean): Promise<Context> {
    return this.transactions.run(async () => {
      const context = { name, enabled, createdAt: this.clock.now() };
      if (!(await this.contexts.insert(context))) {
        throw new RegisterError('context_exists', `Context ${name} already exists`);
      }
      return context;
    });
  }

  listUsers(): Promise<User[]> {
    return this.users.list();
  }

  /** @throws RegisterError `user_exists`; `validation_failed` if a context does not exist */
  createUser(newUser: NewUser): Promise<User> {
    return this.transactions.run(async () => {
      const user = { ...newUser, createdAt: this.clock.now() };
      const refused = await this.users.insert(user);
      if (refused === 'taken') throw new RegisterError('user_exists', `User ${user.name} already exists`);
      if (refused !== undefined) {
        const message = `no context has the name ${refused.join(', nor ')}`;
        throw validationFailed([{ field: 'contexts', message }]);
      }
      return user;
    });
  }

  listTokens(): Promise<Token[]> {
    return this.tokens.list();
  }

  /**
   * @returns the token's record, and the token itself: it can't be shown again
   * @throws RegisterError `token_exists`; `validation_failed` if the user does not exist
   */
  createToken({ token: adopted, ...fields }: NewToken): Promise<{ record: Token; token: string }> {
    return this.transactions.run(async () => {
      const token = adopted ?? generateToken();
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

  /** @throws RegisterError `token_not_found` */
  revokeToken(id: number): Promise<Token> {
    return this.transactions.run(async () => {
      const token = await this.tokens.delete(id);
      if (token === undefined) throw new RegisterError('token_not_found', 'No token has this id');
      return token;
    });
  }
}
