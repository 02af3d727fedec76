import { CommandError } from './shared/command-line.js';
import { ConfigurationError } from './shared/config/configuration.js';
import { RegisterError } from './shared/errors.js';
import { describeError } from './shared/http/logging.js';

/** Does a step of the start; `failure` says in one line for the operator what it means if it fails. */
export async function during<T>(failure: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    const { code = 'unknown' } = error as { code?: string };
    throw new ConfigurationError(`${failure} (${code})`, { cause: error });
  }
}

/** Why a program ends, in one line for the operator: no stack, no SQL, no values. */
export function reason(error: unknown): string {
  if (error instanceof ConfigurationError || error instanceof CommandError) return error.message;
  if (error instanceof RegisterError) {
    const faults = error.faults.map(({ field, message }) => `${field} ${message}`);
    return faults.length > 0 ? faults.join('; ') : error.message;
  }
  return `cannot go on: ${JSON.stringify(describeError(error))}`;
}
