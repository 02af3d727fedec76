import type { ContextId, Principal } from '../../../src/access/application/principal.js';
import type { GoneCustomer } from '../../../src/customers/application/customer-version.repository.js';
import {
  IpMappingRepository,
  MAX_AHEAD_MS,
  type ListedMapping,
  type MappingChangePlace,
  type Moment,
  type RecordedMapping,
  type RecordedMappingChange,
} from '../../../src/ip-mappings/application/ip-mapping.repository.js';
import {
  conflictsWith,
  isDuplicateOf,
  type IpMappingDetails,
} from '../../../src/ip-mappings/domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../../../src/ip-mappings/domain/ip-network.js';
import type { Validity } from '../../../src/ip-mappings/domain/validity.js';
import type { ChangeMade, RecordedVersion } from '../../../src/shared/version.js';
import type { InMemoryStore } from './in-memory-store.js';

export class InMemoryIpMappingRepository extends IpMappingRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async guard(context: ContextId, now: number): Promise<number> {
    const { guards } = this.store.draft; // one transaction at a time works on it anyway
    const last = guards.get(context) ?? 0;
    const at = last >= now && last < now + MAX_AHEAD_MS ? last + 1 : now;
    guards.set(context, at);
    return at;
  }

  async find(context: ContextId, customerId: number, id: number): Promise<RecordedMapping | undefined> {
    return (await this.ofCustomer(context, customerId)).find((mapping) => mapping.id === id);
  }

  lock(context: ContextId, customerId: number, id: number): Promise<RecordedMapping | undefined> {
    return this.find(context, customerId, id);
  }

  async ofCustomer(context: ContextId, customerId: number): Promise<RecordedMapping[]> {
    return this.present(context).filter((mapping) => mapping.customerId === customerId);
  }

  async conflicting(
    context: ContextId,
    mapping: Pick<IpMappingDetails, 'customerId' | 'network' | 'validity'>,
  ): Promise<RecordedMapping | undefined> {
    return this.present(context).find((other) => conflictsWith({ ...mapping, terminalId: '' }, other));
  }

  async insert(context: ContextId, mapping: Omit<RecordedMapping, 'id'>): Promise<number | undefined> {
    const { draft } = this.store;
    if (this.present(context).some((other) => isDuplicateOf(mapping, other))) return undefined;
    const id = ++draft.lastId;
    draft.mappings.push({ context, mapping: { id, ...mapping } });
    return id;
  }

  async update(context: ContextId, mapping: RecordedMapping): Promise<boolean> {
    const { mappings } = this.store.draft;
    const row = mappings.find((each) => each.context === context && each.mapping.id === mapping.id);
    if (row === undefined) return true;
    if (this.present(context).some((other) => isDuplicateOf(mapping, other))) return false;
    row.mapping = mapping;
    return true;
  }

  async delete(context: ContextId, id: number): Promise<void> {
    const { draft } = this.store;
    draft.mappings = draft.mappings.filter((row) => row.context !== context || row.mapping.id !== id);
  }

  async insertVersion(by: Principal, change: ChangeMade, mapping: RecordedMapping): Promise<void> {
    const { draft } = this.store;
    const { context, userName, tokenId, tokenLabel, address } = by;
    const { id, updatedAt } = mapping;
    if (draft.mappingVersions.some((row) => row.mapping.id === id && row.mapping.updatedAt === updatedAt)) {
      throw new Error('the mapping has a version of this time');
    }
    draft.mappingVersions.push({
      ...{ id: ++draft.lastId, context, change, mapping },
      by: { userName, tokenId, tokenLabel, address },
      block: null,
    });
  }

  async page(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    limit: number,
  ): Promise<ListedMapping[]> {
    return this.present(context)
      .filter((mapping) => customerId === undefined || mapping.customerId === customerId)
      .filter(({ id }) => id > after)
      .slice(0, limit)
      .map(({ network, validity: { from, to }, id, customerId: holder, terminalId }) => ({
        ...{ id, customerId: holder, ipSubnet: network.text, from, to, terminalId },
      }));
  }

  async *all(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<ListedMapping[]> {
    const found = await this.page(context, customerId, after, Infinity);
    await announce(found.length);
    yield* inBatches(found);
  }

  async holding(
    context: ContextId,
    moments: readonly Moment[],
    recordedAt?: number,
  ): Promise<RecordedMapping[][]> {
    const known = recordedAt === undefined ? this.present(context) : this.knownAt(context, recordedAt);
    return moments.map(({ address, second }) =>
      known.filter(({ network, validity }) => network.holds(address) && validity.holds(second)),
    );
  }

  async historyOf(context: ContextId, address: IpAddress, period: Validity): Promise<RecordedMapping[]> {
    return this.present(context)
      .filter(({ network, validity }) => network.holds(address) && validity.overlaps(period))
      .sort((a, b) => a.validity.from - b.validity.from || a.id - b.id);
  }

  async *within(context: ContextId, network: IpNetwork, period: Validity): AsyncGenerator<RecordedMapping[]> {
    const found = this.present(context)
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
    const found = this.present(context).filter(({ validity }) => validity.overlaps(period));
    return new Set(found.map(({ customerId }) => customerId).filter((id) => id >= first && id <= last));
  }

  async changes(
    context: ContextId,
    after: MappingChangePlace,
    through: number,
    limit: number,
  ): Promise<RecordedMappingChange[]> {
    return this.store.rows.mappingVersions
      .filter((row) => row.context === context)
      .flatMap(({ id, block, change, mapping }) => (block === null ? [] : [{ block, id, change, mapping }]))
      .filter(({ block, id }) => block > after.block || (block === after.block && id > after.id))
      .filter(({ block }) => block <= Math.max(through, after.block))
      .sort((a, b) => a.block - b.block || a.id - b.id)
      .slice(0, limit);
  }

  async history(
    context: ContextId,
    customerIds: readonly number[],
    mappingId: number | undefined,
    before: number,
    limit: number,
  ): Promise<RecordedVersion<RecordedMapping>[]> {
    const { mappingVersions } = this.store.rows;
    return mappingVersions
      .filter((row) => row.context === context && row.id < before)
      .filter(({ mapping }) => customerIds.includes(mapping.customerId))
      .filter(({ mapping }) => mapping.id === (mappingId ?? mapping.id))
      .toReversed()
      .slice(0, limit)
      .map(({ id, change, mapping: state, by }) => ({
        ...{ id, change, state, ...by },
        before: mappingVersions
          .map(({ mapping }) => mapping)
          .filter((other) => other.id === state.id && other.updatedAt < state.updatedAt)
          .sort((a, b) => a.updatedAt - b.updatedAt)
          .at(-1),
      }));
  }

  async lastBlock(): Promise<number> {
    return Math.max(0, ...this.store.rows.mappingVersions.map(({ block }) => block ?? 0));
  }

  async purgeOf(customers: readonly GoneCustomer[], throughBlock: number): Promise<GoneCustomer[]> {
    const { draft } = this.store;
    return customers.filter(({ context, id }) => {
      const isOf = (row: { context: ContextId; mapping: RecordedMapping }): boolean =>
        row.context === context && row.mapping.customerId === id;
      const ids = draft.mappings.filter(isOf).map(({ mapping }) => mapping.id);
      const versions = draft.mappingVersions.filter(({ mapping }) => ids.includes(mapping.id));
      if (versions.some(({ block }) => block === null || block > throughBlock)) return false;
      draft.mappings = draft.mappings.filter((row) => !isOf(row));
      draft.mappingVersions = draft.mappingVersions.filter((row) => !versions.includes(row));
      return true;
    });
  }

  async purgeDeleted(
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ mappings: number; next: number | undefined }> {
    const { draft } = this.store;
    const deletions = draft.mappingVersions
      .filter(({ id, change }) => id > after && change === 'deleted')
      .filter(({ block }) => block !== null && block <= throughBlock)
      .slice(0, limit);
    const ids = deletions.map(({ mapping }) => mapping.id);
    draft.mappingVersions = draft.mappingVersions.filter(({ mapping }) => !ids.includes(mapping.id));
    return { mappings: deletions.length, next: deletions.length < limit ? undefined : deletions.at(-1)?.id };
  }

  /** By ascending id, since that is how they were inserted. */
  private present(context: ContextId): RecordedMapping[] {
    return this.store.rows.mappings.filter((row) => row.context === context).map(({ mapping }) => mapping);
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

/** More than one, as soon as there is more than one. */
function* inBatches<T>([first, ...others]: T[]): Generator<T[]> {
  if (first !== undefined) yield [first];
  if (others.length > 0) yield others;
}
