import { Global, Module } from '@nestjs/common';
import { AuditRepository } from './application/audit.repository.js';
import { AuditService } from './application/audit.service.js';
import { AuditTrail } from './application/audit-trail.js';
import { Sealer } from './application/sealer.js';
import { AuditController } from './infrastructure/audit.controller.js';
import { BackgroundSealing } from './infrastructure/background-sealing.js';
import { TypeOrmAuditRepository } from './infrastructure/typeorm-audit.repository.js';

/** Global, as every feature puts on record what is done with it. */
@Global()
@Module({
  controllers: [AuditController],
  providers: [
    AuditTrail,
    AuditService,
    Sealer,
    BackgroundSealing,
    { provide: AuditRepository, useClass: TypeOrmAuditRepository },
  ],
  exports: [AuditTrail, Sealer, AuditRepository],
})
export class HistoryModule {}
