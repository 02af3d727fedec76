import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { RegisterError } from '../errors.js';
import { STATUS_OF, toBody } from './error.filter.js';

/** Answers what Node's parser refuses before there is a request: in the error shape, like everything else. */
export function answerNonHttp({ code }: { code?: string }, socket: Duplex): void {
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const error =
    code === 'HPE_HEADER_OVERFLOW'
      ? new RegisterError('headers_too_large', 'The URL and the headers are larger than 16 KiB together')
      : new RegisterError('request_malformed', 'This is not a valid HTTP request');
  const id = randomUUID();
  const body = JSON.stringify(toBody(error, id));
  socket.end(
    `HTTP/1.1 ${STATUS_OF[error.kind]} ${error.code}\r\nX-Request-Id: ${id}\r\nConnection: close\r\n` +
      `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** @see RFC 9112, section 3.2 */
export const requireHost: RequestHandler = (request: Request, _response: Response, next: NextFunction) => {
  if (request.headers.host !== undefined || request.httpVersion === '1.0') next();
  else next(new RegisterError('request_malformed', 'A request must have a Host header'));
};
