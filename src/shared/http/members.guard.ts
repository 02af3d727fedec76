import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { Request } from 'express';
import { validationFailed } from '../errors.js';
import { unknownMembers } from './validation.js';

/**
 * Refuses members and query parameters on routes without a DTO for them. Otherwise a misspelt `contextname` would run
 * the request in another context.
 */
@Injectable()
export class MembersGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { body, query } = context.switchToHttp().getRequest<Request<unknown, unknown, object>>();
    const strays = [
      ...(takes(context, RouteParamtypes.BODY) ? [] : Object.keys(body)),
      ...(takes(context, RouteParamtypes.QUERY) ? [] : Object.keys(query)),
    ];
    if (strays.length > 0) throw validationFailed(unknownMembers(strays));
    return true;
  }
}

/** Nest stores the decorated parameters of a handler under `type:index`. */
function takes(context: ExecutionContext, type: RouteParamtypes): boolean {
  const key = [ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name] as const;
  const parameters = (Reflect.getMetadata(...key) ?? {}) as Record<string, unknown>;
  return Object.keys(parameters).some((parameter) => parameter.startsWith(`${type}:`));
}
