import { errorCodes } from '../../shared/errors.js';

export const IDEMPOTENCY_ERRORS = errorCodes({
  idempotency_key_malformed: {
    kind: 'malformed',
    when: 'the Idempotency-Key is empty or longer than 255 characters',
  },
  idempotency_key_reused: {
    kind: 'conflict',
    when: 'another request used this Idempotency-Key, or only the token that sent the request first may read its answer',
  },
});
