import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { COMMON_ERRORS, RegisterError } from '../errors.js';

/** Express ignores the parameters after these without a word. */
const MAX_PARAMETERS = 1000;

/** The raw query string; undefined = none. */
export function queryOf({ url }: Request): string | undefined {
  const mark = url.indexOf('?');
  return mark === -1 ? undefined : url.slice(mark + 1);
}

/** Refuses a query string that Express would silently misread. */
export const requireReadableQuery: RequestHandler = (
  request: Request,
  _response: Response,
  next: NextFunction,
) => {
  const query = queryOf(request) ?? '';
  if (query.split('&').length > MAX_PARAMETERS) {
    throw new RegisterError(
      COMMON_ERRORS.query_malformed,
      `The query string has more than ${MAX_PARAMETERS} parameters`,
    );
  }
  try {
    decodeURIComponent(query);
  } catch (cause) {
    const message = 'The query string contains a malformed percent escape or is not valid UTF-8';
    throw new RegisterError(COMMON_ERRORS.query_malformed, message, { cause });
  }
  next();
};

/** Takes the parameter `_` off the URL: clients add it to get past caches. */
export const dropCacheBuster: RequestHandler = (
  request: Request,
  _response: Response,
  next: NextFunction,
) => {
  const parameters = queryOf(request)?.split('&') ?? [];
  const kept = parameters.filter((parameter) => !/^_(=|$)/.test(parameter));
  if (kept.length < parameters.length) {
    const path = request.url.slice(0, request.url.indexOf('?'));
    request.url = kept.length === 0 ? path : `${path}?${kept.join('&')}`;
  }
  next();
};
