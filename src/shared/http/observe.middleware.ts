import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Logger } from './logging.js';
import type { Metrics } from './metrics.js';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Express is extended this way
  namespace Express {
    interface Request {
      /** The `X-Request-Id`, also in every log line about the request. */
      id: string;
      /** Further fields of the log line, without personal data and tokens. */
      logFields: Readonly<Record<string, string | number>>;
    }
  }
}

const VALID_ID = /^[\w.:+/=-]{1,128}$/;

/**
 * Assigns an id to every request, and logs and measures it at its end: by route, never by URL or body, which contain
 * personal data.
 */
export function observe(logger: Logger, metrics: Metrics): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    const startedAt = performance.now();
    const given = request.headers['x-request-id'];
    request.id = typeof given === 'string' && VALID_ID.test(given) ? given : randomUUID();
    request.logFields = {};
    response.setHeader('X-Request-Id', request.id);
    // With a token in the body, a shared cache can't see that the response is private.
    response.setHeader('Cache-Control', 'no-store');
    response.once('close', () => {
      const ms = performance.now() - startedAt;
      const route = routeOf(request);
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.observeRequest(request.method, route, status, ms / 1000);
      const level = route.startsWith('/api') || status >= 400 ? 'info' : 'debug'; // health checks arrive every few seconds
      logger[level](
        {
          request_id: request.id,
          method: request.method,
          route,
          status,
          ms: Math.round(ms * 10) / 10,
          ...request.logFields,
        },
        'request',
      );
    });
    next();
  };
}

/** The pattern of the route, such as `/api/ipdrcustomers/:UserID`. */
function routeOf(request: Request): string {
  const { path } = (request.route ?? {}) as { path?: unknown };
  return typeof path === 'string' ? path : 'none';
}
