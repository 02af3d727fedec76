import type { Action } from '../../history/domain/audit-entry.js';

/** What the audit trail records of the change feed. */
export const CHANGES_ACTIONS = {
  read: 'customers.changes_read',
} as const satisfies Readonly<Record<string, Action>>;
