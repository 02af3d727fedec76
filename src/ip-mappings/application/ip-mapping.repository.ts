import type { ContextId } from '../../identity/domain/principal.js';
import type { Inserted } from '../../shared/inserted.js';
import type { IpMappingDetails, RecordedMapping } from '../domain/ip-mapping.js';

/** A mapping as a list shows it: its network is the text that was given. Times are Unix seconds. */
export interface ListedMapping {
  readonly id: number;
  readonly customerId: number;
  readonly ipSubnet: string;
  readonly from: number;
  /** Exclusive; null = still open. */
  readonly to: number | null;
  readonly terminalId: string;
}

export type NewMapping = Omit<RecordedMapping, 'id'>;

/** How far ahead of the clock a change may be recorded, to come after another one. */
export const MAX_AHEAD_MS = 60_000;

/** The mappings of all customers, for changing and listing. Writes need `Transactions.run`. */
export abstract class IpMappingRepository {
  /**
   * Makes all who change mappings of the context wait for this transaction, on a cluster too. Must come before its
   * first plain read, which fixes what the transaction sees.
   *
   * @param now Unix milliseconds
   * @returns when the transaction's changes are recorded, Unix milliseconds: after all earlier changes of every instance,
   * unless those are `MAX_AHEAD_MS` or more ahead of `now`, because a clock was wrong
   * @see docs/architecture.md
   */
  abstract guard(context: ContextId, now: number): Promise<number>;

  /** A mapping of a customer. */
  abstract find(context: ContextId, customerId: number, id: number): Promise<RecordedMapping | undefined>;

  /** As `find`, and locks the mapping until the transaction ends. */
  abstract lock(context: ContextId, customerId: number, id: number): Promise<RecordedMapping | undefined>;

  /** All mappings of a customer, by ascending id, locked. */
  abstract ofCustomer(context: ContextId, customerId: number): Promise<RecordedMapping[]>;

  /**
   * A mapping, if there is one, that `conflictsWith` the given one, locked; `OpenLedger` then refuses the write. The
   * rule is checked in SQL, because a large network may overlap millions of mappings.
   */
  abstract conflicting(
    context: ContextId,
    mapping: Pick<IpMappingDetails, 'customerId' | 'network' | 'validity'>,
  ): Promise<RecordedMapping | undefined>;

  /** Inserts all of the mappings, or none if a customer already has one of the same network and period. */
  abstract insert(context: ContextId, mappings: readonly NewMapping[]): Promise<Inserted<NewMapping>>;

  /** @returns false if the customer has another mapping of this network for this very period */
  abstract update(context: ContextId, mapping: RecordedMapping): Promise<boolean>;

  abstract delete(context: ContextId, id: number): Promise<void>;

  /** At most `limit` mappings, of one customer if that is given, with an id above `after`, by ascending id. */
  abstract page(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    limit: number,
  ): Promise<ListedMapping[]>;

  /**
   * All of them, a batch at a time, in a snapshot taken with the first batch.
   *
   * @param announce called with their number before the first batch
   */
  abstract all(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<ListedMapping[]>;
}
