import type { GoneCustomer } from '../../customers/domain/customer.js';
import type { ContextId, Principal } from '../../identity/domain/principal.js';
import type { ChangeMade, RecordedVersion } from '../../versions/domain/version.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';

/** Every state that mappings were in. Writes exist inside `Transactions.run` alone. */
export abstract class IpMappingVersionRepository {
  /** Keeps a state that a mapping came to be in; of a deletion, the one that it was in. */
  abstract insert(by: Principal, change: ChangeMade, mapping: RecordedMapping): Promise<void>;

  /**
   * At most `limit` versions with an id below `before` of the mappings of some customers, of whatever became of them
   * and the customers; the newest first.
   *
   * @param mappingId only those of this mapping; undefined = of all
   */
  abstract history(
    context: ContextId,
    customerIds: readonly number[],
    mappingId: number | undefined,
    before: number,
    limit: number,
  ): Promise<RecordedVersion<RecordedMapping>[]>;

  /**
   * Deletes the mappings of customers that are gone, with all their versions, if all of those are sealed in blocks up to
   * `throughBlock`.
   *
   * @returns the customers that have no mappings any more
   */
  abstract purgeOf(customers: readonly GoneCustomer[], throughBlock: number): Promise<GoneCustomer[]>;

  /**
   * Deletes all versions of mappings whose deletion is sealed in a block up to `throughBlock`.
   *
   * @param after where to begin, by the id of a version
   * @param limit how many mappings at most
   * @returns how many, and where to go on; undefined = that was all
   */
  abstract purgeDeleted(
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ mappings: number; next: number | undefined }>;
}
