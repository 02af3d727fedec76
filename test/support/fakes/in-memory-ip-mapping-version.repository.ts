import { recorderOf } from '../principal.js';
import type { DeletedCustomer } from '../../../src/customers/domain/customer.js';
import type { ContextId, Principal } from '../../../src/identity/domain/principal.js';
import { IpMappingVersionRepository } from '../../../src/ip-mappings/application/ip-mapping-version.repository.js';
import type { RecordedMapping } from '../../../src/ip-mappings/domain/ip-mapping.js';
import { versionOf, type ChangeMade, type RecordedVersion } from '../../../src/versions/domain/version.js';
import { statesBefore, type InMemoryStore } from './in-memory-store.js';

export class InMemoryIpMappingVersionRepository extends IpMappingVersionRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async insert(by: Principal, change: ChangeMade, mappings: readonly RecordedMapping[]): Promise<void> {
    const { draft } = this.store;
    const present = new Set(draft.mappingVersions.map(({ mapping }) => versionOf(mapping)));
    for (const mapping of mappings) {
      if (present.has(versionOf(mapping))) throw new Error('the mapping already has a version of this time');
      present.add(versionOf(mapping));
      draft.mappingVersions.push({
        id: ++draft.lastId,
        context: by.context,
        change,
        mapping,
        by: recorderOf(by),
        block: null,
      });
    }
  }

  async history(
    context: ContextId,
    customerIds: readonly number[],
    mappingId: number | undefined,
    before: number,
    limit: number,
  ): Promise<RecordedVersion<RecordedMapping>[]> {
    const { mappingVersions } = this.store.rows;
    const replaced = statesBefore(mappingVersions.map(({ mapping }) => mapping));
    return mappingVersions
      .filter((row) => row.context === context && row.id < before)
      .filter(({ mapping }) => customerIds.includes(mapping.customerId))
      .filter(({ mapping }) => mapping.id === (mappingId ?? mapping.id))
      .toReversed()
      .slice(0, limit)
      .map(({ id, change, mapping: state, by }) => ({
        id,
        change,
        state,
        ...by,
        before: replaced.get(state),
      }));
  }

  async purgeOf(customers: readonly DeletedCustomer[], throughBlock: number): Promise<DeletedCustomer[]> {
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
}
