import type { ContextId } from '../../identity/domain/principal.js';
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

/** How far ahead of the clock a change may be recorded, to come after another one. */
export const MAX_AHEAD_MS = 60_000;

/** The mappings of all customers, to those who change or list them. Writes exist inside `Transactions.run` alone. */
export abstract class IpMappingRepository {
  /**
   * Has all who change mappings of the context wait for this transaction, on a cluster too. To be called before
   * anything is read: what is read first settles what the transaction sees.
   *
   * @param now Unix milliseconds
   * @returns when the transaction's changes are recorded, Unix milliseconds: after all of those before it, whichever
   * instance made them; unless `now` is `MAX_AHEAD_MS` or more before them, because a clock was wrong then
   * @see docs/architecture.md
   */
  abstract guard(context: ContextId, now: number): Promise<number>;

  /** A mapping of a customer. */
  abstract find(context: ContextId, customerId: number, id: number): Promise<RecordedMapping | undefined>;

  /** As `find`, as it is now, and keeps others from changing it until the transaction ends. */
  abstract lock(context: ContextId, customerId: number, id: number): Promise<RecordedMapping | undefined>;

  /** All mappings of a customer, by ascending id, as they are now, and locked. */
  abstract ofCustomer(context: ContextId, customerId: number): Promise<RecordedMapping[]>;

  /**
   * One of the mappings, if there is any, that overlap a network and a period, and that are another customer's.
   * As they are now, and locked.
   */
  abstract conflicting(
    context: ContextId,
    mapping: Pick<IpMappingDetails, 'customerId' | 'network' | 'validity'>,
  ): Promise<RecordedMapping | undefined>;

  /** @returns its id; undefined if the customer has a mapping of this network for this very period */
  abstract insert(context: ContextId, mapping: Omit<RecordedMapping, 'id'>): Promise<number | undefined>;

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
   * All of them, a batch at a time, as they stand when the first batch is asked for.
   *
   * @param announce told how many there are, before the first batch
   */
  abstract all(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<ListedMapping[]>;
}
