import { Global, Module, type DynamicModule } from '@nestjs/common';
import { AuditEntryPurge } from './application/audit-entry-purge.js';
import { AuditRepository } from './application/audit.repository.js';
import { AuditService } from './application/audit.service.js';
import { AuditTrail } from './application/audit-trail.js';
import { Blocks } from './application/blocks.js';
import { Retention } from './application/retention.js';
import { Sealer } from './application/sealer.js';
import { BackgroundSealing } from './infrastructure/background-sealing.js';
import { SealedTables } from './infrastructure/sealed-tables.js';
import { SqlBlocks } from './infrastructure/sql-blocks.js';
import { TypeOrmAuditRepository } from './infrastructure/typeorm-audit.repository.js';

/** Global, since every feature audits its actions. */
@Global()
@Module({})
export class HistoryModule {
  /**
   * @param tables sealed with the audit trail
   * @param days RETENTION_DAYS: what is younger can't be purged
   */
  static keeping(tables: SealedTables['all'], days: number): DynamicModule {
    return {
      module: HistoryModule,
      providers: [
        AuditTrail,
        AuditService,
        AuditEntryPurge,
        Sealer,
        BackgroundSealing,
        { provide: SealedTables, useValue: { all: tables } satisfies SealedTables },
        { provide: Retention, useValue: { days } satisfies Retention },
        { provide: Blocks, useClass: SqlBlocks },
        { provide: AuditRepository, useClass: TypeOrmAuditRepository },
      ],
      exports: [AuditTrail, AuditService, AuditEntryPurge, Blocks, Sealer, Retention],
    };
  }
}
