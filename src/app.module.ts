import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD, APP_PIPE } from '@nestjs/core';
import { AccessModule } from './access/access.module.js';
import { AccessGuard } from './access/infrastructure/access.guard.js';
import { CustomersModule } from './customers/customers.module.js';
import { sealedTables } from './entities.js';
import { HistoryModule } from './history/history.module.js';
import { IdempotencyModule } from './idempotency/idempotency.module.js';
import { IpMappingsModule } from './ip-mappings/ip-mappings.module.js';
import { LookupModule } from './lookup/lookup.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { RetentionModule } from './retention/retention.module.js';
import { Clock, SystemClock } from './shared/clock.js';
import type { Configuration } from './shared/config/configuration.js';
import type { Database } from './shared/database/database.js';
import { DatabaseModule } from './shared/database/database.module.js';
import { AcceptGuard } from './shared/http/accept.guard.js';
import { MembersGuard } from './shared/http/members.guard.js';
import { Metrics } from './shared/http/metrics.js';
import { validationPipe } from './shared/http/validation.js';
import type { Transactions } from './shared/transactions.js';

/** The features, and what holds for every request. */
@Global()
@Module({})
export class AppModule {
  static with(configuration: Configuration, database: Database & Transactions): DynamicModule {
    const access = AccessModule.over(configuration.dataDir, {
      signIns: configuration.signinLimit,
      requests: configuration.rateLimit,
    });
    return {
      module: AppModule,
      imports: [
        DatabaseModule.over(database),
        access,
        HistoryModule.keeping(sealedTables, configuration.retentionDays),
        CustomersModule,
        IpMappingsModule,
        LookupModule,
        IdempotencyModule,
        RetentionModule.of(access, CustomersModule),
        OperationsModule,
      ],
      providers: [
        { provide: Clock, useClass: SystemClock },
        { provide: Metrics, useValue: new Metrics(database) },
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_GUARD, useClass: AcceptGuard },
        { provide: APP_GUARD, useClass: MembersGuard },
        { provide: APP_PIPE, useValue: validationPipe },
      ],
      exports: [Clock, Metrics],
    };
  }
}
