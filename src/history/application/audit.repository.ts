import type { Block, Remainder, SealedBlock, SealedVersion } from '../domain/audit-chain.js';
import type { AuditEntry, AuditFilter, EntryPlace, RecordedEntry } from '../domain/audit-entry.js';

/** Call writes and locking reads inside `Transactions.run` only. */
export abstract class AuditRepository {
  /** Inserts unsealed entries. The first one proves the commit if the connection is lost during it. */
  abstract insert(entries: readonly AuditEntry[]): Promise<void>;

  /** Whether any entry or version is unsealed. */
  abstract hasUnsealed(): Promise<boolean>;

  /** At most `limit` unsealed entries, by ascending id. */
  abstract unsealed(limit: number): Promise<RecordedEntry[]>;

  /** At most `limit` unsealed versions, table by table, by ascending id. */
  abstract unsealedVersions(limit: number): Promise<SealedVersion[]>;

  /** The last block. Other callers wait until the transaction ends. */
  abstract lockHead(): Promise<Block | undefined>;

  /** Inserts a block and writes its number to the entries and versions that it seals. */
  abstract insertBlock(sealed: SealedBlock): Promise<void>;

  /** The last block. */
  abstract head(): Promise<Block | undefined>;

  /** At most `limit` entries, newest first. @param before the place to continue at; undefined = the newest */
  abstract page(filter: AuditFilter, before: EntryPlace | undefined, limit: number): Promise<RecordedEntry[]>;

  /**
   * All entries, newest first, in batches from a snapshot taken at the first batch.
   *
   * @param announce awaited with the number of entries before the first batch
   */
  abstract all(
    filter: AuditFilter,
    before: EntryPlace | undefined,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<RecordedEntry[]>;

  /**
   * Every block with its remaining entries and versions, from the first on, and then what the blocks don't cover, all
   * from one snapshot.
   */
  abstract chain(): AsyncGenerator<SealedBlock, Remainder>;

  /**
   * Deletes the entries of whole blocks up to `block`, oldest first.
   *
   * @param limit the most entries to delete; greater than the size of a block
   * @returns how many; 0 = none are left
   */
  abstract deleteThrough(block: number, limit: number): Promise<number>;
}
