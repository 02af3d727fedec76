import type { Role, Scope } from '../../identity/domain/rights.js';
import type { ContextId } from '../../identity/domain/principal.js';

/** A token that is being used, with its user and the requested context. */
export interface FoundToken {
  readonly tokenId: number;
  readonly tokenLabel: string;
  readonly scope: Scope;
  /** Unix milliseconds: the token is invalid from this instant on; null = it never expires. */
  readonly expiresAt: number | null;
  readonly allowedIps: readonly string[];
  readonly lastUsedAt: number | null;
  readonly userName: string;
  readonly userEnabled: boolean;
  readonly role: Role;
  /** undefined = no context has this name or alias. */
  readonly context:
    | {
        readonly id: ContextId;
        readonly name: string;
        readonly enabled: boolean;
        readonly granted: boolean;
      }
    | undefined;
}

/** Times here and below are Unix milliseconds. */
export interface Token {
  readonly id: number;
  readonly user: string;
  readonly label: string;
  readonly scope: Scope;
  readonly expiresAt: number | null;
  /** Addresses and CIDRs; empty = any address. */
  readonly allowedIps: readonly string[];
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  /** The id of the token that replaced this one; null = not replaced. */
  readonly replacedBy: number | null;
}

/** A token before the register stores it. */
export type UnsavedToken = Omit<Token, 'id' | 'lastUsedAt' | 'replacedBy'>;

export type UserChanges = Partial<Pick<User, 'role' | 'contexts' | 'enabled'>>;

export interface User {
  readonly name: string;
  readonly role: Role;
  /** The names of the contexts granted. */
  readonly contexts: readonly string[];
  readonly enabled: boolean;
  readonly createdAt: number;
}

export interface Context {
  readonly name: string;
  /** Other names that work too, such as former ones. */
  readonly aliases: readonly string[];
  readonly enabled: boolean;
  readonly createdAt: number;
}

/** In this and the following repositories, call writes and locking reads inside `Transactions.run` only. */
export abstract class TokenRepository {
  /** Runs exactly one query, whatever it finds. */
  abstract findByHash(hash: string, contextName: string): Promise<FoundToken | undefined>;
  /** Sets the time of the last use, unless the stored one is later than `unlessAfter`. */
  abstract touch(id: number, at: number, unlessAfter: number): Promise<void>;
  abstract list(): Promise<Token[]>;
  /** Reads a token and locks it until the transaction ends. */
  abstract lock(id: number): Promise<Token | undefined>;
  /** The user `userName`, if it still has this token. Locks both until the transaction ends. */
  abstract lockOwner(userName: string, id: number): Promise<Pick<User, 'role' | 'enabled'> | undefined>;
  /** @returns the new id; `unknown_user`, or `taken` if the hash exists already, when nothing was written */
  abstract insert(token: UnsavedToken, hash: string): Promise<number | 'unknown_user' | 'taken'>;
  /** Sets when a token expires and which one replaces it. */
  abstract replace(id: number, expiresAt: number, replacedBy: number): Promise<void>;
  abstract delete(id: number): Promise<void>;
}

export abstract class UserRepository {
  abstract list(): Promise<User[]>;
  /** Reads all users and locks them until the transaction ends. */
  abstract lockAll(): Promise<User[]>;
  /** @returns undefined = written; `taken`, or the contexts that do not exist, when nothing was written */
  abstract insert(user: User): Promise<undefined | 'taken' | readonly string[]>;
  /** @returns undefined = written; the contexts that do not exist, when nothing was written */
  abstract update(name: string, changes: UserChanges): Promise<undefined | readonly string[]>;
  /** Deletes the user and its tokens. */
  abstract delete(name: string): Promise<void>;
}

export abstract class ContextRepository {
  abstract list(): Promise<Context[]>;
  /** Reads all contexts and locks them until the transaction ends. */
  abstract lockAll(): Promise<Context[]>;
  /** @returns false = one of the names is taken. The caller MUST roll back, since part may be written */
  abstract insert(context: Context): Promise<boolean>;
  /** @param name the current one @returns as `insert` does */
  abstract update(name: string, context: Context): Promise<boolean>;
  /** @returns false = the context is not empty and was not deleted */
  abstract delete(name: string): Promise<boolean>;
}
