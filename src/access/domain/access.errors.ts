import { errorCodes } from '../../shared/errors.js';

export const ACCESS_ERRORS = errorCodes({
  credentials_in_url: { kind: 'malformed', when: 'the URL contains a token' },
  credentials_conflict: { kind: 'malformed', when: 'a credential is sent twice, with different values' },
  invalid_token: {
    kind: 'unauthenticated',
    when: 'the token is missing, unknown, expired, revoked, of another user, of a disabled user, or used from an address that it does not allow',
  },
  context_not_found: { kind: 'not_found', when: 'no context has this name' },
  context_forbidden: { kind: 'forbidden', when: 'the user may not use this context, or it is disabled' },
  role_forbidden: { kind: 'forbidden', when: "the user's role does not allow this" },
  scope_forbidden: { kind: 'forbidden', when: "the token's scope does not allow this" },
  context_unknown: { kind: 'not_found', when: 'the context to be administered does not exist' },
  user_not_found: { kind: 'not_found', when: 'no user has this name' },
  token_not_found: { kind: 'not_found', when: 'no token has this id' },
  context_exists: { kind: 'conflict', when: 'another context has this name or alias' },
  context_in_use: {
    kind: 'conflict',
    when: 'a request must not delete its own context',
  },
  context_not_empty: {
    kind: 'conflict',
    when: 'the context to be deleted still has customers, IP mappings or their history',
  },
  user_exists: { kind: 'conflict', when: 'another user has this name' },
  token_exists: { kind: 'conflict', when: 'the register already has this token' },
  token_expired: { kind: 'conflict', when: 'the token to be rotated has expired' },
  token_replaced: { kind: 'conflict', when: 'another token has already replaced the one to be rotated' },
  last_admin: { kind: 'conflict', when: 'the change would leave no enabled admin' },
  too_many_failures: {
    kind: 'too_many',
    when: 'too many sign-ins from this address failed within a minute (SIGNIN_LIMIT)',
  },
  too_many_requests: {
    kind: 'too_many',
    when: 'too many requests came with this token within a minute (RATE_LIMIT)',
  },
});
