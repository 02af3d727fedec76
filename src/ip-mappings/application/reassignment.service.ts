import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { Holders } from '../../customers/application/holders.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { Transactions } from '../../shared/transactions.js';
import type { Expectation } from '../../versions/domain/version.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';
import { reassigned } from '../domain/reassignment.js';
import { IpMappingRepository } from './ip-mapping.repository.js';
import { requireExpected } from './ip-mappings.service.js';
import { MappingLedger } from './mapping-ledger.js';
import { MAPPING_ACTIONS } from '../domain/ip-mapping.actions.js';

/** What a reassignment did, or would do. */
export interface Reassignment {
  readonly before: RecordedMapping;
  /** The old holder's mapping, as it ends. */
  readonly ended: RecordedMapping;
  /** The new holder's mapping. */
  readonly next: RecordedMapping;
  readonly holder: string;
  readonly nextHolder: string;
}

/** Carries the result of a dry run out of its transaction, which is rolled back. */
class DryRun extends Error {
  constructor(readonly result: Reassignment) {
    super('a dry run');
  }
}

/** Reassigns networks from one customer to another. */
@Injectable()
export class ReassignmentService {
  constructor(
    private readonly mappings: IpMappingRepository,
    private readonly holders: Holders,
    private readonly ledger: MappingLedger,
    private readonly trail: AuditTrail,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Ends a mapping one second before the new holder's mapping begins.
   *
   * @param from the first second of the new holder, Unix seconds
   * @throws RegisterError `customer_not_found`, `mapping_not_found`, `precondition_failed`, `mapping_overlap`,
   * `mapping_duplicate`, `validation_failed`
   */
  reassign(
    by: Principal,
    userId: string,
    id: number,
    nextUserId: string,
    from: number,
    isExpected?: Expectation,
  ): Promise<Reassignment> {
    return this.transactions.run(async () => {
      const changes = await this.ledger.open(by);
      const holder = await this.holders.lock(by.context, userId);
      const nextHolder = await this.holders.lock(by.context, nextUserId);
      const before = requireExpected(await this.mappings.lock(by.context, holder.id, id), isExpected);
      const [{ validity }, fields] = reassigned(before, nextHolder.id, from);
      const ended = await changes.update(holder, before, { validity }, { reassigned_to: nextHolder.userId });
      const next = await changes.insert(nextHolder, fields, { reassigned_from: holder.userId });
      return { before, ended, next, holder: holder.userId, nextHolder: nextHolder.userId };
    });
  }

  /** Like `reassign`, with the same errors, but changes nothing. */
  async dryRun(...request: Parameters<ReassignmentService['reassign']>): Promise<Reassignment> {
    const [by, , id, , starttime] = request;
    const result = await this.transactions
      .run(async () => {
        throw new DryRun(await this.reassign(...request));
      })
      .catch((error: unknown) => {
        if (error instanceof DryRun) return error.result;
        throw error;
      });
    // Not `recordRead`: under an Idempotency-Key, it would wait for reads that wait for this transaction.
    const { customerId } = result.before;
    const details = { id, ipdr_customer_id: customerId, reassigned_to: result.nextHolder, starttime };
    await this.transactions.run(() =>
      this.trail.record(by, { action: MAPPING_ACTIONS.reassignmentTried, userId: result.holder, details }),
    );
    return result;
  }
}
