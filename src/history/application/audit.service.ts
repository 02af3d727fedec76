import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { Clock } from '../../shared/clock.js';
import { pageOf, type Page } from '../../shared/page.js';
import { ChainCheck, type Block, type Head, type SealedBlock, type Verdict } from '../domain/audit-chain.js';
import {
  HISTORY_ACTIONS,
  type AuditFilter,
  type EntryPlace,
  type RecordedEntry,
} from '../domain/audit-entry.js';
import { AuditTrail } from './audit-trail.js';
import { Retention } from './retention.js';
import { AuditRepository } from './audit.repository.js';

/** Reads and verifies the audit trail. Reading it is audited too, since it contains personal data. */
@Injectable()
export class AuditService {
  constructor(
    private readonly audit: AuditRepository,
    private readonly trail: AuditTrail,
    private readonly retention: Retention,
    private readonly clock: Clock,
  ) {}

  /**
   * A page of at most `limit` entries, newest first.
   *
   * @param query the filter as the client sent it
   */
  async page(
    by: Principal,
    filter: AuditFilter,
    query: object,
    before: EntryPlace | undefined,
    limit: number,
  ): Promise<Page<RecordedEntry>> {
    const page = pageOf(await this.audit.page(filter, before, limit + 1), limit);
    await this.recordRead(by, query, page.rows.length);
    return page;
  }

  /** All entries, newest first, in batches. */
  all(
    by: Principal,
    filter: AuditFilter,
    query: object,
    before: EntryPlace | undefined,
  ): AsyncGenerator<RecordedEntry[]> {
    return this.audit.all(filter, before, (count) => this.recordRead(by, query, count));
  }

  /** The whole chain with its entries, for verification elsewhere. */
  async *export(by: Principal | undefined): AsyncGenerator<SealedBlock[]> {
    const blocks = (await this.audit.head())?.number ?? 0;
    await this.trail.recordRead(by, { action: HISTORY_ACTIONS.read, details: { export: true, blocks } });
    for await (const sealed of this.audit.chain()) yield [sealed];
  }

  head(): Promise<Block | undefined> {
    return this.audit.head();
  }

  /**
   * Recomputes the chain and compares the current customers and mappings with their last versions.
   *
   * @param kept a head stored earlier
   */
  async verify(kept?: Head): Promise<Verdict> {
    const check = new ChainCheck({ now: this.clock.now(), retentionDays: this.retention.days, kept });
    const chain = this.audit.chain();
    try {
      let next = await chain.next();
      while (next.done !== true) {
        check.add(next.value.block, next.value.entries, next.value.versions);
        await setImmediate(); // SQLite answers synchronously: let requests run in between
        next = await chain.next();
      }
      return check.finish(next.value);
    } finally {
      await chain.return({});
    }
  }

  private recordRead(by: Principal, query: object, records: number): Promise<void> {
    return this.trail.recordRead(by, { action: HISTORY_ACTIONS.read, details: { filter: query, records } });
  }
}
