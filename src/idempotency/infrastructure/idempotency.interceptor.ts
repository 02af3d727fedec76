import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { RIGHT } from '../../identity/infrastructure/identity.decorators.js';
import { RegisterError } from '../../shared/errors.js';
import { IdempotencyService, type Answer } from '../application/idempotency.service.js';
import { IN_STEPS, SHOWS_TOKEN } from './idempotency.decorators.js';
import { IDEMPOTENCY_ERRORS } from '../domain/idempotency.errors.js';

const HEADER = 'idempotency-key';
const MAX_LENGTH = 255;

/** Runs a write with an Idempotency-Key once and repeats its answer. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly idempotency: IdempotencyService,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const given = request.headers[HEADER];
    if (typeof given !== 'string' || !this.isWrite(context)) return next.handle();
    return from(this.once(given, context, request, next));
  }

  private async once(
    key: string,
    context: ExecutionContext,
    request: Request,
    next: CallHandler<unknown>,
  ): Promise<unknown> {
    if (key === '' || key.length > MAX_LENGTH) {
      const message = `Idempotency-Key must have 1 to ${MAX_LENGTH} characters`;
      throw new RegisterError(IDEMPOTENCY_ERRORS.idempotency_key_malformed, message);
    }
    const response = context.switchToHttp().getResponse<Response>();
    const hasMark = (mark: string): boolean => this.reflector.get(mark, context.getHandler()) === true;
    const { answer, isRepeated } = await this.idempotency.once(
      request.principal,
      {
        key,
        content: contentOf(request),
        route: `${request.method} ${(request.route as { path: string }).path}`,
        userId: userIdOf(request),
        secret: hasMark(SHOWS_TOKEN) ? request.credentials.token : undefined,
        isInSteps: hasMark(IN_STEPS),
      },
      async (): Promise<Answer> => ({
        body: await lastValueFrom(next.handle()),
        etag: response.getHeader('ETag') as string | undefined,
      }),
    );
    if (answer.etag !== undefined) response.setHeader('ETag', answer.etag);
    if (isRepeated) response.setHeader('Idempotent-Replayed', 'true');
    return answer.body;
  }

  private isWrite(context: ExecutionContext): boolean {
    const right = this.reflector.getAllAndOverride<string>(RIGHT, [context.getHandler(), context.getClass()]);
    return right.endsWith('write');
  }
}

/** The UserID of the customer that the request concerns, in NFC. */
function userIdOf({ params, body }: Request): string | undefined {
  const userId: unknown = params['UserID'] ?? (body as { UserID?: unknown }).UserID;
  return typeof userId === 'string' ? userId.normalize('NFC') : undefined;
}

/** The request in a canonical form, since a client may order the members differently when it repeats it. */
function contentOf({ method, url, headers, body }: Request): string {
  return JSON.stringify(
    [method, url, headers['if-match'] ?? null, headers['if-none-match'] ?? null, body],
    (_name, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort())
        : value,
  );
}
