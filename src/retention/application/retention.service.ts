import { Injectable } from '@nestjs/common';
import { Authority } from '../../access/application/authority.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { Blocks } from '../../history/application/blocks.js';
import type { Purge, PurgeLimit } from '../../history/application/purge.js';
import { Retention } from '../../history/application/retention.js';
import { Sealer } from '../../history/application/sealer.js';
import type { Principal } from '../../identity/domain/principal.js';
import { Clock } from '../../shared/clock.js';
import { validationFailed } from '../../shared/errors.js';
import { formatInstant } from '../../shared/instant.js';
import { Transactions } from '../../shared/transactions.js';
import { HISTORY_ACTIONS } from '../../history/domain/audit-entry.js';

/** What a purge removed. */
export interface Purged {
  /** Unix milliseconds: what was removed is older. */
  readonly before: number;
  /** How many were removed, by what they are. */
  readonly counts: Readonly<Record<string, number>>;
}

/** The purges of all features, in the order in which they run. */
export abstract class Purges {
  abstract readonly all: readonly Purge[];
}

const DAY_MS = 86_400_000;

/** Removes what need not be kept any longer; only when an administrator asks for it. */
@Injectable()
export class RetentionService {
  constructor(
    private readonly retention: Retention,
    private readonly authority: Authority,
    private readonly purges: Purges,
    private readonly blocks: Blocks,
    private readonly trail: AuditTrail,
    private readonly sealer: Sealer,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * Removes what every feature keeps from before an instant, in small steps; cut short, it goes on when it is repeated. The
   * digests of audit entries stay, and with them the chain.
   *
   * @param before Unix milliseconds: only what is older; undefined = all that may be purged
   * @throws RegisterError `validation_failed` if RETENTION_DAYS keeps some of it
   */
  async purge(by: Principal | undefined, before?: number): Promise<Purged> {
    const latest = this.clock.now() - this.retention.days * DAY_MS;
    const end = wholeSeconds(before ?? latest); // as the audit entry says it
    if (end > latest) {
      const message = `must be ${formatInstant(latest)} or earlier: RETENTION_DAYS is ${this.retention.days}`;
      throw validationFailed([{ field: 'before', message }]);
    }
    const limit = { before: end, throughBlock: await this.begin(by, end) };
    await this.sealer.sealAll(); // until that entry is sealed, it proves nothing
    const counts: Record<string, number> = {};
    for (const purge of this.purges.all) counts[purge.what] = await this.runToEnd(purge, limit);
    await this.transactions.run(() =>
      this.trail.record(by, { action: HISTORY_ACTIONS.purgeFinished, details: counts }),
    );
    return { before: end, counts };
  }

  /** Audits what may be missing from now on, before anything is. @returns the last block that is emptied */
  private begin(by: Principal | undefined, before: number): Promise<number> {
    return this.authority.change(
      by,
      () => this.blocks.lastBefore(before),
      (block) => ({
        action: HISTORY_ACTIONS.purgeStarted,
        details: {
          before: formatInstant(before),
          through_block: block,
          retention_days: this.retention.days,
        },
      }),
    );
  }

  /** Takes the steps of a purge, each in a transaction of its own. @returns how many were removed */
  private async runToEnd(purge: Purge, limit: PurgeLimit): Promise<number> {
    let total = 0;
    for (let after: number | undefined = 0; after !== undefined;) {
      const from: number = after;
      const { removed, next } = await this.transactions.run(() => purge.step(limit, from));
      total += removed;
      after = next;
    }
    return total;
  }
}

function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000) * 1000;
}
