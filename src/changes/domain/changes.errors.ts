import { errorCodes, RegisterError } from '../../shared/errors.js';

export const CHANGES_ERRORS = errorCodes({
  cursor_unknown: {
    kind: 'conflict',
    when: 'the register does not have the change of this cursor: it was restored from a backup, or is another register',
  },
});

export function cursorUnknown(): RegisterError {
  return new RegisterError(
    CHANGES_ERRORS.cursor_unknown,
    'The register does not have the change of this cursor: it was restored from a backup, or is another register. ' +
      'Read all customers and mappings again, then the changes from the beginning',
  );
}
