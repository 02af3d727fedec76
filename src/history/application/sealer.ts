import { Injectable } from '@nestjs/common';
import { Clock } from '../../shared/clock.js';
import { Transactions } from '../../shared/transactions.js';
import { MAX_SEALED, seal } from '../domain/audit-chain.js';
import { AuditRepository } from './audit.repository.js';

/**
 * Seals entries and versions into blocks of the hash chain. Runs in the background, since writes that extend the chain
 * themselves would all wait for each other. One instance seals at a time.
 *
 * The blocks also order the versions for good: a block contains only what was committed before, and is never extended.
 */
@Injectable()
export class Sealer {
  constructor(
    private readonly audit: AuditRepository,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /** Seals everything that is committed by now. */
  async sealAll(): Promise<void> {
    while ((await this.audit.hasUnsealed()) && (await this.sealOne()));
  }

  /** Seals one block. @returns false = there was nothing to seal */
  private sealOne(): Promise<boolean> {
    return this.transactions.run(async () => {
      const head = await this.audit.lockHead();
      const entries = await this.audit.unsealed(MAX_SEALED);
      const versions = await this.audit.unsealedVersions(MAX_SEALED);
      if (entries.length + versions.length === 0) return false; // another instance was faster
      const block = seal(head, entries, versions, this.clock.now());
      await this.audit.insertBlock({ block, entries, versions });
      return true;
    });
  }
}
