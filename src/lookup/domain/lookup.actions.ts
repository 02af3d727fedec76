import type { Action } from '../../history/domain/audit-entry.js';

/** What the audit trail records of look-ups. */
export const LOOKUP_ACTIONS = {
  one: 'holder.looked_up',
  many: 'holders.looked_up',
  history: 'holder.history_read',
} as const satisfies Readonly<Record<string, Action>>;
