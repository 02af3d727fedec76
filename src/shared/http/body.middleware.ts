import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { COMMON_ERRORS, RegisterError } from '../errors.js';
import { parseStrictJson } from './strict-json.js';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the way Express offers
  namespace Express {
    interface Request {
      /** The body, where it came as CSV: there are no members then. */
      csv: string | undefined;
    }
  }
}

const MIB = 1024 * 1024;
/** Ten thousand queries, however they are laid out. */
const BULK_MIB = 4;
/** Where many things can be asked for, or sent, at once. */
const BULK = new Set(['/api/ipdrlookup']);
/** What takes CSV. */
const TAKES_CSV = new Set(['/api/ipdrlookup']);
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the body of every request that has one into `req.body`: an object, empty where there is no body.
 * It runs before the guard, which finds the credentials there.
 */
export const jsonBody: RequestHandler = (request: Request, response: Response, next: NextFunction) => {
  if (!hasBody(request)) {
    request.body = {};
    next();
    return;
  }
  const path = request.path.replace(/\/$/, '').toLowerCase(); // as the router has it
  const isCsv = TAKES_CSV.has(path) && isType('text/csv', request.headers['content-type']);
  if (!isCsv && !isType('application/(json|[\\w.-]+\\+json)', request.headers['content-type'])) {
    const types = TAKES_CSV.has(path) ? 'application/json or text/csv' : 'application/json';
    next(
      new RegisterError(
        COMMON_ERRORS.content_type_unsupported,
        `Send the body as Content-Type: ${types}, in UTF-8`,
      ),
    );
    return;
  }
  const limit = BULK.has(path) ? BULK_MIB * MIB : MIB;
  if (Number(request.headers['content-length'] ?? 0) > limit) {
    next(tooLarge(limit));
    return;
  }
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue();
  let isDone = false;
  let length = 0;
  // The reader below tells of a body that is too large only when all of it has come.
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= limit || isDone) return;
    isDone = true;
    next(tooLarge(limit));
  });
  express.raw({ type: () => true, limit })(request, response, (error?: unknown) => {
    if (isDone) return;
    isDone = true;
    try {
      if (error !== undefined) throw bodyError(error, limit);
      if (isCsv) request.csv = toText(request.body as Buffer);
      request.body = isCsv ? {} : toObject(request.body as unknown);
      next();
    } catch (fault) {
      next(fault);
    }
  });
};

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Any charset but UTF-8 is another type to us. */
function isType(pattern: string, contentType = ''): boolean {
  return new RegExp(`^${pattern}\\s*(;\\s*(charset="?utf-?8"?|header="?\\w+"?)\\s*)*;?\\s*$`, 'i').test(
    contentType,
  );
}

function toText(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    throw new RegisterError(COMMON_ERRORS.body_malformed, 'The body is not valid UTF-8');
  }
}

function toObject(body: unknown): object {
  if (!Buffer.isBuffer(body) || body.length === 0) return {};
  const value = parseStrictJson(body);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
    throw new RegisterError(COMMON_ERRORS.body_malformed, `The body must be a JSON object, not ${found}`);
  }
  return value;
}

function tooLarge(limit: number): RegisterError {
  return new RegisterError(COMMON_ERRORS.body_too_large, `The body is larger than ${limit} bytes`);
}

function bodyError(error: unknown, limit: number): RegisterError {
  const { type } = error as { type?: unknown };
  if (type === 'entity.too.large') {
    return tooLarge(limit);
  }
  if (type === 'encoding.unsupported') {
    return new RegisterError(
      COMMON_ERRORS.content_type_unsupported,
      'This Content-Encoding is not supported; send it plain',
    );
  }
  return new RegisterError(COMMON_ERRORS.body_malformed, 'The body could not be read to its end', {
    cause: error,
  });
}
