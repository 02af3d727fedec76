import type { ContextId } from '../../../src/identity/domain/principal.js';
import {
  IpMappingRepository,
  MAX_AHEAD_MS,
  type ListedMapping,
} from '../../../src/ip-mappings/application/ip-mapping.repository.js';
import {
  NO_TERMINAL,
  conflictsWith,
  isDuplicateOf,
  type IpMappingDetails,
  type RecordedMapping,
} from '../../../src/ip-mappings/domain/ip-mapping.js';
import { inBatches, type InMemoryStore } from './in-memory-store.js';

export class InMemoryIpMappingRepository extends IpMappingRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async guard(context: ContextId, now: number): Promise<number> {
    const { guards } = this.store.draft; // transactions run one at a time anyway
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
    return this.store.mappingsOf(context).filter((mapping) => mapping.customerId === customerId);
  }

  async conflicting(
    context: ContextId,
    mapping: Pick<IpMappingDetails, 'customerId' | 'network' | 'validity'>,
  ): Promise<RecordedMapping | undefined> {
    return this.store
      .mappingsOf(context)
      .find((other) => conflictsWith({ ...mapping, terminalId: NO_TERMINAL }, other));
  }

  async insert(context: ContextId, mapping: Omit<RecordedMapping, 'id'>): Promise<number | undefined> {
    const { draft } = this.store;
    if (this.store.mappingsOf(context).some((other) => isDuplicateOf(mapping, other))) return undefined;
    const id = ++draft.lastId;
    draft.mappings.push({ context, mapping: { id, ...mapping } });
    return id;
  }

  async update(context: ContextId, mapping: RecordedMapping): Promise<boolean> {
    const { mappings } = this.store.draft;
    const row = mappings.find((each) => each.context === context && each.mapping.id === mapping.id);
    if (row === undefined) return true;
    if (this.store.mappingsOf(context).some((other) => isDuplicateOf(mapping, other))) return false;
    row.mapping = mapping;
    return true;
  }

  async delete(context: ContextId, id: number): Promise<void> {
    const { draft } = this.store;
    draft.mappings = draft.mappings.filter((row) => row.context !== context || row.mapping.id !== id);
  }

  async page(
    context: ContextId,
    customerId: number | undefined,
    after: number,
    limit: number,
  ): Promise<ListedMapping[]> {
    return this.store
      .mappingsOf(context)
      .filter((mapping) => customerId === undefined || mapping.customerId === customerId)
      .filter(({ id }) => id > after)
      .slice(0, limit)
      .map(({ network, validity: { from, to }, id, customerId: holder, terminalId }) => ({
        id,
        customerId: holder,
        ipSubnet: network.text,
        from,
        to,
        terminalId,
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
}
