import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { QueryFailedError } from 'typeorm';
import type { LogLevel } from '../config/configuration.js';

export { type Logger } from 'pino';

/** JSON lines, or readable ones on a terminal. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const readable = destination === undefined && process.stdout.isTTY;
  const stream = readable ? pretty({ ignore: 'pid,hostname', sync: true }) : destination;
  return pino(
    { level, serializers: { err: describeError } },
    stream ?? pino.destination({ sync: false, minLength: 4096, periodicFlush: 250 }),
  );
}

/**
 * An error without what may be personal data or a token: a driver's message, SQL and parameters hold values,
 * so of a driver's error only its code and the place in our source are kept.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, errno } = (error instanceof QueryFailedError ? error.driverError : error) as {
    code?: unknown;
    errno?: unknown;
  };
  const isDrivers = error instanceof QueryFailedError || code !== undefined || errno !== undefined;
  return {
    type: error.name,
    code,
    errno,
    message: isDrivers ? undefined : error.message,
    frames: framesOf(error),
    cause: error.cause === undefined ? undefined : describeError(error.cause),
  };
}

const FRAME = /^ {4}at [^@]*(file:|node:|node_modules|\/)[^@]*:\d+:\d+\)?$/;

/** Where an error came from. Its stack begins with its message, which may hold lines that look like a place. */
function framesOf({ stack = '', message }: Error): string[] {
  const at = message === '' ? 0 : stack.lastIndexOf(message);
  if (at < 0) return []; // changed since: where the old one ends is not known
  return stack
    .slice(at + message.length)
    .split('\n')
    .filter((line) => FRAME.test(line));
}

/** What Nest says, on our log. Its start-up report is for debugging. */
export class NestLog implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: unknown): void {
    this.logger.debug({ context }, String(message));
  }

  warn(message: unknown, context?: unknown): void {
    this.logger.warn({ context }, String(message));
  }

  error(message: unknown): void {
    if (message instanceof Error) this.logger.error({ err: message }, 'Error in the framework');
    else this.logger.error(String(message));
  }

  fatal(message: unknown): void {
    this.error(message);
  }
}
