import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { RegisterError } from '../errors.js';
import { parseStrictJson } from './strict-json.js';

const LIMIT = 1024 * 1024;

const readRaw = express.raw({ type: () => true, limit: LIMIT });

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
  if (!isJson(request.headers['content-type'])) {
    next(
      new RegisterError(
        'content_type_unsupported',
        'Send the body as Content-Type: application/json, in UTF-8',
      ),
    );
    return;
  }
  if (Number(request.headers['content-length'] ?? 0) > LIMIT) {
    next(tooLarge());
    return;
  }
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue();
  let isDone = false;
  let length = 0;
  // The reader below tells of a body that is too large only when all of it has come.
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= LIMIT || isDone) return;
    isDone = true;
    next(tooLarge());
  });
  readRaw(request, response, (error?: unknown) => {
    if (isDone) return;
    isDone = true;
    try {
      if (error !== undefined) throw bodyError(error);
      request.body = toObject(request.body as unknown);
      next();
    } catch (fault) {
      next(fault);
    }
  });
};

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** `application/json` or `application/…+json`; any charset but UTF-8 is another type to us. */
function isJson(contentType: string | undefined): boolean {
  return /^application\/(json|[\w.-]+\+json)\s*(;\s*charset="?utf-?8"?\s*)?;?\s*$/i.test(contentType ?? '');
}

function toObject(body: unknown): object {
  if (!Buffer.isBuffer(body) || body.length === 0) return {};
  const value = parseStrictJson(body);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
    throw new RegisterError('body_malformed', `The body must be a JSON object, not ${found}`);
  }
  return value;
}

function tooLarge(): RegisterError {
  return new RegisterError('body_too_large', `The body is larger than ${LIMIT} bytes`);
}

function bodyError(error: unknown): RegisterError {
  const { type } = error as { type?: unknown };
  if (type === 'entity.too.large') {
    return tooLarge();
  }
  if (type === 'encoding.unsupported') {
    return new RegisterError(
      'content_type_unsupported',
      'This Content-Encoding is not supported; send it plain',
    );
  }
  return new RegisterError('body_malformed', 'The body could not be read to its end', { cause: error });
}
