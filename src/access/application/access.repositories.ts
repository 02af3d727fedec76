import type { Role, Scope } from '../../identity/domain/rights.js';
import type { ContextId } from '../../identity/domain/principal.js';

/** What the register knows of a token at the moment of a sign-in, and of the context asked for. */
export interface SignIn {
  readonly tokenId: number;
  readonly tokenLabel: string;
  readonly scope: Scope;
  /** Unix milliseconds, the first moment at which the token is no longer good; null = never. */
  readonly expiresAt: number | null;
  readonly allowedIps: readonly string[];
  readonly lastUsedAt: number | null;
  readonly userName: string;
  readonly userEnabled: boolean;
  readonly role: Role;
  /** undefined = no context answers to this name. */
  readonly context:
    | {
        readonly id: ContextId;
        readonly name: string;
        readonly enabled: boolean;
        readonly granted: boolean;
      }
    | undefined;
}

/** Times are Unix milliseconds, here and below. */
export interface Token {
  readonly id: number;
  readonly user: string;
  readonly label: string;
  readonly scope: Scope;
  readonly expiresAt: number | null;
  /** Addresses and CIDRs; none = from anywhere. */
  readonly allowedIps: readonly string[];
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  /** The token that took its place; null = none did. */
  readonly replacedBy: number | null;
}

/** A token that was not written yet. */
export type FreshToken = Omit<Token, 'id' | 'lastUsedAt' | 'replacedBy'>;

export type UserChanges = Partial<Pick<User, 'role' | 'contexts' | 'enabled'>>;

export interface User {
  readonly name: string;
  readonly role: Role;
  /** The contexts granted, by name. */
  readonly contexts: readonly string[];
  readonly enabled: boolean;
  readonly createdAt: number;
}

export interface Context {
  readonly name: string;
  /** Other names that it answers to, such as the one that it had before. */
  readonly aliases: readonly string[];
  readonly enabled: boolean;
  readonly createdAt: number;
}

/** Writes, and what locks, exist inside `Transactions.run` alone, here and below. */
export abstract class TokenRepository {
  /** One query, whatever it finds. */
  abstract signIn(hash: string, contextName: string): Promise<SignIn | undefined>;
  /** Notes a use, unless one was noted after `unlessAfter`. */
  abstract touch(id: number, at: number, unlessAfter: number): Promise<void>;
  abstract list(): Promise<Token[]>;
  /** Reads one, and keeps others from changing it until the transaction ends. */
  abstract lock(id: number): Promise<Token | undefined>;
  /** The user `userName`, if it still has this token; keeps others from changing either until the transaction ends. */
  abstract lockOwner(userName: string, id: number): Promise<Pick<User, 'role' | 'enabled'> | undefined>;
  /** @returns the id given; `unknown_user`, or `taken` if a token with this hash is there: nothing was written */
  abstract insert(token: FreshToken, hash: string): Promise<number | 'unknown_user' | 'taken'>;
  /** Has a token end, because of another one that takes its place. */
  abstract replace(id: number, expiresAt: number, replacedBy: number): Promise<void>;
  abstract delete(id: number): Promise<void>;
}

export abstract class UserRepository {
  abstract list(): Promise<User[]>;
  /** Reads all, and keeps others from changing any until the transaction ends. */
  abstract lockAll(): Promise<User[]>;
  /** @returns the contexts of `user` that do not exist, or `taken`: nothing was written; undefined = done */
  abstract insert(user: User): Promise<undefined | 'taken' | readonly string[]>;
  /** @returns the contexts that do not exist: nothing was written; undefined = done */
  abstract update(name: string, changes: UserChanges): Promise<undefined | readonly string[]>;
  /** With the user go its tokens. */
  abstract delete(name: string): Promise<void>;
}

export abstract class ContextRepository {
  abstract list(): Promise<Context[]>;
  /** Reads all, and keeps others from changing any until the transaction ends. */
  abstract lockAll(): Promise<Context[]>;
  /** @returns false = one of the names is taken; what was written until then must be undone */
  abstract insert(context: Context): Promise<boolean>;
  /** @param name the present one @returns as `insert` */
  abstract update(name: string, context: Context): Promise<boolean>;
  /** @returns false = it is not empty, and nothing was written */
  abstract delete(name: string): Promise<boolean>;
}
