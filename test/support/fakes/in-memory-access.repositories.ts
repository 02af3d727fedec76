import {
  ContextRepository,
  TokenRepository,
  UserRepository,
  type Context,
  type UnsavedToken,
  type FoundToken,
  type Token,
  type User,
  type UserChanges,
} from '../../../src/access/application/access.repositories.js';
import type { ContextId } from '../../../src/identity/domain/principal.js';
import {
  SignInRepository,
  type SignInEntry,
  type SignInFilter,
} from '../../../src/access/application/sign-in-log.js';
import type { InMemoryStore } from './in-memory-store.js';

export class InMemoryTokenRepository extends TokenRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async findByHash(hash: string, contextName: string): Promise<FoundToken | undefined> {
    const { tokens, users, contexts } = this.store.rows;
    const token = tokens.find((row) => row.hash === hash)?.token;
    const user = users.find(({ name }) => name === token?.user);
    const found = contexts.find(({ context }) => namesOf(context).includes(contextName));
    if (token === undefined || user === undefined) return undefined;
    return {
      tokenId: token.id,
      tokenLabel: token.label,
      scope: token.scope,
      expiresAt: token.expiresAt,
      allowedIps: token.allowedIps,
      lastUsedAt: token.lastUsedAt,
      userName: user.name,
      userEnabled: user.enabled,
      role: user.role,
      context: found && {
        id: found.id,
        name: found.context.name,
        enabled: found.context.enabled,
        granted: user.contexts.includes(found.context.name),
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

  async insert(token: UnsavedToken, hash: string): Promise<number | 'unknown_user' | 'taken'> {
    const { draft } = this.store;
    if (!draft.users.some(({ name }) => name === token.user)) return 'unknown_user';
    if (draft.tokens.some((row) => row.hash === hash)) return 'taken';
    const id = ++draft.lastId;
    draft.tokens.push({ token: { id, lastUsedAt: null, replacedBy: null, ...token }, hash });
    return id;
  }

  async lock(id: number): Promise<Token | undefined> {
    return this.store.draft.tokens.find(({ token }) => token.id === id)?.token;
  }

  async lockOwner(userName: string, id: number): Promise<Pick<User, 'role' | 'enabled'> | undefined> {
    const owner = (await this.lock(id))?.user;
    const user = this.store.draft.users.find(({ name }) => name === userName && name === owner);
    return user && { role: user.role, enabled: user.enabled };
  }

  async replace(id: number, expiresAt: number, replacedBy: number): Promise<void> {
    const row = this.store.draft.tokens.find(({ token }) => token.id === id);
    if (row !== undefined) row.token = { ...row.token, expiresAt, replacedBy };
  }

  async delete(id: number): Promise<void> {
    const { draft } = this.store;
    draft.tokens = draft.tokens.filter(({ token }) => token.id !== id);
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
    const { users } = this.store.draft;
    const unknown = this.unknown(user.contexts);
    if (unknown.length > 0) return unknown;
    if (users.some(({ name }) => name === user.name)) return 'taken';
    users.push({ ...user, contexts: user.contexts.toSorted() });
    return undefined;
  }

  async lockAll(): Promise<User[]> {
    return this.store.draft.users.toSorted(byName);
  }

  async update(name: string, changes: UserChanges): Promise<undefined | readonly string[]> {
    const { draft } = this.store;
    const unknown = this.unknown(changes.contexts ?? []);
    if (unknown.length > 0) return unknown;
    draft.users = draft.users.map((user) => {
      if (user.name !== name) return user;
      const after = { ...user, ...changes };
      return { ...after, contexts: after.contexts.toSorted() };
    });
    return undefined;
  }

  async delete(name: string): Promise<void> {
    const { draft } = this.store;
    draft.users = draft.users.filter((user) => user.name !== name);
    draft.tokens = draft.tokens.filter(({ token }) => token.user !== name);
  }

  private unknown(names: readonly string[]): string[] {
    return names.filter((name) => !this.store.rows.contexts.some(({ context }) => context.name === name));
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
    if (this.isTaken(context)) return false;
    draft.contexts.push({ id: ++draft.lastId as ContextId, context: sorted(context) });
    return true;
  }

  async lockAll(): Promise<Context[]> {
    return this.store.draft.contexts.map(({ context }) => context).toSorted(byName);
  }

  async update(name: string, context: Context): Promise<boolean> {
    const { contexts, users } = this.store.draft;
    const row = contexts.find((each) => each.context.name === name);
    if (row === undefined || this.isTaken(context, row.id)) return false;
    row.context = sorted(context);
    users.forEach((user, n) => {
      const granted = user.contexts.map((each) => (each === name ? context.name : each)).sort();
      users[n] = { ...user, contexts: granted };
    });
    return true;
  }

  async delete(name: string): Promise<boolean> {
    const { draft } = this.store;
    const row = draft.contexts.find(({ context }) => context.name === name);
    const { customers, versions, mappings, mappingVersions } = draft;
    const kept = [customers, versions, mappings, mappingVersions].flat();
    if (kept.some(({ context }) => context === row?.id)) return false;
    if (row !== undefined) draft.guards.delete(row.id);
    draft.contexts = draft.contexts.filter((each) => each !== row);
    draft.users = draft.users.map((user) => ({
      ...user,
      contexts: user.contexts.filter((each) => each !== name),
    }));
    return true;
  }

  private isTaken(context: Context, unlessBy?: ContextId): boolean {
    const others = this.store.rows.contexts.filter(({ id }) => id !== unlessBy);
    return others.some((row) => namesOf(row.context).some((name) => namesOf(context).includes(name)));
  }
}

export class InMemorySignInRepository extends SignInRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async isUser(name: string): Promise<boolean> {
    return this.store.rows.users.some((user) => user.name === name);
  }

  async insertFailure(entry: Omit<SignInEntry, 'id'>): Promise<void> {
    const { draft } = this.store;
    draft.signIns.push({ entry: { ...entry, id: ++draft.lastId }, day: null });
  }

  async insertSuccess(success: Omit<SignInEntry, 'id' | 'failure'>, day: number): Promise<void> {
    const { draft } = this.store;
    const { tokenId, address } = success;
    const isThere = draft.signIns.some(
      (row) => row.day === day && row.entry.tokenId === tokenId && row.entry.address === address,
    );
    if (!isThere) draft.signIns.push({ entry: { ...success, failure: null, id: ++draft.lastId }, day });
  }

  async purge(before: number, limit: number): Promise<number> {
    const { draft } = this.store;
    const purged = new Set(draft.signIns.filter(({ entry }) => entry.at < before).slice(0, limit));
    draft.signIns = draft.signIns.filter((row) => !purged.has(row));
    return purged.size;
  }

  async page(filter: SignInFilter, before: number, limit: number): Promise<SignInEntry[]> {
    const { userName, address, failed, from = 0, to = Infinity } = filter;
    return this.store.rows.signIns
      .map(({ entry }) => entry)
      .filter((entry) => entry.id < before && entry.at >= from && entry.at < to)
      .filter((entry) => userName === undefined || entry.userName === userName)
      .filter((entry) => address === undefined || entry.address === address)
      .filter((entry) => failed === undefined || (entry.failure !== null) === failed)
      .toReversed()
      .slice(0, limit);
  }
}

function namesOf({ name, aliases }: Context): string[] {
  return [name, ...aliases];
}

function sorted(context: Context): Context {
  return { ...context, aliases: context.aliases.toSorted() };
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
