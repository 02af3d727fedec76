import { CommandError } from './shared/command-line.js';
import { ConfigurationError } from './shared/config/configuration.js';
import { RegisterError } from './shared/errors.js';
import { describeError } from './shared/http/logging.js';

/** Runs a step of the start. @param failure one line for the operator if it fails @throws ConfigurationError */
export async function during<T>(failure: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    const { code = 'unknown' } = error as { code?: string };
    throw new ConfigurationError(`${failure} (${code})`, { cause: error });
  }
}

/** Why a program exits, in one line for the operator, without stack, SQL and values. */
export function reason(error: unknown): string {
  if (error instanceof ConfigurationError || error instanceof CommandError) return error.message;
  if (error instanceof RegisterError) {
    const faults = error.faults.map(({ field, message }) => `${field} ${message}`);
    return faults.length > 0 ? faults.join('; ') : error.message;
  }
  return `unexpected error: ${JSON.stringify(describeError(error))}`;
}
