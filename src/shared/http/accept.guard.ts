import {
  Injectable,
  SetMetadata,
  type CanActivate,
  type CustomDecorator,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { COMMON_ERRORS, RegisterError } from '../errors.js';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the way Express offers
  namespace Express {
    interface Request {
      /** The media type to answer in, out of those that the route produces. */
      answerType: string;
    }
  }
}

const TYPES = 'accept:types';

/** The media types that a route answers in, the usual one first; JSON alone if it says nothing. */
export const Produces = (...types: string[]): CustomDecorator => SetMetadata(TYPES, types);

/** Refuses a request that could not be answered in a form that it accepts, before anything is done. */
@Injectable()
export class AcceptGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const types = this.reflector.get<string[] | undefined>(TYPES, context.getHandler()) ?? [
      'application/json',
    ];
    const request = context.switchToHttp().getRequest<Request>();
    // Parameters such as `charset` say nothing here: every answer is UTF-8.
    const accept = request.headers.accept
      ?.replace(/;(?!\s*q\s*=)[^;,]*/gi, '')
      .replace(/(^|,)\s*\*\s*(?=[;,]|$)/g, '$1*/*');
    if (accept !== undefined) request.headers.accept = accept;
    const accepted = request.accepts(types);
    if (accepted === false) {
      throw new RegisterError(
        COMMON_ERRORS.not_acceptable,
        `This can be answered as ${types.join(', ')} only`,
      );
    }
    request.answerType = accepted;
    return true;
  }
}
