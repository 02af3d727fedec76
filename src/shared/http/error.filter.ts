import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { COMMON_ERRORS, RegisterError, type ErrorKind } from '../errors.js';
import type { Logger } from './logging.js';
import { methodsOf } from './routes.js';

export const STATUS_OF = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  timeout: 408,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  unsupported_type: 415,
  invalid: 422,
  too_many: 429,
  headers_too_large: 431,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<ErrorKind, number>;

/** The body of every error response. */
interface ErrorBody {
  status: 'ERROR';
  code: string;
  message: string;
  request_id: string;
  errors?: { field: string; message: string }[];
}

/** Converts everything thrown to an error response, and logs the causes that clients must not see. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const error = toRegisterError(thrown, request);
    const status = STATUS_OF[error.kind];
    if (status >= 500) {
      this.logger.error({ request_id: request.id, err: error.cause ?? error }, error.message);
    }
    if (response.headersSent) {
      // Cut the response off, or clients would take the part for the whole.
      response.destroy();
      return;
    }
    response.status(status).set(error.headers).json(toBody(error, request.id));
  }
}

export function toBody({ code, message, faults }: RegisterError, requestId: string): ErrorBody {
  const errors = faults.map(({ field, message: fault }) => ({ field, message: fault }));
  const body: ErrorBody = { status: 'ERROR', code, message, request_id: requestId };
  return errors.length === 0 ? body : { ...body, errors };
}

function toRegisterError(thrown: unknown, request: Request): RegisterError {
  if (thrown instanceof RegisterError) return thrown;
  if (thrown instanceof HttpException && thrown.getStatus() < 500) return refusedByFramework(thrown, request);
  return new RegisterError(
    COMMON_ERRORS.internal_error,
    'The service failed; its log has the cause under this request_id',
    {
      cause: thrown,
    },
  );
}

/** Nest throws before our own code runs if no route matches or the path can't be decoded. */
function refusedByFramework(thrown: HttpException, request: Request): RegisterError {
  if (thrown.getStatus() !== 404) {
    return new RegisterError(
      COMMON_ERRORS.path_malformed,
      'The path contains a malformed percent escape or is not valid UTF-8',
      {
        cause: thrown,
      },
    );
  }
  const allowed = methodsOf(request);
  if (allowed.length === 0 || allowed.includes(request.method))
    return new RegisterError(COMMON_ERRORS.route_not_found, 'No route has this path');
  const methods = allowed.join(', ');
  return new RegisterError(COMMON_ERRORS.method_not_allowed, `This path supports only ${methods}`, {
    headers: { Allow: methods },
  });
}
