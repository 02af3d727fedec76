import type { ContextId, Principal } from '../../src/identity/domain/principal.js';
import type { Recorder } from '../../src/versions/domain/version.js';

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

/** What versions keep of the caller who recorded them. */
export function recorderOf({ userName, tokenId, tokenLabel, address }: Principal): Recorder {
  return { userName, tokenId, tokenLabel, address };
}
