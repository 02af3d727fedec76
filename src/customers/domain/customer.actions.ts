import type { Action } from '../../history/domain/audit-entry.js';

/** The audit actions of customers. */
export const CUSTOMER_ACTIONS = {
  created: 'customer.created',
  updated: 'customer.updated',
  unchanged: 'customer.unchanged', // an update that changed nothing
  deleted: 'customer.deleted',
  read: 'customer.read',
  historyRead: 'customer.history_read',
  listed: 'customers.listed',
} as const satisfies Readonly<Record<string, Action>>;
