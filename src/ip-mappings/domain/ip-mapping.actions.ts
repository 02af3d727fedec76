import type { Action } from '../../history/domain/audit-entry.js';

/** What the audit trail records of IP mappings. */
export const MAPPING_ACTIONS = {
  created: 'mapping.created',
  updated: 'mapping.updated',
  unchanged: 'mapping.unchanged', // an update that changed nothing
  deleted: 'mapping.deleted',
  reassignmentTried: 'mapping.reassignment_tried',
  read: 'mapping.read',
  historyRead: 'mapping.history_read',
  refused: 'mapping.refused', // the error disclosed a mapping
  listed: 'mappings.listed',
} as const satisfies Readonly<Record<string, Action>>;
