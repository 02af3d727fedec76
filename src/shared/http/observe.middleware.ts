import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Logger } from './logging.js';
import type { Metrics } from './metrics.js';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the way Express offers
  namespace Express {
    interface Request {
      /** In every log line about the request, and in the answer's `X-Request-Id`. */
      id: string;
      /** What else the log line about the request says; no personal data and no token. */
      logFields: Readonly<Record<string, string | number>>;
    }
  }
}

const SANE_ID = /^[\w.:+/=-]{1,128}$/;

/**
 * Gives every request its id, and logs and measures it when it is over: by its route, never by its URL or
 * body, which hold personal data.
 */
export function observe(logger: Logger, metrics: Metrics): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    const startedAt = performance.now();
    const given = request.headers['x-request-id'];
    request.id = typeof given === 'string' && SANE_ID.test(given) ? given : randomUUID();
    request.logFields = {};
    response.setHeader('X-Request-Id', request.id);
    // A token in the body leaves nothing by which a shared cache would know that the answer is private.
    response.setHeader('Cache-Control', 'no-store');
    response.once('close', () => {
      const ms = performance.now() - startedAt;
      const route = routeOf(request);
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.observeRequest(request.method, route, status, ms / 1000);
      const level = route.startsWith('/api') || status >= 400 ? 'info' : 'debug'; // probes come every few seconds
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
