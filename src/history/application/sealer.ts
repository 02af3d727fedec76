import { Injectable } from '@nestjs/common';
import { Clock } from '../../shared/clock.js';
import { Transactions } from '../../shared/transactions.js';
import { MAX_SEALED, seal } from '../domain/audit-chain.js';
import { AuditRepository } from './audit.repository.js';

/**
 * Seals what is on record into blocks, in the background: a chain that every write had to extend would have all
 * writes wait for each other. Of several instances, one does it at a time.
 *
 * The blocks are also an order of the versions that is final: what a block holds was committed before, and nothing
 * is added to it.
 */
@Injectable()
export class Sealer {
  constructor(
    private readonly audit: AuditRepository,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /** Seals all that was committed when it was called. */
  async sealAll(): Promise<void> {
    while ((await this.audit.hasUnsealed()) && (await this.sealOne()));
  }

  /** @returns false = there was nothing that could be sealed */
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
