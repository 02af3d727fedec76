import type { FieldFault } from '../../shared/errors.js';
import type { Role, Scope } from './rights.js';

declare const contextId: unique symbol;

/** The context that a request works in. Only authentication makes one, after checking that it may be used. */
export type ContextId = number & { readonly [contextId]: true };

/** What a request says of who is calling; not checked against anything yet. */
export interface Credentials {
  readonly token: string | undefined;
  readonly userName: string | undefined;
  readonly contextName: string | undefined;
  /** Credentials that are not strings. They never reach a database driver, which might take them for SQL. */
  readonly faults: readonly FieldFault[];
}

/** Who is calling, as authentication found it. */
export interface Principal {
  readonly userName: string;
  readonly role: Role;
  readonly tokenId: number;
  readonly tokenLabel: string;
  /** Where the client is. */
  readonly address: string;
  readonly scope: Scope;
  readonly context: ContextId;
  readonly contextName: string;
}
