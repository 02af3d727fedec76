import { errorCodes } from '../../shared/errors.js';

export const IDEMPOTENCY_ERRORS = errorCodes({
  idempotency_key_malformed: {
    kind: 'malformed',
    when: 'the Idempotency-Key is empty, or longer than 255 characters',
  },
  idempotency_key_reused: {
    kind: 'conflict',
    when: 'another request was made under this Idempotency-Key, or its answer is for the token that asked for it alone',
  },
});
