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
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the way Express offers
  namespace Express {
    interface Request {
      credentials: Credentials;
      principal: Principal;
      /** Authenticates the caller once more, for an answer that takes long. */
      authenticate: () => Promise<Principal>;
    }
  }
}

export const RIGHT = 'identity:right';

/** Opens a route to everyone. */
export const Public = (): CustomDecorator => SetMetadata(RIGHT, 'public');

/** The right that a route requires of its caller. */
export const Requires = (right: Right): CustomDecorator => SetMetadata(RIGHT, right);

/** The caller: who has signed in. */
export const Caller = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Principal =>
    context.switchToHttp().getRequest<Request>().principal,
);
