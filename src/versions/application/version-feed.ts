import type { ContextId } from '../../identity/domain/principal.js';
import type { FeedPlace, SealedChange } from '../domain/version.js';

/** The sealed versions of customers, or of mappings, in the order of their sealing. */
export abstract class VersionFeed<State> {
  /** At most `limit` changes after a place, in order, from blocks up to `through`. */
  abstract changes(
    context: ContextId,
    after: FeedPlace,
    through: number,
    limit: number,
  ): Promise<SealedChange<State>[]>;

  /** The last block that seals a version of this kind, in any context; 0 = none. */
  abstract lastBlock(): Promise<number>;
}
