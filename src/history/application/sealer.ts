import { Injectable } from '@nestjs/common';
import { Clock } from '../../shared/clock.js';
import { Transactions } from '../../shared/transactions.js';
import { seal } from '../domain/audit-chain.js';
import { AuditRepository } from './audit.repository.js';

/** Entries in a block, at most. */
const MAX_ENTRIES = 1000;

/** Work to be done with every block: gives it to what was committed before it. */
type Follower = (block: number) => Promise<void>;

/**
 * Seals what is on record into blocks, in the background: a chain that every write had to extend would have all
 * writes wait for each other. Of several instances, one does it at a time.
 *
 * The blocks are also an order that is final: what a block holds was committed before, and nothing is added to it.
 */
@Injectable()
export class Sealer {
  private readonly followers: Follower[] = [];

  constructor(
    private readonly audit: AuditRepository,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /** Has `follower` run in the transaction of every block. */
  withEachBlock(follower: Follower): void {
    this.followers.push(follower);
  }

  /** Seals all that was committed when it was called. */
  async sealAll(): Promise<void> {
    while (await this.audit.hasUnsealed()) await this.sealOne();
  }

  private sealOne(): Promise<void> {
    return this.transactions.run(async () => {
      const head = await this.audit.lockHead();
      const entries = await this.audit.unsealed(MAX_ENTRIES);
      if (entries.length === 0) return; // another instance was faster
      const block = seal(head, entries, this.clock.now());
      await this.audit.insertBlock(block, entries);
      for (const follower of this.followers) await follower(block.number);
    });
  }
}
