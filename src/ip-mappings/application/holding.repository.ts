import type { ContextId } from '../../identity/domain/principal.js';
import type { Moment, RecordedMapping } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';

/** Finds the mappings that hold an address or a network. */
export abstract class HoldingRepository {
  /**
   * All mappings that hold the address at each moment; those of one moment have one holder.
   *
   * @param recordedAt what the register said at this instant, Unix milliseconds; undefined = now
   */
  abstract holding(
    context: ContextId,
    moments: readonly Moment[],
    recordedAt?: number,
  ): Promise<RecordedMapping[][]>;

  /** Every mapping that holds an address within a period, by its start. */
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
