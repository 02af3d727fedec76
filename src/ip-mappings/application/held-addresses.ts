import type { ContextId } from '../../identity/domain/principal.js';
import { mostSpecific, type Moment, type RecordedMapping } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';

/** The mappings that hold an address or a network, for other features too. */
export abstract class HeldAddresses {
  /**
   * The most specific mapping at each moment; undefined = nobody held the address.
   *
   * @param recordedAt what the register said at this instant, Unix milliseconds; undefined = now
   */
  async at(
    context: ContextId,
    moments: readonly Moment[],
    recordedAt?: number,
  ): Promise<(RecordedMapping | undefined)[]> {
    return (await this.holding(context, moments, recordedAt)).map(mostSpecific);
  }

  /** As `at`, but all mappings that hold the address at each moment. They have the same holder. */
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
