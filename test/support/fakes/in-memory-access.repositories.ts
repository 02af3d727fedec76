import {
  ContextRepository,
  TokenRepository,
  UserRepository,
  type Context,
  type SignIn,
  type Token,
  type User,
} from '../../../src/access/application/access.repositories.js';
import type { ContextId } from '../../../src/access/application/principal.js';
import type { InMemoryStore } from './in-memory-store.js';

export class InMemoryTokenRepository extends TokenRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async signIn(hash: string, contextName: string): Promise<SignIn | undefined> {
    const { tokens, users, contexts } = this.store.rows;
    const token = tokens.find((row) => row.hash === hash)?.token;
    const user = users.find(({ name }) => name === token?.user);
    const found = contexts.find(({ context }) => context.name === contextName);
    if (token === undefined || user === undefined) return undefined;
    return {
      tokenId: token.id,
      scope: token.scope,
      expiresAt: token.expiresAt,
      allowedIps: token.allowedIps,
      lastUsedAt: token.lastUsedAt,
      userName: user.name,
      userEnabled: user.enabled,
      role: user.role,
      context: found && {
        id: found.id,
        enabled: found.context.enabled,
        granted: user.contexts.includes(contextName),
      },
    };
  }

  async touch(id: number, at: number, unlessAfter: number): Promise<void> {
    const row = this.store.draft.tokens.find(({ token }) => token.id === id);
    const { lastUsedAt = null } = row?.token ?? {};
    if (row === undefined || (lastUsedAt !== null && lastUsedAt > unlessAfter)) return;
    row.token = { ...row.token, lastUsedAt: at };
  }

  async list(): Promise<Token[]> {
    return this.store.rows.tokens.map(({ token }) => token);
  }

  async insert(
    token: Omit<Token, 'id' | 'lastUsedAt'>,
    hash: string,
  ): Promise<number | 'unknown_user' | 'taken'> {
    const { draft } = this.store;
    if (!draft.users.some(({ name }) => name === token.user)) return 'unknown_user';
    if (draft.tokens.some((row) => row.hash === hash)) return 'taken';
    const id = ++draft.lastId;
    draft.tokens.push({ token: { id, lastUsedAt: null, ...token }, hash });
    return id;
  }

  async delete(id: number): Promise<Token | undefined> {
    const { draft } = this.store;
    const deleted = draft.tokens.find(({ token }) => token.id === id);
    draft.tokens = draft.tokens.filter((row) => row !== deleted);
    return deleted?.token;
  }
}

export class InMemoryUserRepository extends UserRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async list(): Promise<User[]> {
    return this.store.rows.users.toSorted(byName);
  }

  async insert(user: User): Promise<undefined | 'taken' | readonly string[]> {
    const { users, contexts } = this.store.draft;
    const unknown = user.contexts.filter((name) => !contexts.some(({ context }) => context.name === name));
    if (unknown.length > 0) return unknown;
    if (users.some(({ name }) => name === user.name)) return 'taken';
    users.push({ ...user, contexts: user.contexts.toSorted() });
    return undefined;
  }
}

export class InMemoryContextRepository extends ContextRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async list(): Promise<Context[]> {
    return this.store.rows.contexts.map(({ context }) => context).toSorted(byName);
  }

  async insert(context: Context): Promise<boolean> {
    const { draft } = this.store;
    if (draft.contexts.some((row) => row.context.name === context.name)) return false;
    draft.contexts.push({ id: ++draft.lastId as ContextId, context });
    return true;
  }
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
