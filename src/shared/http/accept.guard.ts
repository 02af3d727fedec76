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
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Express is extended this way
  namespace Express {
    interface Request {
      /** The media type of the response, one of those that the route produces. */
      answerType: string;
    }
  }
}

const TYPES = 'accept:types';

/** Declares the media types of a route, the default one first. Without it, a route produces JSON. */
export const Produces = (...types: string[]): CustomDecorator => SetMetadata(TYPES, types);

/** Refuses a request whose Accept header excludes every media type of the route, before it has any effect. */
@Injectable()
export class AcceptGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const types = this.reflector.get<string[] | undefined>(TYPES, context.getHandler()) ?? [
      'application/json',
    ];
    const request = context.switchToHttp().getRequest<Request>();
    // Ignore parameters such as `charset`, since every response is UTF-8.
    const accept = request.headers.accept
      ?.replace(/;(?!\s*q\s*=)[^;,]*/gi, '')
      .replace(/(^|,)\s*\*\s*(?=[;,]|$)/g, '$1*/*');
    if (accept !== undefined) request.headers.accept = accept;
    const accepted = request.accepts(types);
    if (accepted === false) {
      throw new RegisterError(COMMON_ERRORS.not_acceptable, `This route produces only ${types.join(', ')}`);
    }
    request.answerType = accepted;
    return true;
  }
}
