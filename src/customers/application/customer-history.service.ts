import { Injectable } from '@nestjs/common';
import type { ContextId, Principal } from '../../access/application/principal.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import {
  IpMappingRepository,
  type RecordedMappingChange,
} from '../../ip-mappings/application/ip-mapping.repository.js';
import { pageOf, type Page } from '../../shared/page.js';
import { customerNotFound } from '../domain/customer.errors.js';
import type { UserId } from '../domain/customer.js';
import { ChangeNews } from './change-news.js';
import {
  CustomerVersionRepository,
  type ChangePlace,
  type CustomerChange,
  type CustomerVersion,
} from './customer-version.repository.js';

/** What a change was made to; within a block, customers are told of before mappings. */
export enum ChangeKind {
  Customer,
  Mapping,
}

export interface FeedPlace extends ChangePlace {
  readonly kind: ChangeKind;
}

export type Change =
  | ({ readonly kind: ChangeKind.Customer } & CustomerChange)
  | ({ readonly kind: ChangeKind.Mapping } & RecordedMappingChange);

/** How a client waits for changes. */
export interface Patience {
  readonly ms: number;
  /** Tells when nobody waits any more. */
  readonly gone: AbortSignal;
  /** Throws if the client may not be told any more: its token may have been revoked while it waited. */
  readonly confirm: () => Promise<unknown>;
}

/** What became of the customers, and their mappings, of the context that the caller works in. */
@Injectable()
export class CustomerHistoryService {
  constructor(
    private readonly versions: CustomerVersionRepository,
    private readonly mappings: IpMappingRepository,
    private readonly news: ChangeNews,
    private readonly trail: AuditTrail,
  ) {}

  /**
   * A page of at most `limit` versions, the newest first, of every customer that has or once had this UserID.
   *
   * @throws RegisterError `customer_not_found` if there never was one
   */
  async versionsOf(
    by: Principal,
    userId: UserId,
    before: number | undefined,
    limit: number,
  ): Promise<Page<CustomerVersion>> {
    const below = before ?? Number.MAX_SAFE_INTEGER;
    const page = pageOf(await this.versions.history(by.context, userId, below, limit + 1), limit);
    const records = page.rows.length;
    await this.trail.recordRead(by, { action: 'customer.history_read', userId, details: { records } });
    if (records === 0 && before === undefined) throw customerNotFound();
    return page;
  }

  /**
   * The changes behind a place. They are told once their order is final, within a second or two.
   *
   * @param wait for the first one, if there is none
   */
  async changes(by: Principal, after: FeedPlace, limit: number, wait: Patience): Promise<Change[]> {
    const patience = AbortSignal.any([wait.gone, AbortSignal.timeout(wait.ms)]);
    for (let hasWaited = false; ; hasWaited = true) {
      // A block's changes appear all at once: what is read up to a block that was seen misses none of either kind.
      const seen = await this.news.lastBlock();
      const changes = await this.changesThrough(seen, by.context, after, limit);
      if (changes.length > 0) {
        if (hasWaited) await wait.confirm();
        const details = { records: changes.length };
        await this.trail.recordRead(by, { action: 'customers.changes_read', details });
        return changes;
      }
      if (wait.ms === 0 || !(await this.news.beyond(seen, patience))) return [];
    }
  }

  private async changesThrough(
    block: number,
    context: ContextId,
    after: FeedPlace,
    limit: number,
  ): Promise<Change[]> {
    const isBehind = after.kind === ChangeKind.Mapping; // the customers of its block
    const ofCustomers = isBehind ? { block: after.block, id: Number.MAX_SAFE_INTEGER } : after;
    const ofMappings = isBehind ? after : { block: after.block, id: 0 };
    const customers = await this.versions.changes(context, ofCustomers, block, limit);
    const mappings = await this.mappings.changes(context, ofMappings, block, limit);
    const changes: Change[] = [
      ...customers.map((change) => ({ kind: ChangeKind.Customer as const, ...change })),
      ...mappings.map((change) => ({ kind: ChangeKind.Mapping as const, ...change })),
    ];
    return changes.sort((a, b) => a.block - b.block || a.kind - b.kind || a.id - b.id).slice(0, limit);
  }
}
