import { ACCESS_ERRORS } from './access/domain/access.errors.js';
import { CHANGES_ERRORS } from './changes/domain/changes.errors.js';
import { CUSTOMER_ERRORS } from './customers/domain/customer.errors.js';
import { IDEMPOTENCY_ERRORS } from './idempotency/domain/idempotency.errors.js';
import { MAPPING_ERRORS } from './ip-mappings/domain/ip-mapping.errors.js';
import { COMMON_ERRORS, type ErrorCode } from './shared/errors.js';

/** The error codes of all features, documented in docs/errors.md. */
export const ERROR_CODES = {
  ...COMMON_ERRORS,
  ...ACCESS_ERRORS,
  ...IDEMPOTENCY_ERRORS,
  ...CUSTOMER_ERRORS,
  ...MAPPING_ERRORS,
  ...CHANGES_ERRORS,
} satisfies Readonly<Record<string, ErrorCode>>;
