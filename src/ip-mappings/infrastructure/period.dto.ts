import { Validity } from '../domain/validity.js';
import { validationFailed } from '../../shared/errors.js';
import { parseInstant } from '../../shared/instant.js';

/** The second of an instant; undefined = none was sent. */
export function toSecond(moment: unknown): number | undefined {
  const milliseconds = parseInstant(moment);
  return milliseconds === undefined ? undefined : Math.floor(milliseconds / 1000);
}

/** @param to inclusive; undefined = no end @throws RegisterError `validation_failed` */
export function toPeriod(from: number, to: number | undefined): Validity {
  if (to !== undefined && to < from) {
    throw validationFailed([{ field: 'from', message: 'must not be after to' }]);
  }
  return Validity.between(from, to === undefined ? null : to + 1);
}
