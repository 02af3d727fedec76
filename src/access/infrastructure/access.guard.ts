import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { plainAddress } from '../../shared/address-list.js';
import { AuthenticationService } from '../application/authentication.service.js';
import type { Right } from '../../identity/domain/rights.js';
import { RIGHT } from '../../identity/infrastructure/identity.decorators.js';
import { takeCredentials } from './credentials.js';

/** Authenticates every request. Rejects all requests to a route without `@Requires` or `@Public`. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authentication: AuthenticationService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const right = this.reflector.getAllAndOverride<Right | 'public' | undefined>(RIGHT, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (right === undefined) throw new Error(`${context.getClass().name} does not say who may call it`);
    const request = context.switchToHttp().getRequest<Request>();
    const credentials = takeCredentials(request);
    if (right === 'public') return true;
    const { ip = '' } = request;
    request.credentials = credentials;
    request.authenticate = () => this.authentication.authenticate(credentials, plainAddress(ip), right);
    request.principal = await request.authenticate();
    const { userName: user, tokenId: token_id, contextName } = request.principal;
    request.logFields = { user, token_id, context: contextName };
    return true;
  }
}
