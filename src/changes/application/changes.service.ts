import { Injectable } from '@nestjs/common';
import { CustomerFeed } from '../../customers/application/customer-feed.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { Blocks } from '../../history/application/blocks.js';
import { MAX_SEALED } from '../../history/domain/audit-chain.js';
import type { ContextId, Principal } from '../../identity/domain/principal.js';
import { MappingFeed } from '../../ip-mappings/application/mapping-feed.js';
import { inOrder, type Change } from '../domain/change.js';
import { cursorUnknown } from '../domain/changes.errors.js';
import { ChangeNews } from './change-news.js';
import { CHANGES_ACTIONS } from '../domain/changes.actions.js';

/** How far a client has read the feed. */
export interface Place {
  /** The block that seals the last change; 0 = the beginning of the feed. */
  readonly block: number;
  /** The last version of a customer, and of a mapping, read from that block; 0 = none. */
  readonly customer: number;
  readonly mapping: number;
  /** The start of the block's hash, which differs in another register or one restored from a backup. */
  readonly check: number;
}

export const BEGINNING: Place = { block: 0, customer: 0, mapping: 0, check: 0 };

/** A change, and the place in the feed after it. */
export type PlacedChange = Change & { readonly place: Place };

/** How long a client waits for the first change. */
export interface Wait {
  readonly ms: number;
  /** Aborted when the client disconnects. */
  readonly disconnected: AbortSignal;
  /** Throws if the client may no longer read, since its token may be revoked while it waits. */
  readonly authenticate: () => Promise<unknown>;
}

/** The change feed of a context: customers and mappings, in an order that never changes. */
@Injectable()
export class ChangesService {
  constructor(
    private readonly customers: CustomerFeed,
    private readonly mappings: MappingFeed,
    private readonly news: ChangeNews,
    private readonly blocks: Blocks,
    private readonly trail: AuditTrail,
  ) {}

  /**
   * The changes after a place. A change appears once it is sealed, within a second or two.
   *
   * @param query the query as the client sent it, for the audit trail
   * @throws RegisterError `cursor_unknown`
   */
  async after(
    by: Principal,
    query: object,
    after: Place,
    limit: number,
    wait: Wait,
  ): Promise<PlacedChange[]> {
    const signal = AbortSignal.any([wait.disconnected, AbortSignal.timeout(wait.ms)]);
    for (let hasWaited = false; ; hasWaited = true) {
      // The changes of a block appear together, so reading through an existing block misses none of either kind.
      const last = await this.news.lastBlock();
      const changes = await this.withPlaces(after, await this.changesThrough(last, by.context, after, limit));
      if (changes.length > 0) {
        if (hasWaited) await wait.authenticate();
        const details = { filter: query, records: changes.length };
        await this.trail.recordRead(by, { action: CHANGES_ACTIONS.read, details });
        return changes;
      }
      if (wait.ms === 0 || !(await this.news.waitBeyond(last, signal))) return [];
    }
  }

  private async changesThrough(
    block: number,
    context: ContextId,
    after: Place,
    limit: number,
  ): Promise<Change[]> {
    const afterCustomer = { block: after.block, id: after.customer };
    const afterMapping = { block: after.block, id: after.mapping };
    // Read customers to the end of a block, since their order depends on later ones of the same block.
    const customers = await this.customers.changes(context, afterCustomer, block, limit + MAX_SEALED);
    const mappings = await this.mappings.changes(context, afterMapping, block, limit);
    return inOrder(
      customers.map((change) => ({ kind: 'customer' as const, ...change })),
      mappings.map((change) => ({ kind: 'mapping' as const, ...change })),
    ).slice(0, limit);
  }

  /** @throws RegisterError `cursor_unknown` */
  private async withPlaces(after: Place, changes: readonly Change[]): Promise<PlacedChange[]> {
    const hashes = await this.blocks.hashes([after.block, ...changes.map(({ block }) => block)]);
    const check = (block: number): number =>
      block === 0 ? 0 : parseInt(hashes.get(block)?.slice(0, 8) ?? '', 16);
    if (check(after.block) !== after.check) throw cursorUnknown();
    let place = after;
    return changes.map((change) => {
      const { block, id, kind } = change;
      if (block !== place.block) place = { block, customer: 0, mapping: 0, check: check(block) };
      place = { ...place, [kind]: id };
      return { ...change, place };
    });
  }
}
