import type { Action } from '../../history/domain/audit-entry.js';

/** What the audit trail records of contexts, users, tokens and sign-ins. */
export const ACCESS_ACTIONS = {
  contextCreated: 'context.created',
  contextChanged: 'context.changed',
  contextDeleted: 'context.deleted',
  userCreated: 'user.created',
  userChanged: 'user.changed',
  userDeleted: 'user.deleted',
  tokenCreated: 'token.created',
  tokenRotated: 'token.rotated',
  tokenRevoked: 'token.revoked',
  tokenReset: 'token.reset', // all tokens of a user
  signInsListed: 'signins.listed',
} as const satisfies Readonly<Record<string, Action>>;
