import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { IdempotencyRepository } from './application/idempotency.repository.js';
import { IdempotencyService } from './application/idempotency.service.js';
import { IdempotencyInterceptor } from './infrastructure/idempotency.interceptor.js';
import { RemovalOfOldKeys } from './infrastructure/removal-of-old-keys.js';
import { TypeOrmIdempotencyRepository } from './infrastructure/typeorm-idempotency.repository.js';

/** Global, as the keys of a user go with it. */
@Global()
@Module({
  providers: [
    IdempotencyService,
    RemovalOfOldKeys,
    { provide: IdempotencyRepository, useClass: TypeOrmIdempotencyRepository },
    { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
  ],
  exports: [IdempotencyRepository],
})
export class IdempotencyModule {}
