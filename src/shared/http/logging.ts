import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { QueryFailedError } from 'typeorm';
import type { LogLevel } from '../config/configuration.js';

export { type Logger } from 'pino';

/** Logs JSON lines, or readable ones on a terminal. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const readable = destination === undefined && process.stdout.isTTY;
  const stream = readable ? pretty({ ignore: 'pid,hostname', sync: true }) : destination;
  return pino(
    { level, serializers: { err: describeError } },
    stream ?? pino.destination({ sync: false, minLength: 4096, periodicFlush: 250 }),
  );
}

/**
 * An error without personal data and tokens. The message, SQL and parameters of a driver's error contain values, so
 * only its code and stack frames are logged.
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

/** The stack frames of an error, without its message, which may contain lines that look like frames. */
function framesOf({ stack = '', message }: Error): string[] {
  const at = message === '' ? 0 : stack.lastIndexOf(message);
  if (at < 0) return []; // the message was changed, so its end in the stack is unknown
  return stack
    .slice(at + message.length)
    .split('\n')
    .filter((line) => FRAME.test(line));
}

/** Writes Nest's messages to our log, its start-up report at debug level. */
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
