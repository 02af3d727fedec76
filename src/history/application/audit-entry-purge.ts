import { Injectable } from '@nestjs/common';
import { AuditRepository } from './audit.repository.js';
import { Purge, type PurgeLimit, type PurgeStep } from './purge.js';

const BATCH_SIZE = 2000;

/** Removes old audit entries. Their digests stay, and with them the chain. */
@Injectable()
export class AuditEntryPurge extends Purge {
  readonly what = 'audit_entries';

  constructor(private readonly audit: AuditRepository) {
    super();
  }

  async step({ throughBlock }: PurgeLimit): Promise<PurgeStep> {
    const removed = await this.audit.deleteThrough(throughBlock, BATCH_SIZE);
    return { removed, next: removed === 0 ? undefined : 0 };
  }
}
