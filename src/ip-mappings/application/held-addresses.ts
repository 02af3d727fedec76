import { Injectable } from '@nestjs/common';
import type { ContextId } from '../../identity/domain/principal.js';
import { mostSpecific, type Moment, type RecordedMapping } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';
import { HoldingRepository } from './holding.repository.js';

/** Offers other features the mappings that hold an address or a network. */
@Injectable()
export class HeldAddresses {
  constructor(private readonly holdings: HoldingRepository) {}

  /**
   * The most specific mapping at each moment; undefined = nobody held the address.
   *
   * @param recordedAt what the register said at this instant, Unix milliseconds; undefined = now
   */
  async at(
    context: ContextId,
    moments: readonly Moment[],
    recordedAt: number | undefined,
  ): Promise<(RecordedMapping | undefined)[]> {
    return (await this.holdings.holding(context, moments, recordedAt)).map(mostSpecific);
  }

  /** Every mapping that holds an address within a period, in order of time. */
  historyOf(context: ContextId, address: IpAddress, period: Validity): Promise<RecordedMapping[]> {
    return this.holdings.historyOf(context, address, period);
  }

  /** The mappings that overlap a network and a period, by ascending first address, in batches. */
  within(context: ContextId, network: IpNetwork, period: Validity): AsyncGenerator<RecordedMapping[]> {
    return this.holdings.within(context, network, period);
  }

  /** The customers with ids from `first` through `last` that hold any address within a period. */
  holdersAmong(context: ContextId, first: number, last: number, period: Validity): Promise<Set<number>> {
    return this.holdings.holdersAmong(context, first, last, period);
  }
}
