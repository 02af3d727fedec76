import {
  createParamDecorator,
  SetMetadata,
  type CustomDecorator,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request } from 'express';
import type { Principal } from '../application/principal.js';
import type { Right } from '../domain/rights.js';

export const RIGHT = 'access:right';

/** Opens a route to everyone. */
export const Public = (): CustomDecorator => SetMetadata(RIGHT, 'public');

/** What the caller of a route must be allowed to do. */
export const Requires = (right: Right): CustomDecorator => SetMetadata(RIGHT, right);

export const SHOWS_TOKEN = 'access:shows-token';

/** Says that the answer of a route shows a token, which is nowhere else. */
export const ShowsToken = (): CustomDecorator => SetMetadata(SHOWS_TOKEN, true);

export const IN_STEPS = 'access:in-steps';

/** Says that a write is done in transactions of its own: done again, it goes on where it ended. */
export const InSteps = (): CustomDecorator => SetMetadata(IN_STEPS, true);

/** Who is calling. */
export const Caller = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Principal =>
    context.switchToHttp().getRequest<Request>().principal,
);
