import { Injectable } from '@nestjs/common';
import type { ContextId } from '../../access/application/principal.js';
import { gapsIn, type Gap } from '../domain/coverage.js';
import { mostSpecific } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';
import { IpMappingRepository, type Moment, type RecordedMapping } from './ip-mapping.repository.js';

export { IpAddress, IpNetwork } from '../domain/ip-network.js';
export { Validity } from '../domain/validity.js';
export type { Gap } from '../domain/coverage.js';

/** Which mapping holds an address, to features that ask for its holder. */
@Injectable()
export class HeldAddresses {
  constructor(private readonly mappings: IpMappingRepository) {}

  /**
   * The mapping that answers for each moment, the most specific one; undefined = nobody held the address.
   *
   * @param recordedAt as the register knew it at this time, Unix milliseconds; undefined = now
   */
  async at(
    context: ContextId,
    moments: readonly Moment[],
    recordedAt: number | undefined,
  ): Promise<(RecordedMapping | undefined)[]> {
    return (await this.mappings.holding(context, moments, recordedAt)).map(mostSpecific);
  }

  /** Every mapping that holds an address within a period, in order of time. */
  ever(context: ContextId, address: IpAddress, period: Validity): Promise<RecordedMapping[]> {
    return this.mappings.historyOf(context, address, period);
  }

  /** Which addresses of a network nobody held, and when, by ascending address. */
  gaps(context: ContextId, network: IpNetwork, period: Validity): AsyncGenerator<Gap> {
    return gapsIn(network, period, each(this.mappings.within(context, network, period)));
  }
}

async function* each<T>(batches: AsyncIterable<T[]>): AsyncGenerator<T> {
  for await (const batch of batches) yield* batch;
}
