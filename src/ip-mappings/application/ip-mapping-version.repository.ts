import type { DeletedCustomer } from '../../customers/domain/customer.js';
import type { ContextId, Principal } from '../../identity/domain/principal.js';
import type { ChangeMade, RecordedVersion } from '../../versions/domain/version.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';

/** The versions of mappings. Writes need `Transactions.run`. */
export abstract class IpMappingVersionRepository {
  /** Adds the versions that a change of many mappings made; of a deletion, the last state of each. */
  abstract insert(by: Principal, change: ChangeMade, mappings: readonly RecordedMapping[]): Promise<void>;

  /**
   * At most `limit` versions with an id below `before`, the newest first, of all mappings that these customers have or
   * had. Customers and mappings may be deleted.
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
   * Deletes the mappings of deleted customers with all their versions, if those are all sealed in blocks up to
   * `throughBlock`.
   *
   * @returns the customers that have no mappings left
   */
  abstract purgeOf(customers: readonly DeletedCustomer[], throughBlock: number): Promise<DeletedCustomer[]>;

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
