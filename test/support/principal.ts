import type { ContextId, Principal } from '../../src/identity/domain/principal.js';

/** A caller in a context. */
export function principal(context: ContextId, fields: Partial<Principal> = {}): Principal {
  return {
    userName: 'asha',
    role: 'operator',
    tokenId: 7,
    tokenLabel: 'CRM',
    address: '192.0.2.1',
    scope: 'write',
    context,
    contextName: 'somewhere',
    ...fields,
  };
}
