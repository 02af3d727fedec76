import type { Action } from '../../history/domain/audit-entry.js';

/** What the audit trail records of repeated writes. */
export const IDEMPOTENCY_ACTIONS = {
  repeated: 'answer.repeated', // under an Idempotency-Key
} as const satisfies Readonly<Record<string, Action>>;
