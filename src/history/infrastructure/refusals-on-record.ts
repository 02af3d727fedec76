import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { catchError, from, type Observable } from 'rxjs';
import type { Principal } from '../../access/application/principal.js';
import { RegisterError } from '../../shared/errors.js';
import { AuditTrail } from '../application/audit-trail.js';

/**
 * Puts on record what a refusal tells of a customer: who holds an address could be found out by trying to give it to
 * somebody else. This is around the transactions of the request, which are undone.
 */
@Injectable()
export class RefusalsOnRecord implements NestInterceptor {
  constructor(private readonly trail: AuditTrail) {}

  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    const { principal } = context.switchToHttp().getRequest<Request>();
    return next.handle().pipe(catchError((error: unknown) => from(this.record(principal, error))));
  }

  private async record(by: Principal, error: unknown): Promise<never> {
    if (error instanceof RegisterError && error.tells !== undefined) {
      const { userId, ipSubnet, records } = error.tells;
      const details = { code: error.code, ipsubnet: ipSubnet, records };
      await this.trail.recordRead(by, { action: 'mapping.refused', userId, details });
    }
    throw error;
  }
}
