import { Injectable } from '@nestjs/common';
import { AuditRepository } from './audit.repository.js';
import { Purge, type PurgeLimit, type PurgeStep } from './purge.js';

const AT_A_TIME = 2000;

/** Removes old audit entries. Their digests stay, and with them the chain. */
@Injectable()
export class AuditEntryPurge extends Purge {
  readonly what = 'audit_entries';

  constructor(private readonly audit: AuditRepository) {
    super();
  }

  async step({ throughBlock }: PurgeLimit): Promise<PurgeStep> {
    const removed = await this.audit.deleteThrough(throughBlock, AT_A_TIME);
    return { removed, next: removed === 0 ? undefined : 0 };
  }
}
