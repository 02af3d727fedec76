import { createHash } from 'node:crypto';
import { HISTORY_ACTIONS, digestOf, type AuditEntry, type RecordedEntry } from './audit-entry.js';

/** A link of the hash chain. Its hash covers its entries, its versions and all earlier blocks. */
export interface Block {
  /** Counts from 1, without gaps. */
  readonly number: number;
  /** Unix milliseconds. */
  readonly sealedAt: number;
  /** The digests of its entries, 32 bytes each, by ascending id. */
  readonly digests: Buffer;
  /** The digests of its versions, table by table; null = from before versions were sealed. */
  readonly versionDigests: Buffer | null;
  /** In hexadecimal. */
  readonly hash: string;
}

/**
 * A row of an append-only table of versions. Sealing it with the audit trail makes every later change to the history
 * detectable.
 */
export interface SealedVersion {
  readonly table: string;
  readonly id: number;
  readonly digest: Buffer;
  /** When it claims to have been recorded, in Unix milliseconds. */
  readonly at: number;
  /** Whether it has an author. Versions that a migration created have none, and come first. */
  readonly hasAuthor: boolean;
}

/** A block with the entries and versions that remain of those it sealed. */
export interface SealedBlock {
  readonly block: Block;
  readonly entries: readonly RecordedEntry[];
  readonly versions: readonly SealedVersion[];
}

/** Number and hash of a block, stored elsewhere to prove later that nothing up to it was rewritten or cut off. */
export type Head = Pick<Block, 'number' | 'hash'>;

export const DIGEST_BYTES = 32;
/**
 * The most entries, and the most versions, in a block. The columns have room for four times as many digests, but from
 * a thousand ids on, MariaDB turns the list into a join, which locks what it reads.
 */
export const MAX_SEALED = 500;

/** The block after `last` that seals `entries`, by ascending id, and `versions`. @param now Unix milliseconds */
export function seal(
  last: Block | undefined,
  entries: readonly AuditEntry[],
  versions: readonly SealedVersion[],
  now: number,
): Block {
  const block = {
    number: (last?.number ?? 0) + 1,
    sealedAt: Math.max(now, last?.sealedAt ?? 0), // the clocks of instances differ
    digests: Buffer.concat(entries.map(digestOf)),
    versionDigests: Buffer.concat(versions.map(({ digest }) => digest)),
  };
  return { ...block, hash: hashOf(block, last?.hash ?? '') };
}

function hashOf(block: Omit<Block, 'hash'>, before: string): string {
  const { number, sealedAt, digests, versionDigests } = block;
  const hash = createHash('sha256');
  if (versionDigests === null)
    return hash.update(`${before} ${number} ${sealedAt} `).update(digests).digest('hex');
  // Hash the length too, so that no digest can be moved from one kind to the other.
  hash.update(`v2 ${before} ${number} ${sealedAt} ${digests.length} `);
  return hash.update(digests).update(versionDigests).digest('hex');
}

export const FAULTS = [
  'edited',
  'removed',
  'inserted',
  'reordered',
  'cut_off',
  'block_changed',
  'misdated', // its time can't be true
  'register_changed', // a customer or mapping differs from its last version
] as const;

export interface Fault {
  readonly fault: (typeof FAULTS)[number];
  /** null = the fault is in the current customers and mappings, which no block contains. */
  readonly block: number | null;
  /** The id of the faulty entry, or of the entry before a removed one; null = see the message. */
  readonly entry: number | null;
  readonly message: string;
}

export interface Verdict {
  /** The first fault; undefined = everything is as it was sealed. */
  readonly fault: Fault | undefined;
  readonly blocks: number;
  /** The number of entries checked. */
  readonly entries: number;
  /** The number of versions checked. */
  readonly versions: number;
  /** The last block from before versions were sealed: changes to its versions go undetected. 0 = none. */
  readonly unsealedVersions: number;
  /** The last block whose entries were purged; 0 = none. */
  readonly purged: number;
  /** The last audited purge. What it could remove is not reported missing. */
  readonly purge: Purge | undefined;
  /** The last block; undefined = there is none. */
  readonly head: Head | undefined;
  /** undefined = unknown, as when verifying a file. */
  readonly unsealed: Unsealed | undefined;
}

/** A purge, as its audit entry describes it. */
export interface Purge {
  /** The id of the entry. */
  readonly entry: number;
  /** The last block from which it may have removed something. */
  readonly throughBlock: number;
  /** Unix milliseconds: these blocks were sealed earlier. */
  readonly before: number;
  /** RETENTION_DAYS at that time; null = unknown, from before versions were sealed. */
  readonly retentionDays: number | null;
}

/** What a verification knows besides the audit trail itself. */
export interface Verifier {
  /** Unix milliseconds. */
  readonly now: number;
  /** For how many days the register must keep its history. */
  readonly retentionDays: number;
  /** A head stored earlier. */
  readonly kept?: Head | undefined;
}

/** What was found outside the blocks. */
export interface Remainder {
  /** Of the rows that refer to a block that does not exist, one with the highest number. */
  readonly stray?: Stray | undefined;
  readonly differing?: Differing | undefined;
  readonly unsealed?: Unsealed | undefined;
}

/** A row that refers to a block that does not exist. */
export interface Stray {
  readonly table: string;
  readonly id: number;
  readonly block: number;
}

/** A current row that differs from its last version, or is missing. */
export interface Differing {
  readonly table: string;
  readonly id: number;
  readonly isMissing: boolean;
}

/** Entries and versions that no block seals yet. */
export interface Unsealed {
  readonly rows: number;
  /** When the first of them was recorded, in Unix milliseconds; undefined = there is none. */
  readonly since: number | undefined;
}

const DAY_MS = 86_400_000;
/** How far the clocks of instances may differ, plus how long a transaction may take. */
const CLOCK_SKEW_MS = 3_600_000;

/** Recomputes the chain, block by block from the first on. */
export class ChainCheck {
  private fault: Fault | undefined;
  /** Reported only without another fault, since it may be due to a wrong clock. */
  private misdated: Fault | undefined;
  private last: Block | undefined;
  private entries = 0;
  private versions = 0;
  /** The last of the leading blocks without entries. */
  private lastWithoutEntries: Block | undefined;
  /** The first and the last of the blocks that lack a version. */
  private incomplete: { readonly first: Block; readonly last: Block } | undefined;
  /** The last block from before versions were sealed. */
  private lastWithoutVersions = 0;
  private hasSeenAuthor = false;
  /** When the last block with free space was sealed: everything committed before is in it or in an earlier block. */
  private lastRoomAt = -Infinity;
  private purge: Purge | undefined;

  constructor(private readonly verifier: Verifier) {}

  /**
   * @param entries the remaining ones, by ascending id
   * @param versions likewise; undefined = unknown, as when verifying a file
   */
  add(block: Block, entries: readonly RecordedEntry[], versions?: readonly SealedVersion[]): void {
    this.fault ??= this.faultIn(block, entries) ?? this.faultAmongVersions(block, versions);
    this.misdated ??= this.faultOfTime(block, entries, versions);
    if (!isFull(block)) this.lastRoomAt = block.sealedAt;
    this.last = block;
    if (block.versionDigests === null) this.lastWithoutVersions = block.number;
    this.entries += entries.length;
    this.versions += versions?.length ?? 0;
    for (const entry of entries) {
      const purge =
        entry.action === HISTORY_ACTIONS.purgeStarted ? purgeOf(block, entry, this.verifier) : undefined;
      if (purge === undefined || purge.throughBlock < this.purgedThrough()) continue;
      // A forged entry may claim blocks that were sealed after its own `before`.
      if (
        !this.blocksWithMissingRows().some(
          ({ number, sealedAt }) => number <= purge.throughBlock && sealedAt >= purge.before,
        )
      ) {
        this.purge = purge;
      }
    }
  }

  finish({ stray, differing, unsealed }: Remainder = {}): Verdict {
    const blocks = this.last?.number ?? 0;
    const isBehindEnd = stray !== undefined && Number.isInteger(stray.block) && stray.block > blocks;
    const known = Math.max(isBehindEnd ? stray.block : 0, this.verifier.kept?.number ?? 0);
    const atEnd = this.faultAtEnd(blocks, known);
    // The entry about the purge may be among what was cut off.
    const ofPurge = atEnd === undefined ? this.faultOfPurge() : undefined;
    return {
      fault:
        ofPurge ??
        this.fault ??
        atEnd ??
        (stray && inserted(stray)) ??
        (differing && registerChanged(differing)) ??
        this.misdated,
      blocks,
      entries: this.entries,
      versions: this.versions,
      unsealedVersions: this.lastWithoutVersions,
      purged: this.lastWithoutEntries?.number ?? 0,
      purge: this.purge,
      head: this.last && { number: this.last.number, hash: this.last.hash },
      unsealed,
    };
  }

  private faultIn(block: Block, entries: readonly RecordedEntry[]): Fault | undefined {
    const expected = (this.last?.number ?? 0) + 1;
    const at = (fault: Fault['fault'], message: string, entry: number | null = null): Fault => ({
      fault,
      block: block.number,
      entry,
      message,
    });
    if (block.number !== expected) {
      return { ...at('removed', `Block ${expected} is missing`), block: expected };
    }
    const lacksVersionDigests =
      block.versionDigests === null && this.lastWithoutVersions !== block.number - 1;
    if (lacksVersionDigests || !isWhole(block) || hashOf(block, this.last?.hash ?? '') !== block.hash) {
      return at('block_changed', `Block ${block.number} was changed after it was sealed`);
    }
    const { kept } = this.verifier;
    if (kept?.number === block.number && kept.hash !== block.hash) {
      return at('block_changed', `Block ${block.number} differs from the stored head: it was rewritten`);
    }
    if (block.sealedAt < (this.last?.sealedAt ?? 0)) {
      return at('block_changed', `Block ${block.number} claims to be older than the block before it`);
    }
    if (entries.length === 0 && block.digests.length > 0 && this.entries === 0) {
      this.lastWithoutEntries = block; // a purge that allows it may come later
      return undefined;
    }
    return faultAmongEntries(entries, digestsIn(block.digests), at);
  }

  private faultAmongVersions(block: Block, versions?: readonly SealedVersion[]): Fault | undefined {
    if (block.versionDigests === null || versions === undefined) return undefined;
    const missing = new Set(digestsIn(block.versionDigests));
    const other = versions.filter(({ digest }) => !missing.delete(digest.toString('hex')))[0];
    if (other === undefined) {
      // A purge that allows it may come later.
      if (missing.size > 0) this.incomplete = { first: this.incomplete?.first ?? block, last: block };
      return undefined;
    }
    const fault = missing.size > 0 ? 'edited' : 'inserted';
    const what = fault === 'edited' ? 'changed' : 'inserted';
    const message = `Row ${other.id} of ${other.table} was ${what} after its block was sealed`;
    return { fault, block: block.number, entry: null, message };
  }

  /** An entry can't be much older than the last block with free space, or that block would contain it. */
  private faultOfTime(
    block: Block,
    entries: readonly RecordedEntry[],
    versions: readonly SealedVersion[] = [],
  ): Fault | undefined {
    const earliest = this.lastRoomAt - CLOCK_SKEW_MS;
    const isMisdated = ({ at }: { readonly at: number }): boolean =>
      !(at >= earliest && at <= block.sealedAt + CLOCK_SKEW_MS);
    const entry = entries.find(isMisdated);
    const version = versions.find((one) => (one.hasAuthor || this.hasSeenAuthor) && isMisdated(one));
    this.hasSeenAuthor ||= versions.some(({ hasAuthor }) => hasAuthor);
    const isInFuture = block.sealedAt > this.verifier.now + CLOCK_SKEW_MS;
    if (entry === undefined && version === undefined && !isInFuture) return undefined;
    const ofVersion = version && `Row ${version.id} of ${version.table}`;
    const what = entry === undefined ? (ofVersion ?? `Block ${block.number}`) : `Entry ${entry.id}`;
    const message = `${what} has a time that can't be true: it was inserted later, or a clock was wrong`;
    return { fault: 'misdated', block: block.number, entry: entry?.id ?? null, message };
  }

  private faultOfPurge(): Fault | undefined {
    const through = this.purgedThrough();
    const affected = this.blocksWithMissingRows().find(({ number }) => number > through);
    if (affected === undefined) return undefined;
    const [what, block] =
      affected === this.lastWithoutEntries ? ['The entries', through + 1] : ['Versions', affected.number];
    const { retentionDays } = this.verifier;
    const message =
      `${what} of block ${block} are missing, and no audited purge could remove them: ` +
      `${retentionDays} days must be kept`;
    return { fault: 'removed', block, entry: null, message };
  }

  /** Blocks that lack entries or versions: the last without entries, the first and the last that lack a version. */
  private blocksWithMissingRows(): Block[] {
    const { first, last } = this.incomplete ?? {};
    return [this.lastWithoutEntries, first, last].filter((block) => block !== undefined);
  }

  private purgedThrough(): number {
    return this.purge?.throughBlock ?? 0;
  }

  private faultAtEnd(blocks: number, known: number): Fault | undefined {
    if (known <= blocks) return undefined;
    const message = `The chain ends at block ${blocks}; later blocks were cut off`;
    return { fault: 'cut_off', block: blocks + 1, entry: null, message };
  }
}

/** The first entry that differs from the digests of its block. */
function faultAmongEntries(
  entries: readonly RecordedEntry[],
  sealed: readonly string[],
  at: (fault: Fault['fault'], message: string, entry: number | null) => Fault,
): Fault | undefined {
  const found = entries.map((entry) => digestOf(entry).toString('hex'));
  const differing = sealed.findIndex((digest, n) => digest !== found[n]);
  const n = differing < 0 ? sealed.length : differing;
  const [entry, before] = [entries[n], entries[n - 1]?.id ?? null];
  if (entry === undefined) {
    return differing < 0 ? undefined : at('removed', `An entry was removed after entry ${before}`, before);
  }
  const isSealed = differing >= 0 && sealed.includes(found[n] ?? '');
  const isPresent = differing < 0 || found.includes(sealed[n] ?? '');
  if (isSealed && isPresent)
    return at('reordered', `Entry ${entry.id} is in another entry's place`, entry.id);
  if (isSealed) return at('removed', `An entry was removed before entry ${entry.id}`, before);
  if (isPresent) {
    return at('inserted', `Entry ${entry.id} was inserted after its block was sealed`, entry.id);
  }
  return at('edited', `Entry ${entry.id} was changed after its block was sealed`, entry.id);
}

function inserted({ table, id, block }: Stray): Fault {
  const message = `Row ${id} of ${table} refers to block ${block}, which does not exist`;
  return { fault: 'inserted', block, entry: table === 'audit_entries' ? id : null, message };
}

function registerChanged({ table, id, isMissing }: Differing): Fault {
  const what = isMissing
    ? 'is missing, though its last version is not a deletion'
    : 'is not what its last version says';
  const message = `Row ${id} of ${table} ${what}: it was changed without the service`;
  return { fault: 'register_changed', block: null, entry: null, message };
}

function isFull({ digests, versionDigests }: Block): boolean {
  return Math.max(digests.length, versionDigests?.length ?? 0) >= MAX_SEALED * DIGEST_BYTES;
}

/** SQLite lets a tamperer put values of any type into a column. */
function isWhole({ number, sealedAt, digests, versionDigests }: Block): boolean {
  if (!Number.isSafeInteger(number) || !Number.isSafeInteger(sealedAt)) return false;
  return digests.length % DIGEST_BYTES === 0 && (versionDigests ?? '').length % DIGEST_BYTES === 0;
}

function digestsIn(digests: Buffer): string[] {
  const count = digests.length / DIGEST_BYTES;
  return Array.from({ length: count }, (_, n) =>
    digests.toString('hex', n * DIGEST_BYTES, (n + 1) * DIGEST_BYTES),
  );
}

/** The purge that an entry describes; undefined = the entry is not sealed, or the purge broke the retention. */
function purgeOf(
  block: Block,
  entry: RecordedEntry,
  { now, retentionDays: required }: Verifier,
): Purge | undefined {
  if (!digestsIn(block.digests).includes(digestOf(entry).toString('hex'))) return undefined;
  const { before: text, through_block: throughBlock, retention_days: days } = membersOf(entry.details);
  const before = typeof text === 'string' ? Date.parse(text) : NaN;
  const retentionDays = days ?? (block.versionDigests === null ? null : 0);
  if (!isWholeNumber(throughBlock) || throughBlock >= block.number) return undefined;
  if (retentionDays !== null && (!isWholeNumber(retentionDays) || retentionDays < 1)) return undefined;
  // A forged entry can claim any retention, so the retention of today must hold as well.
  const latest = Math.min(block.sealedAt - (retentionDays ?? 0) * DAY_MS, now - required * DAY_MS);
  if (Number.isNaN(before) || before > latest + CLOCK_SKEW_MS) return undefined;
  return { entry: entry.id, throughBlock, before, retentionDays };
}

function isWholeNumber(value: unknown): value is number {
  return Number.isInteger(value);
}

function membersOf(details: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(details) as object) };
  } catch {
    return {}; // a forged entry may have malformed details
  }
}
