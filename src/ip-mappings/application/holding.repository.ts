import type { ContextId } from '../../identity/domain/principal.js';
import type { Moment, RecordedMapping } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';

/** Which mappings hold an address or a network. Reads alone. */
export abstract class HoldingRepository {
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
}
