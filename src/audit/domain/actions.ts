import { ACCESS_ACTIONS } from '../../access/domain/access.actions.js';
import { CHANGES_ACTIONS } from '../../changes/domain/changes.actions.js';
import { COVERAGE_ACTIONS } from '../../coverage/domain/coverage.actions.js';
import { CUSTOMER_ACTIONS } from '../../customers/domain/customer.actions.js';
import { HISTORY_ACTIONS, type Action } from '../../history/domain/audit-entry.js';
import { IDEMPOTENCY_ACTIONS } from '../../idempotency/domain/idempotency.actions.js';
import { MAPPING_ACTIONS } from '../../ip-mappings/domain/ip-mapping.actions.js';
import { LOOKUP_ACTIONS } from '../../lookup/domain/lookup.actions.js';

/** The actions of all features. */
export const ACTIONS = [
  CUSTOMER_ACTIONS,
  CHANGES_ACTIONS,
  MAPPING_ACTIONS,
  LOOKUP_ACTIONS,
  COVERAGE_ACTIONS,
  IDEMPOTENCY_ACTIONS,
  ACCESS_ACTIONS,
  HISTORY_ACTIONS,
].flatMap((actions): Action[] => Object.values(actions));
