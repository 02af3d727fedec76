import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { COMMON_ERRORS, RegisterError } from '../errors.js';
import { STATUS_OF, toBody } from './error.filter.js';
import type { Logger } from './logging.js';

/** Sends an error response for bytes that Node's HTTP parser refuses. */
export const answerNonHttp =
  (logger: Logger) =>
  ({ code }: { code?: string }, socket: Duplex): void => {
    if (!socket.writable || code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const error = errorOf(code);
    const status = STATUS_OF[error.kind];
    const id = randomUUID();
    logger.info({ request_id: id, status, code }, 'no request');
    const body = JSON.stringify(toBody(error, id));
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nX-Request-Id: ${id}\r\nConnection: close\r\n` +
        `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  };

function errorOf(code: string | undefined): RegisterError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new RegisterError(
      COMMON_ERRORS.headers_too_large,
      'The URL and the headers are larger than 16 KiB together',
    );
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new RegisterError(COMMON_ERRORS.request_timeout, 'The request did not arrive completely in time');
  }
  return new RegisterError(COMMON_ERRORS.request_malformed, 'This is not a valid HTTP request');
}

/** Requires one Host header. @see RFC 9112, section 3.2 */
export const requireHost: RequestHandler = (request: Request, _response: Response, next: NextFunction) => {
  const hosts = request.rawHeaders.filter((text, n) => n % 2 === 0 && /^host$/i.test(text)).length;
  if (hosts === 1 || (hosts === 0 && request.httpVersion === '1.0')) next();
  else next(new RegisterError(COMMON_ERRORS.request_malformed, 'A request must have one Host header'));
};
