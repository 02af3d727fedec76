import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { catchError, from, type Observable } from 'rxjs';
import type { Principal } from '../../identity/domain/principal.js';
import { RegisterError } from '../../shared/errors.js';
import { AuditTrail } from '../application/audit-trail.js';

/**
 * Audits what a refusal discloses about a customer: who tries to assign an address learns who holds it. Runs outside
 * the transactions of the request, which are rolled back.
 */
@Injectable()
export class DisclosureInterceptor implements NestInterceptor {
  constructor(private readonly trail: AuditTrail) {}

  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    const { principal } = context.switchToHttp().getRequest<Request>();
    return next.handle().pipe(catchError((error: unknown) => from(this.record(principal, error))));
  }

  private async record(by: Principal, error: unknown): Promise<never> {
    if (error instanceof RegisterError && error.discloses !== undefined) {
      const { action, userId, details } = error.discloses;
      await this.trail.recordRead(by, { action, userId, details: { code: error.code, ...details } });
    }
    throw error;
  }
}
