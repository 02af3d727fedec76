import type { ContextId, Principal } from '../../access/application/principal.js';
import type { IpMapping, IpMappingDetails } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';

/** A mapping that is in the register, in the version that it is in. */
export interface RecordedMapping extends IpMapping {
  /** Since when it is known in this version: Unix milliseconds, greater in every later version. */
  readonly updatedAt: number;
}

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

export type MappingChange = 'created' | 'updated' | 'deleted';

/** The mappings of all customers, and every state that they were in. Writes exist inside `Transactions.run` alone. */
export abstract class IpMappingRepository {
  /**
   * Has all who change mappings of the context wait for this transaction, on a cluster too. To be called before
   * anything is read: what is read first settles what the transaction sees.
   *
   * @see docs/architecture.md
   */
  abstract guard(context: ContextId): Promise<void>;

  /** All mappings of a customer, by ascending id. Inside a transaction that guards, as they are now. */
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
  abstract insertVersion(by: Principal, change: MappingChange, mapping: RecordedMapping): Promise<void>;

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
   * Every mapping that holds an address at a second, which is of one customer.
   *
   * @param recordedAt as the register had them at this time, Unix milliseconds; undefined = now
   */
  abstract holding(
    context: ContextId,
    address: IpAddress,
    second: number,
    recordedAt?: number,
  ): Promise<RecordedMapping[]>;

  /** Every mapping that holds an address within a period, by the time from which it does. */
  abstract historyOf(context: ContextId, address: IpAddress, period: Validity): Promise<RecordedMapping[]>;

  /** The mappings within a network and a period, by ascending first address, a batch at a time. */
  abstract within(
    context: ContextId,
    network: IpNetwork,
    period: Validity,
  ): AsyncGenerator<RecordedMapping[]>;
}
