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

/** The result of a purge. */
export interface Purged {
  /** Unix milliseconds: everything removed is older. */
  readonly before: number;
  /** The number of removed items by kind, such as `customers`. */
  readonly counts: Readonly<Record<string, number>>;
}

/** The purges of all features, in the order in which they run. */
export abstract class Purges {
  abstract readonly all: readonly Purge[];
}

const DAY_MS = 86_400_000;

/** Removes data older than RETENTION_DAYS, only at an administrator's request. */
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
   * Removes old data of every feature in small steps. After an interruption, a repetition continues. The digests of
   * audit entries stay, so the chain stays verifiable.
   *
   * @param before Unix milliseconds: removes only what is older; undefined = everything past RETENTION_DAYS
   * @throws RegisterError `validation_failed` if `before` is within RETENTION_DAYS
   */
  async purge(by: Principal | undefined, before?: number): Promise<Purged> {
    const latest = this.clock.now() - this.retention.days * DAY_MS;
    const end = wholeSeconds(before ?? latest); // the audit entry has whole seconds
    if (end > latest) {
      const message = `must be ${formatInstant(latest)} or earlier: RETENTION_DAYS is ${this.retention.days}`;
      throw validationFailed([{ field: 'before', message }]);
    }
    const limit = { before: end, throughBlock: await this.begin(by, end) };
    await this.sealer.sealAll(); // a purge is provable only once its entry is sealed
    const counts: Record<string, number> = {};
    for (const purge of this.purges.all) counts[purge.what] = await this.runToEnd(purge, limit);
    await this.transactions.run(() =>
      this.trail.record(by, { action: HISTORY_ACTIONS.purgeFinished, details: counts }),
    );
    return { before: end, counts };
  }

  /** Audits the purge before it removes anything. @returns the last block whose entries are removed */
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

  /** Runs the steps of a purge, each in a transaction of its own. @returns how many items were removed */
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
