import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { AuditRepository } from './application/audit.repository.js';
import { AuditService } from './application/audit.service.js';
import { AuditTrail } from './application/audit-trail.js';
import { Retention } from './application/retention.js';
import { Sealer } from './application/sealer.js';
import { AuditController } from './infrastructure/audit.controller.js';
import { BackgroundSealing } from './infrastructure/background-sealing.js';
import { RefusalsOnRecord } from './infrastructure/refusals-on-record.js';
import { SealedTables } from './infrastructure/sealed-tables.js';
import { TypeOrmAuditRepository } from './infrastructure/typeorm-audit.repository.js';

/** Global, as every feature puts on record what is done with it. */
@Global()
@Module({})
export class HistoryModule {
  /**
   * @param tables what is sealed with the audit trail
   * @param days what is younger can't be purged
   */
  static keeping(tables: SealedTables['all'], days: number): DynamicModule {
    return {
      module: HistoryModule,
      controllers: [AuditController],
      providers: [
        AuditTrail,
        AuditService,
        Sealer,
        BackgroundSealing,
        { provide: SealedTables, useValue: { all: tables } satisfies SealedTables },
        { provide: Retention, useValue: { days } satisfies Retention },
        { provide: APP_INTERCEPTOR, useClass: RefusalsOnRecord },
        { provide: AuditRepository, useClass: TypeOrmAuditRepository },
      ],
      exports: [AuditTrail, Sealer, AuditRepository, Retention],
    };
  }
}
