import {
  Injectable,
  SetMetadata,
  type CanActivate,
  type CustomDecorator,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import express, { type Request, type Response } from 'express';
import { COMMON_ERRORS, RegisterError } from '../errors.js';
import { parseStrictJson } from './strict-json.js';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Express is extended this way
  namespace Express {
    interface Request {
      /** The body of a request that sent CSV; it has no members then. */
      csv: string | undefined;
    }
  }
}

const MIB = 1024 * 1024;
const BODY = 'body:rule';
const utf8 = new TextDecoder('utf-8', { fatal: true });

const JSON_TYPE = mediaType('application/(json|[\\w.-]+\\+json)');
const CSV_TYPE = mediaType('text/csv');

/** Matches a media type in UTF-8 alone: any other charset is another type to us. */
function mediaType(pattern: string): RegExp {
  return new RegExp(`^${pattern}\\s*(;\\s*(charset="?utf-?8"?|header="?\\w+"?)\\s*)*;?\\s*$`, 'i');
}

/** The body that a route takes. */
interface BodyRule {
  /** The largest body, in MiB. */
  readonly mib: number;
  /** Whether it may be CSV instead of JSON. */
  readonly csv: boolean;
}

const USUAL: BodyRule = { mib: 1, csv: false };

/** Says which body a route takes; a route that says nothing takes JSON of at most 1 MiB. */
export const Takes = (rule: BodyRule): CustomDecorator => SetMetadata(BODY, rule);

/**
 * Reads the body that the route takes into `request.body`, an object, which is empty where there is no body.
 * The first guard: the next one finds the credentials in the body.
 */
@Injectable()
export class BodyGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    request.body = {};
    if (!hasBody(request)) return true;
    const rule = this.reflector.get<BodyRule | undefined>(BODY, context.getHandler()) ?? USUAL;
    const isCsv = requireType(request, rule);
    const bytes = await readBody(request, http.getResponse<Response>(), rule.mib * MIB);
    request.body = isCsv ? {} : toObject(bytes);
    if (isCsv) request.csv = toText(bytes);
    return true;
  }
}

/** Whether the body is CSV; it is JSON otherwise. */
function requireType({ headers }: Request, { csv }: BodyRule): boolean {
  const type = headers['content-type'] ?? '';
  if (csv && CSV_TYPE.test(type)) return true;
  if (JSON_TYPE.test(type)) return false;
  const types = csv ? 'application/json or text/csv' : 'application/json';
  throw new RegisterError(
    COMMON_ERRORS.content_type_unsupported,
    `Send the body as Content-Type: ${types}, in UTF-8`,
  );
}

function readBody(request: Request, response: Response, limit: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue();
  return new Promise((resolve, reject) => {
    let length = 0;
    // The reader below refuses a body that is too large only when all of it has come.
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) reject(tooLarge(limit));
    });
    express.raw({ type: () => true, limit })(request, response, (error?: unknown) => {
      if (error !== undefined) reject(bodyError(error, limit));
      else resolve(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
    });
  });
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function toText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new RegisterError(COMMON_ERRORS.body_malformed, 'The body is not valid UTF-8');
  }
}

function toObject(bytes: Buffer): object {
  if (bytes.length === 0) return {};
  const value = parseStrictJson(bytes);
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
