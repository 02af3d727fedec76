import { Module } from '@nestjs/common';
import { AuditController } from './infrastructure/audit.controller.js';

/** Lets administrators read and verify the audit trail, which `history` records. */
@Module({ controllers: [AuditController] })
export class AuditModule {}
