import type { ContextId, Principal } from '../../access/application/principal.js';
import type { GoneCustomer } from '../../customers/application/customer-version.repository.js';
import type { ChangeMade, RecordedVersion, Versioned } from '../../shared/version.js';
import type { IpMapping, IpMappingDetails } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';

/** A mapping that is in the register, in the version that it is in. */
export type RecordedMapping = IpMapping & Versioned;

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

/** An address and a second, of which the holder is asked for. */
export interface Moment {
  readonly address: IpAddress;
  /** Unix seconds. */
  readonly second: number;
}

/** A place in the order of changes: the block of the audit trail that it is sealed in, and its id. */
export interface MappingChangePlace {
  readonly block: number;
  readonly id: number;
}

export interface RecordedMappingChange extends MappingChangePlace {
  readonly change: ChangeMade;
  /** As it came to be; of a deletion, as it was. */
  readonly mapping: RecordedMapping;
}

/** The mappings of all customers, and every state that they were in. Writes exist inside `Transactions.run` alone. */
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

  /** Keeps a state that a mapping came to be in; of a deletion, the one that it was in. */
  abstract insertVersion(by: Principal, change: ChangeMade, mapping: RecordedMapping): Promise<void>;

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

  /**
   * For each moment every mapping that holds its address at its second, all of which are of one customer.
   *
   * @param recordedAt as the register had them at this time, Unix milliseconds; undefined = now
   */
  abstract holding(
    context: ContextId,
    moments: readonly Moment[],
    recordedAt?: number,
  ): Promise<RecordedMapping[][]>;

  /** Every mapping that holds an address within a period, by the time from which it does. */
  abstract historyOf(context: ContextId, address: IpAddress, period: Validity): Promise<RecordedMapping[]>;

  /** The mappings within a network and a period, by ascending first address, a batch at a time. */
  abstract within(
    context: ContextId,
    network: IpNetwork,
    period: Validity,
  ): AsyncGenerator<RecordedMapping[]>;

  /** Which of the customers with an id from `first` through `last` hold any address within a period. */
  abstract holdersAmong(
    context: ContextId,
    first: number,
    last: number,
    period: Validity,
  ): Promise<Set<number>>;

  /** At most `limit` changes behind a place, in their order, and none in a block behind `through`. */
  abstract changes(
    context: ContextId,
    after: MappingChangePlace,
    through: number,
    limit: number,
  ): Promise<RecordedMappingChange[]>;

  /**
   * At most `limit` versions with an id below `before` of the mappings of some customers, of whatever became of them
   * and the customers; the newest first.
   *
   * @param mappingId only those of this mapping; undefined = of all
   */
  abstract history(
    context: ContextId,
    customerIds: readonly number[],
    mappingId: number | undefined,
    before: number,
    limit: number,
  ): Promise<RecordedVersion<RecordedMapping>[]>;

  /** The last block that any change is placed in, of whatever context. */
  abstract lastBlock(): Promise<number>;

  /**
   * Deletes the mappings of customers that are gone, with all their versions, if all of those are sealed in blocks up to
   * `throughBlock`.
   *
   * @returns the customers that have no mappings any more
   */
  abstract purgeOf(customers: readonly GoneCustomer[], throughBlock: number): Promise<GoneCustomer[]>;

  /**
   * Deletes all versions of mappings whose deletion is sealed in a block up to `throughBlock`.
   *
   * @param after where to begin, by the id of a version
   * @param limit how many mappings at most
   * @returns how many, and where to go on; undefined = that was all
   */
  abstract purgeDeleted(
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ mappings: number; next: number | undefined }>;
}
