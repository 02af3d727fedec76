import type { ContextId } from '../../identity/domain/principal.js';
import type { Inserted } from '../../shared/inserted.js';
import type { IpMappingDetails, RecordedMapping } from '../domain/ip-mapping.js';

/** A mapping in a list, with its network as given. Times are Unix seconds. */
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

/** How far ahead of the clock the time of a change may be, in order to be later than that of an earlier change. */
export const MAX_AHEAD_MS = 60_000;

/** The present mappings of a context. Call writes and locking reads inside `Transactions.run` only. */
export abstract class IpMappingRepository {
  /**
   * Makes all other transactions that change mappings of the context wait for this one, on a cluster too. MUST come before the
   * transaction's first plain read, which fixes what it sees.
   *
   * @param now Unix milliseconds
   * @returns the time to record for the transaction's changes, Unix milliseconds. It is later than that of all earlier
   * changes, except those that are `MAX_AHEAD_MS` or more ahead of `now` because a clock was wrong
   * @see docs/architecture.md
   */
  abstract guard(context: ContextId, now: number): Promise<number>;

  /** A mapping of a customer. */
  abstract find(context: ContextId, customerId: number, id: number): Promise<RecordedMapping | undefined>;

  /** Like `find`, and locks the mapping until the transaction ends. */
  abstract lock(context: ContextId, customerId: number, id: number): Promise<RecordedMapping | undefined>;

  /** All mappings of a customer, by ascending id, locked. */
  abstract ofCustomer(context: ContextId, customerId: number): Promise<RecordedMapping[]>;

  /**
   * Finds and locks a mapping that `conflictsWith` the given one, for which `OpenLedger` then refuses the write. In SQL,
   * since a large network may overlap millions of mappings.
   */
  abstract conflicting(
    context: ContextId,
    mapping: Pick<IpMappingDetails, 'customerId' | 'network' | 'validity'>,
  ): Promise<RecordedMapping | undefined>;

  /** Inserts all of the mappings, or none if a customer already has one of the same network and period. */
  abstract insert(context: ContextId, mappings: readonly NewMapping[]): Promise<Inserted<NewMapping>>;

  /** @returns false = the customer has another mapping of the same network and period; nothing was written */
  abstract update(context: ContextId, mapping: RecordedMapping): Promise<boolean>;

  abstract delete(context: ContextId, id: number): Promise<void>;

  /** At most `limit` mappings with ids above `after`, by ascending id. @param customerId undefined = all customers */
  abstract page(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    limit: number,
  ): Promise<ListedMapping[]>;

  /**
   * The whole list in batches, as of the first batch.
   *
   * @param announce called with the number of mappings, before the first batch
   */
  abstract all(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<ListedMapping[]>;
}
