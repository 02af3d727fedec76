import type { DeletedCustomer } from '../../customers/domain/customer.js';
import type { ContextId, Principal } from '../../identity/domain/principal.js';
import type { ChangeMade, RecordedVersion } from '../../versions/domain/version.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';

/** Every version of the mappings of a context. Call writes inside `Transactions.run` only. */
export abstract class IpMappingVersionRepository {
  /** Adds a version of each mapping: its state after the change, or before it for a deletion. */
  abstract insert(by: Principal, change: ChangeMade, mappings: readonly RecordedMapping[]): Promise<void>;

  /**
   * At most `limit` versions with an id below `before`, newest first, of all mappings of these customers, including
   * deleted customers and mappings.
   *
   * @param mappingId only versions of this mapping; undefined = of all
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
   * Deletes all versions of at most `limit` mappings whose deletion is sealed in a block up to `throughBlock`.
   *
   * @param after begin after the version with this id
   * @returns `mappings`: how many; `next`: the `after` of the next call, undefined = there are no more
   */
  abstract purgeDeleted(
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ mappings: number; next: number | undefined }>;
}
