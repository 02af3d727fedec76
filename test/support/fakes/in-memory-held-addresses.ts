import type { ContextId } from '../../../src/identity/domain/principal.js';
import { HeldAddresses } from '../../../src/ip-mappings/application/held-addresses.js';
import type { Moment, RecordedMapping } from '../../../src/ip-mappings/domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../../../src/ip-mappings/domain/ip-network.js';
import type { Validity } from '../../../src/ip-mappings/domain/validity.js';
import { inBatches, type InMemoryStore } from './in-memory-store.js';

export class InMemoryHeldAddresses extends HeldAddresses {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async holding(
    context: ContextId,
    moments: readonly Moment[],
    recordedAt?: number,
  ): Promise<RecordedMapping[][]> {
    const known =
      recordedAt === undefined ? this.store.mappingsOf(context) : this.knownAt(context, recordedAt);
    return moments.map(({ address, second }) =>
      known.filter(({ network, validity }) => network.holds(address) && validity.holds(second)),
    );
  }

  async historyOf(context: ContextId, address: IpAddress, period: Validity): Promise<RecordedMapping[]> {
    return this.store
      .mappingsOf(context)
      .filter(({ network, validity }) => network.holds(address) && validity.overlaps(period))
      .sort((a, b) => a.validity.from - b.validity.from || a.id - b.id);
  }

  async *within(context: ContextId, network: IpNetwork, period: Validity): AsyncGenerator<RecordedMapping[]> {
    const found = this.store
      .mappingsOf(context)
      .filter((mapping) => mapping.network.overlaps(network) && mapping.validity.overlaps(period))
      .sort((a, b) => a.network.first.compare(b.network.first));
    yield* inBatches(found);
  }

  async holdersAmong(
    context: ContextId,
    first: number,
    last: number,
    period: Validity,
  ): Promise<Set<number>> {
    const found = this.store.mappingsOf(context).filter(({ validity }) => validity.overlaps(period));
    return new Set(found.map(({ customerId }) => customerId).filter((id) => id >= first && id <= last));
  }

  private knownAt(context: ContextId, recordedAt: number): RecordedMapping[] {
    const known = this.store.rows.mappingVersions
      .filter((row) => row.context === context && row.mapping.updatedAt <= recordedAt)
      .sort((a, b) => a.mapping.updatedAt - b.mapping.updatedAt);
    return known
      .filter((row) => known.findLast(({ mapping }) => mapping.id === row.mapping.id) === row)
      .filter(({ change }) => change !== 'deleted')
      .map(({ mapping }) => mapping);
  }
}
