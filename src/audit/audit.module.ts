import { Module } from '@nestjs/common';
import { AuditController } from './infrastructure/audit.controller.js';

/** The audit trail, as administrators read it. `history` records it. */
@Module({ controllers: [AuditController] })
export class AuditModule {}
