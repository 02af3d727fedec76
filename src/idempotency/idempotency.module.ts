import { Module } from '@nestjs/common';
import { IdempotencyRepository } from './application/idempotency.repository.js';
import { IdempotencyService } from './application/idempotency.service.js';
import { RemovalOfOldKeys } from './infrastructure/removal-of-old-keys.js';
import { TypeOrmIdempotencyRepository } from './infrastructure/typeorm-idempotency.repository.js';

@Module({
  providers: [
    IdempotencyService,
    RemovalOfOldKeys,
    { provide: IdempotencyRepository, useClass: TypeOrmIdempotencyRepository },
  ],
  exports: [IdempotencyService],
})
export class IdempotencyModule {}
