import { parseInstant } from '../instant.js';
import { InvalidValue } from '../invalid-value.js';
import { typeInWords } from './validation.js';

/** Returns what is wrong with a value, as the predicate of a sentence; undefined = it is valid. */
export type Check = (value: unknown) => string | undefined;

/** Makes a member optional. */
export const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);

export const text =
  (faultOf: (text: string) => string | undefined): Check =>
  (value) => {
    if (value === undefined) return 'is required';
    if (typeof value !== 'string') return `must be a string, not ${typeInWords(value)}`;
    return faultOf(value);
  };

/** A text that `accepts`, or else `fault`. */
export const textThat = (accepts: (text: string) => boolean, fault: string): Check =>
  text((value) => (accepts(value) ? undefined : fault));

/** Runs `parse`. @returns the message of the InvalidValue that it throws; undefined = none */
export function accepted(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof InvalidValue) return error.message;
    throw error;
  }
}

export const oneOf = (values: readonly string[]): Check =>
  textThat((value) => values.includes(value), `must be one of ${values.join(', ')}`);

export const flag: Check = (value) =>
  typeof value === 'boolean' ? undefined : `must be true or false, not ${typeInWords(value)}`;

export const integer =
  (min: number, max: number): Check =>
  (value) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `must be a whole number from ${min} to ${max}`;

export const list =
  (accepts: (text: string) => boolean, fault: string): Check =>
  (value) => {
    if (!Array.isArray(value)) return `must be an array, not ${typeInWords(value)}`;
    return value.every((each) => typeof each === 'string' && accepts(each)) ? undefined : fault;
  };

/** The OpenAPI schema of `instant`. */
export const INSTANT = { oneOf: [{ type: 'integer' }, { type: 'string' }] };

export const instant: Check = (value) =>
  parseInstant(value) === undefined
    ? 'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999'
    : undefined;
