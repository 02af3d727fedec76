import type { Role, Scope } from '../domain/rights.js';

declare const contextId: unique symbol;

/** The context that a request works in. Only authentication makes one, after checking that it may be used. */
export type ContextId = number & { readonly [contextId]: true };

/** Who is calling, as authentication found it. */
export interface Principal {
  readonly userName: string;
  readonly role: Role;
  readonly tokenId: number;
  readonly scope: Scope;
  readonly context: ContextId;
  readonly contextName: string;
}
