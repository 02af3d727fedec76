import type { FieldFault } from '../../shared/errors.js';
import type { Role, Scope } from './rights.js';

declare const contextId: unique symbol;

/** The context of a request. Only authentication creates one, after checking that the caller may use it. */
export type ContextId = number & { readonly [contextId]: true };

/** The credentials as sent, before any check. */
export interface Credentials {
  readonly token: string | undefined;
  readonly userName: string | undefined;
  readonly contextName: string | undefined;
  /** Credentials that are not strings. They must not reach a database driver, which could turn them into SQL. */
  readonly faults: readonly FieldFault[];
}

/** The authenticated caller. */
export interface Principal {
  readonly userName: string;
  readonly role: Role;
  readonly tokenId: number;
  readonly tokenLabel: string;
  /** The client's IP address. */
  readonly address: string;
  readonly scope: Scope;
  readonly context: ContextId;
  readonly contextName: string;
}
