import type { ContextId } from '../../identity/domain/principal.js';
import type { Moment, RecordedMapping } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';

/** Finds the mappings that hold an address or a network. */
export abstract class HoldingRepository {
  /**
   * For each moment, all mappings that hold its address then. They have the same holder.
   *
   * @param recordedAt what the register said at this instant, Unix milliseconds; undefined = now
   */
  abstract holding(
    context: ContextId,
    moments: readonly Moment[],
    recordedAt?: number,
  ): Promise<RecordedMapping[][]>;

  /** Every mapping that holds an address within a period, in order of time. */
  abstract historyOf(context: ContextId, address: IpAddress, period: Validity): Promise<RecordedMapping[]>;

  /** The mappings that overlap a network and a period, by ascending first address, in batches. */
  abstract within(
    context: ContextId,
    network: IpNetwork,
    period: Validity,
  ): AsyncGenerator<RecordedMapping[]>;

  /** The customers with ids from `first` through `last` that hold any address within a period. */
  abstract holdersAmong(
    context: ContextId,
    first: number,
    last: number,
    period: Validity,
  ): Promise<Set<number>>;
}
