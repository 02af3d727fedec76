import { Injectable } from '@nestjs/common';
import { Authority } from '../../access/application/authority.js';
import type { Principal } from '../../access/application/principal.js';
import { SignInRepository } from '../../access/application/sign-in-log.js';
import { CustomerVersionRepository } from '../../customers/application/customer-version.repository.js';
import { AuditRepository } from '../../history/application/audit.repository.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { Retention } from '../../history/application/retention.js';
import { IpMappingRepository } from '../../ip-mappings/application/ip-mapping.repository.js';
import { Sealer } from '../../history/application/sealer.js';
import { Clock } from '../../shared/clock.js';
import { validationFailed } from '../../shared/errors.js';
import { formatInstant } from '../../shared/instant.js';
import { Transactions } from '../../shared/transactions.js';

/** What a purge removed. */
export interface Purged {
  /** Unix milliseconds: what was removed is older. */
  readonly before: number;
  /** Customers that were deleted before, with all their versions and mappings. */
  readonly customers: number;
  /** Mappings that were deleted before, with all their versions. */
  readonly mappings: number;
  readonly auditEntries: number;
  readonly signIns: number;
}

const DAY_MS = 86_400_000;
/** Small enough that nobody has to wait for one of them. */
const CUSTOMERS_AT_A_TIME = 200;
const MAPPINGS_AT_A_TIME = 1000;
const ENTRIES_AT_A_TIME = 2000;
const SIGN_INS_AT_A_TIME = 1000;

/** Removes what need not be kept any longer; only when an administrator says so. */
@Injectable()
export class RetentionService {
  constructor(
    private readonly retention: Retention,
    private readonly authority: Authority,
    private readonly versions: CustomerVersionRepository,
    private readonly mappings: IpMappingRepository,
    private readonly audit: AuditRepository,
    private readonly signIns: SignInRepository,
    private readonly trail: AuditTrail,
    private readonly sealer: Sealer,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * Removes deleted customers with their versions, entries of the audit trail and sign-ins, in small steps; cut
   * short, it goes on when it is repeated. The digests of the entries stay, and with them the chain.
   *
   * @param before Unix milliseconds: only what is older; undefined = all that may be purged
   * @throws RegisterError `validation_failed` if any of it must be kept still
   */
  async purge(by: Principal | undefined, before?: number): Promise<Purged> {
    const latest = this.clock.now() - this.retention.days * DAY_MS;
    const end = wholeSeconds(before ?? latest); // as it is put on record
    if (end > latest) {
      const message = `must be ${formatInstant(latest)} or earlier: RETENTION_DAYS is ${this.retention.days}`;
      throw validationFailed([{ field: 'before', message }]);
    }
    const block = await this.begin(by, end);
    await this.sealer.sealAll(); // until it is sealed, that record proves nothing
    const customers = await this.purgeCustomers(block);
    const mappings = await this.purgeMappings(block);
    const auditEntries = await this.repeat(() => this.audit.deleteThrough(block, ENTRIES_AT_A_TIME));
    const signIns = await this.repeat(() => this.signIns.purge(end, SIGN_INS_AT_A_TIME));
    const details = { customers, mappings, audit_entries: auditEntries, sign_ins: signIns };
    await this.transactions.run(() => this.trail.record(by, { action: 'purge.finished', details }));
    return { before: end, customers, mappings, auditEntries, signIns };
  }

  /** Puts on record what may be gone from now on, before anything is. @returns the last block that is emptied */
  private begin(by: Principal | undefined, before: number): Promise<number> {
    return this.authority.change(
      by,
      () => this.audit.lastBlockBefore(before),
      (block) => ({
        action: 'purge.started',
        details: {
          before: formatInstant(before),
          through_block: block,
          retention_days: this.retention.days,
        },
      }),
    );
  }

  /** Customers who were deleted, with what they held. */
  private purgeCustomers(throughBlock: number): Promise<number> {
    return this.goThrough(async (after) => {
      const deleted = await this.versions.deletedThrough(throughBlock, after, CUSTOMERS_AT_A_TIME);
      const purged = await this.mappings.purgeOf(deleted.customers, throughBlock);
      await this.versions.purge(purged);
      return { done: purged.length, next: deleted.next };
    });
  }

  /** Mappings that were deleted. */
  private purgeMappings(throughBlock: number): Promise<number> {
    return this.goThrough(async (after) => {
      const { mappings, next } = await this.mappings.purgeDeleted(throughBlock, after, MAPPINGS_AT_A_TIME);
      return { done: mappings, next };
    });
  }

  /** Takes steps through the versions, each in a transaction of its own, to their end. @returns how much was done */
  private async goThrough(
    step: (after: number) => Promise<{ done: number; next: number | undefined }>,
  ): Promise<number> {
    let total = 0;
    for (let after: number | undefined = 0; after !== undefined;) {
      const from: number = after;
      const { done, next } = await this.transactions.run(() => step(from));
      total += done;
      after = next;
    }
    return total;
  }

  /** Repeats a step, each in a transaction of its own, until it has nothing left to do. */
  private async repeat(step: () => Promise<number>): Promise<number> {
    let total = 0;
    for (let done = -1; done !== 0;) {
      done = await this.transactions.run(step);
      total += done;
    }
    return total;
  }
}

function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000) * 1000;
}
