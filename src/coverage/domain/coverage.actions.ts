import type { Action } from '../../history/domain/audit-entry.js';

/** What the audit trail records of the coverage report. */
export const COVERAGE_ACTIONS = {
  read: 'coverage.read',
} as const satisfies Readonly<Record<string, Action>>;
