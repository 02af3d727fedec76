import {
  createParamDecorator,
  SetMetadata,
  type CustomDecorator,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request } from 'express';
import type { Credentials, Principal } from '../domain/principal.js';
import type { Right } from '../domain/rights.js';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Express is extended this way
  namespace Express {
    interface Request {
      credentials: Credentials;
      principal: Principal;
      /** Authenticates the caller again, for requests that take long. */
      authenticate: () => Promise<Principal>;
    }
  }
}

export const RIGHT = 'identity:right';

/** Opens a route to everyone. */
export const Public = (): CustomDecorator => SetMetadata(RIGHT, 'public');

/** Declares the right that a route requires. */
export const Requires = (right: Right): CustomDecorator => SetMetadata(RIGHT, right);

/** Injects the authenticated caller. */
export const Caller = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Principal =>
    context.switchToHttp().getRequest<Request>().principal,
);
