import type { Block, Remainder, SealedBlock, SealedVersion } from '../domain/audit-chain.js';
import type { AuditEntry, AuditFilter, EntryPlace, RecordedEntry } from '../domain/audit-entry.js';

/** Writes, and what locks, exist inside `Transactions.run` alone. */
export abstract class AuditRepository {
  /** Keeps entries, unsealed. The transaction is known by the first of them, should its outcome get lost. */
  abstract insert(entries: readonly AuditEntry[]): Promise<void>;

  /** Whether there are entries or versions that are not sealed yet. */
  abstract hasUnsealed(): Promise<boolean>;

  /** At most `limit` entries that are not sealed yet, by ascending id. */
  abstract unsealed(limit: number): Promise<RecordedEntry[]>;

  /** At most `limit` versions that are not sealed yet, of every table by ascending id. */
  abstract unsealedVersions(limit: number): Promise<SealedVersion[]>;

  /** The last block; others who ask wait until the transaction ends. */
  abstract lockHead(): Promise<Block | undefined>;

  /** Keeps a block, and notes in what it seals that it does. */
  abstract insertBlock(sealed: SealedBlock): Promise<void>;

  /** The last block. */
  abstract head(): Promise<Block | undefined>;

  /** At most `limit` entries, the newest first. @param before where to go on; undefined = at the newest */
  abstract page(filter: AuditFilter, before: EntryPlace | undefined, limit: number): Promise<RecordedEntry[]>;

  /**
   * All of them in the same order, a batch at a time, as they stand when the first batch is asked for.
   *
   * @param announce told how many there are, before the first batch
   */
  abstract all(
    filter: AuditFilter,
    before: EntryPlace | undefined,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<RecordedEntry[]>;

  /**
   * Every block with what is left of it, from the first on; then what was found besides, all as of one moment.
   */
  abstract chain(): AsyncGenerator<SealedBlock, Remainder>;

  /**
   * Deletes the entries of whole blocks up to `block`, the first ones first: at most `limit` entries, which must be
   * more than a block has.
   *
   * @returns how many; 0 = none are left
   */
  abstract deleteThrough(block: number, limit: number): Promise<number>;
}
