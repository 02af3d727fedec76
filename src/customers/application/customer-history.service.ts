import { Injectable } from '@nestjs/common';
import type { ContextId, Principal } from '../../access/application/principal.js';
import { AuditRepository } from '../../history/application/audit.repository.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { MAX_CHANGES } from '../../history/application/audit.repository.js';
import {
  IpMappingRepository,
  type RecordedMappingChange,
} from '../../ip-mappings/application/ip-mapping.repository.js';
import { pageOf, type Page } from '../../shared/page.js';
import type { RecordedVersion } from '../../shared/version.js';
import { cursorUnknown, customerNotFound } from '../domain/customer.errors.js';
import type { Customer, UserId } from '../domain/customer.js';
import { ChangeNews } from './change-news.js';
import { CustomerVersionRepository, type CustomerChange } from './customer-version.repository.js';

/** How far a client has come in the feed. */
export interface FeedPlace {
  /** The block that the last change is sealed in; 0 = the feed's beginning. */
  readonly block: number;
  /** The last change of a customer, and of a mapping, that it was told of in that block; 0 = none. */
  readonly customer: number;
  readonly mapping: number;
  /** What tells the block from one of the same number in another register, or in this one before a restoration. */
  readonly check: number;
}

export const BEGINNING: FeedPlace = { block: 0, customer: 0, mapping: 0, check: 0 };

type AnyChange = CustomerChange | RecordedMappingChange;

/** A change of a customer or of a mapping, and where that brings the client. */
export type Change = AnyChange & { readonly place: FeedPlace };

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
    private readonly audit: AuditRepository,
    private readonly trail: AuditTrail,
  ) {}

  /**
   * A page of at most `limit` versions, the newest first, of every customer that has or once had this UserID.
   *
   * @param asked the page as the client worded it
   * @throws RegisterError `customer_not_found` if there never was one
   */
  async versionsOf(
    by: Principal,
    userId: UserId,
    asked: object,
    before: number | undefined,
    limit: number,
  ): Promise<Page<RecordedVersion<Customer>>> {
    const below = before ?? Number.MAX_SAFE_INTEGER;
    const page = pageOf(await this.versions.history(by.context, userId, below, limit + 1), limit);
    const records = page.rows.length;
    const details = { filter: asked, records };
    await this.trail.recordRead(by, { action: 'customer.history_read', userId, details });
    if (records === 0 && before === undefined) throw customerNotFound();
    return page;
  }

  /**
   * The changes behind a place. They are told once their order is final, within a second or two.
   *
   * @param asked the page as the client worded it
   * @param wait for the first one, if there is none
   * @throws RegisterError `cursor_unknown`
   */
  async changes(
    by: Principal,
    asked: object,
    after: FeedPlace,
    limit: number,
    wait: Patience,
  ): Promise<Change[]> {
    const patience = AbortSignal.any([wait.gone, AbortSignal.timeout(wait.ms)]);
    for (let hasWaited = false; ; hasWaited = true) {
      // A block's changes appear all at once: what is read up to a block that was seen misses none of either kind.
      const seen = await this.news.lastBlock();
      const changes = await this.placed(after, await this.changesThrough(seen, by.context, after, limit));
      if (changes.length > 0) {
        if (hasWaited) await wait.confirm();
        const details = { filter: asked, records: changes.length };
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
  ): Promise<AnyChange[]> {
    const ofCustomers = { block: after.block, id: after.customer };
    const ofMappings = { block: after.block, id: after.mapping };
    // All that the last block has of customers: their order hangs on what comes after them.
    const customers = await this.versions.changes(context, ofCustomers, block, limit + MAX_CHANGES);
    const mappings = await this.mappings.changes(context, ofMappings, block, limit);
    return inOrder(customers, mappings).slice(0, limit);
  }

  private async placed(after: FeedPlace, changes: readonly AnyChange[]): Promise<Change[]> {
    const hashes = await this.audit.hashes([after.block, ...changes.map(({ block }) => block)]);
    const check = (block: number): number =>
      block === 0 ? 0 : parseInt(hashes.get(block)?.slice(0, 8) ?? '', 16);
    if (check(after.block) !== after.check) throw cursorUnknown();
    let place = after;
    return changes.map((change) => {
      const { block, id } = change;
      if (block !== place.block) place = { block, customer: 0, mapping: 0, check: check(block) };
      place = 'customer' in change ? { ...place, customer: id } : { ...place, mapping: id };
      return { ...change, place };
    });
  }
}

/**
 * Brings what is sealed in the same blocks into an order in which no mapping is told of before its customer is, nor after
 * that is gone: as soon as the customer is there. (A customer with more mappings than a block takes is sealed in several.)
 */
function inOrder(
  customers: readonly CustomerChange[],
  mappings: readonly RecordedMappingChange[],
): AnyChange[] {
  const toCome = new Set(
    customers.filter(({ change }) => change === 'created').map(({ customer }) => customer.id),
  );
  const rest = [...mappings].reverse();
  const ordered: AnyChange[] = [];
  const tellMappings = (before: number): void => {
    for (let next = rest.at(-1); next !== undefined; next = rest.at(-1)) {
      if (next.block > before || (next.block === before && toCome.has(next.mapping.customerId))) return;
      ordered.push(next);
      rest.pop();
    }
  };
  for (const change of customers) {
    tellMappings(change.block);
    ordered.push(change);
    toCome.delete(change.customer.id);
  }
  tellMappings(Infinity);
  return ordered;
}
