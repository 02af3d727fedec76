import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { AccessModule } from './access/access.module.js';
import { AccessGuard } from './access/infrastructure/access.guard.js';
import { AuditModule } from './audit/audit.module.js';
import { ChangesModule } from './changes/changes.module.js';
import { CoverageModule } from './coverage/coverage.module.js';
import { CustomersModule } from './customers/customers.module.js';
import { sealedTables } from './entities.js';
import { HistoryModule } from './history/history.module.js';
import { DisclosureInterceptor } from './history/infrastructure/disclosure.interceptor.js';
import { IdempotencyModule } from './idempotency/idempotency.module.js';
import { IdempotencyInterceptor } from './idempotency/infrastructure/idempotency.interceptor.js';
import { IpMappingsModule } from './ip-mappings/ip-mappings.module.js';
import { LookupModule } from './lookup/lookup.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { RetentionModule } from './retention/retention.module.js';
import type { Configuration } from './shared/config/configuration.js';
import type { Database } from './shared/database/database.js';
import { AcceptGuard } from './shared/http/accept.guard.js';
import { BodyGuard } from './shared/http/body.guard.js';
import { MembersGuard } from './shared/http/members.guard.js';
import { validationPipe } from './shared/http/validation.js';
import { SharedModule } from './shared/shared.module.js';
import type { Transactions } from './shared/transactions.js';

/** Combines the features, in their order, and the guards, interceptors and pipe of all requests. */
@Module({})
export class AppModule {
  static with(configuration: Configuration, database: Database & Transactions): DynamicModule {
    const access = AccessModule.over(configuration.dataDir, {
      signIns: configuration.signinLimit,
      requests: configuration.rateLimit,
    });
    const customers = CustomersModule.withHoldings(IpMappingsModule);
    return {
      module: AppModule,
      imports: [
        SharedModule.over(database),
        HistoryModule.keeping(sealedTables, configuration.retentionDays),
        IdempotencyModule,
        access,
        customers,
        IpMappingsModule,
        LookupModule,
        ChangesModule,
        CoverageModule,
        AuditModule,
        RetentionModule.of(access, customers, IpMappingsModule),
        OperationsModule,
      ],
      providers: [
        { provide: APP_GUARD, useClass: BodyGuard },
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_GUARD, useClass: AcceptGuard },
        { provide: APP_GUARD, useClass: MembersGuard },
        // Outermost, since it must audit outside the transaction that IdempotencyInterceptor rolls back.
        { provide: APP_INTERCEPTOR, useClass: DisclosureInterceptor },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
        { provide: APP_PIPE, useValue: validationPipe },
      ],
    };
  }
}
