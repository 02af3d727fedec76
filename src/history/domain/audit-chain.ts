import { createHash } from 'node:crypto';
import { HISTORY_ACTIONS, digestOf, type AuditEntry, type RecordedEntry } from './audit-entry.js';

/** A link of the chain: it holds for its entries, and for all blocks before it. */
export interface Block {
  /** From 1 on, without a gap. */
  readonly number: number;
  /** Unix milliseconds. */
  readonly sealedAt: number;
  /** The digests of its entries, 32 bytes each, by ascending id. */
  readonly digests: Buffer;
  /** The digests of its versions, table by table; null = it was sealed before versions were. */
  readonly versionDigests: Buffer | null;
  /** In hexadecimal. */
  readonly hash: string;
}

/**
 * A row of a table whose rows are added and never changed, sealed with the audit trail: of what the register says
 * of the past, nothing can be changed unseen.
 */
export interface SealedVersion {
  readonly table: string;
  readonly id: number;
  readonly digest: Buffer;
  /** When it says that it was recorded, Unix milliseconds. */
  readonly at: number;
  /** Whether it names who recorded it; those that were there before there were versions do not, and come first. */
  readonly hasAuthor: boolean;
}

/** A block, and what is there still of what it sealed. */
export interface SealedBlock {
  readonly block: Block;
  readonly entries: readonly RecordedEntry[];
  readonly versions: readonly SealedVersion[];
}

/** What is kept elsewhere, to prove later that nothing behind it was rewritten or cut off. */
export type Head = Pick<Block, 'number' | 'hash'>;

export const DIGEST_BYTES = 32;
/**
 * Entries in a block, at most, and likewise versions. A column takes the digests of four times as many; of a thousand ids
 * and more, MariaDB makes a join, which locks what it reads.
 */
export const MAX_SEALED = 500;

/** The block that seals `entries`, by ascending id, and `versions` behind `last`. */
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
  // Where the one kind ends and the other begins is sealed too.
  hash.update(`v2 ${before} ${number} ${sealedAt} ${digests.length} `);
  return hash.update(digests).update(versionDigests).digest('hex');
}

export const FAULTS = [
  ...(['edited', 'removed', 'inserted', 'reordered', 'cut_off', 'block_changed'] as const),
  'misdated', // of a time at which it can't have been recorded
  'register_changed', // what there is now is not what the last versions say
] as const;

export interface Fault {
  readonly fault: (typeof FAULTS)[number];
  /** null = what there is now, which no block holds. */
  readonly block: number | null;
  /** The id of the entry at fault; of a removed one, of the entry before it. null = the message tells. */
  readonly entry: number | null;
  /** In words. */
  readonly message: string;
}

export interface Verdict {
  /** The first place where the record is not what was sealed; undefined = nowhere. */
  readonly fault: Fault | undefined;
  readonly blocks: number;
  /** How many entries are there. */
  readonly entries: number;
  /** How many versions are there. */
  readonly versions: number;
  /** The last block that was sealed before versions were, which may be changed unseen; 0 = none was. */
  readonly unsealedVersions: number;
  /** The last block whose entries are gone; 0 = none is. */
  readonly purged: number;
  /** The last purge that is on record: what it may have removed is not missed. */
  readonly purge: Purge | undefined;
  /** Of the last block; undefined = there is none. */
  readonly head: Head | undefined;
  /** undefined = it can't be told, as where a file is verified. */
  readonly unsealed: Unsealed | undefined;
}

/** What an entry tells of a purge. */
export interface Purge {
  /** The id of the entry. */
  readonly entry: number;
  /** The last block that it may have taken something of. */
  readonly throughBlock: number;
  /** Unix milliseconds: such blocks were sealed earlier. */
  readonly before: number;
  /** How long the register had to be able to answer; null = it was not told, before versions were sealed. */
  readonly retentionDays: number | null;
}

/** What whoever verifies knows besides the record itself. */
export interface Verifier {
  /** Unix milliseconds. */
  readonly now: number;
  /** How many days the register must be able to answer for. */
  readonly retentionDays: number;
  /** A head that was read out before and kept elsewhere. */
  readonly kept?: Head | undefined;
}

/** What was found besides the blocks. */
export interface Remainder {
  /** Of the rows that no block holds, one that names the last block. */
  readonly stray?: Stray | undefined;
  readonly differing?: Differing | undefined;
  /** What waits to be sealed. */
  readonly unsealed?: Unsealed | undefined;
}

/** A row that belongs to a block that was not read. */
export interface Stray {
  readonly table: string;
  readonly id: number;
  readonly block: number;
}

/** A row that is there now, or is not, other than its last version says. */
export interface Differing {
  readonly table: string;
  readonly id: number;
  readonly isMissing: boolean;
}

/** Entries and versions that are in no block yet. */
export interface Unsealed {
  readonly rows: number;
  /** When the first of them was recorded, Unix milliseconds; undefined = there is none. */
  readonly since: number | undefined;
}

const DAY_MS = 86_400_000;
/** By how much the clocks of those who record, seal, purge and verify may differ, and how long a transaction may take. */
const CLOCK_SKEW_MS = 3_600_000;

/** Recomputes the chain, block by block from the first on. */
export class ChainCheck {
  private fault: Fault | undefined;
  /** A clock may have been wrong: no other fault must be hidden by it. */
  private misdated: Fault | undefined;
  private last: Block | undefined;
  private entries = 0;
  private versions = 0;
  /** The last of the blocks that have no entries any more; they come first. */
  private emptied: Block | undefined;
  /** The first and the last of the blocks that miss a version. */
  private incomplete: { readonly first: Block; readonly last: Block } | undefined;
  /** The last block that was sealed before versions were. */
  private old = 0;
  private hasSeenAuthor = false;
  /** When the last block that was not full was sealed: nothing that was committed before waited any longer. */
  private caughtUpAt = -Infinity;
  private purge: Purge | undefined;

  constructor(private readonly verifier: Verifier) {}

  /**
   * @param entries those that are there still, by ascending id
   * @param versions likewise; undefined = they are not at hand, as where a file is verified
   */
  add(block: Block, entries: readonly RecordedEntry[], versions?: readonly SealedVersion[]): void {
    this.fault ??= this.faultIn(block, entries) ?? this.faultAmongVersions(block, versions);
    this.misdated ??= this.faultOfTime(block, entries, versions);
    if (!isFull(block)) this.caughtUpAt = block.sealedAt;
    this.last = block;
    if (block.versionDigests === null) this.old = block.number;
    this.entries += entries.length;
    this.versions += versions?.length ?? 0;
    for (const entry of entries) {
      const purge =
        entry.action === HISTORY_ACTIONS.purgeStarted ? purgeOf(block, entry, this.verifier) : undefined;
      if (purge === undefined || purge.throughBlock < this.purgedThrough()) continue;
      // One that was forged may name blocks that were sealed later than it says.
      if (
        !this.gone().some(({ number, sealedAt }) => number <= purge.throughBlock && sealedAt >= purge.before)
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
    // What was cut off may have been the record of the purge.
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
      unsealedVersions: this.old,
      purged: this.emptied?.number ?? 0,
      purge: this.purge,
      head: this.last && { number: this.last.number, hash: this.last.hash },
      unsealed,
    };
  }

  private faultIn(block: Block, entries: readonly RecordedEntry[]): Fault | undefined {
    const expected = (this.last?.number ?? 0) + 1;
    const at = (fault: Fault['fault'], message: string, entry: number | null = null): Fault => ({
      ...{ fault, block: block.number, entry, message },
    });
    if (block.number !== expected) {
      return { ...at('removed', `Block ${expected} is missing`), block: expected };
    }
    const isOldAgain = block.versionDigests === null && this.old !== block.number - 1;
    if (isOldAgain || !isWhole(block) || hashOf(block, this.last?.hash ?? '') !== block.hash) {
      return at('block_changed', `Block ${block.number} is not what was sealed`);
    }
    const { kept } = this.verifier;
    if (kept?.number === block.number && kept.hash !== block.hash) {
      return at('block_changed', `Block ${block.number} is not the one that was kept: it was rewritten`);
    }
    if (block.sealedAt < (this.last?.sealedAt ?? 0)) {
      return at('block_changed', `Block ${block.number} can't have been sealed when it says that it was`);
    }
    if (entries.length === 0 && block.digests.length > 0 && this.entries === 0) {
      this.emptied = block; // whether they may be gone shows at the end
      return undefined;
    }
    return faultAmong(entries, digestsIn(block.digests), at);
  }

  private faultAmongVersions(block: Block, versions?: readonly SealedVersion[]): Fault | undefined {
    if (block.versionDigests === null || versions === undefined) return undefined;
    const missing = new Set(digestsIn(block.versionDigests));
    const other = versions.filter(({ digest }) => !missing.delete(digest.toString('hex')))[0];
    if (other === undefined) {
      // Whether it may be shows at the end.
      if (missing.size > 0) this.incomplete = { first: this.incomplete?.first ?? block, last: block };
      return undefined;
    }
    const fault = missing.size > 0 ? 'edited' : 'inserted';
    const what = fault === 'edited' ? 'is not what was sealed' : 'was not there when it was sealed';
    const message = `Row ${other.id} of ${other.table} ${what}`;
    return { fault, block: block.number, entry: null, message };
  }

  /** What was recorded long before a block that was not full was sealed would be in that, or in an earlier one. */
  private faultOfTime(
    block: Block,
    entries: readonly RecordedEntry[],
    versions: readonly SealedVersion[] = [],
  ): Fault | undefined {
    const earliest = this.caughtUpAt - CLOCK_SKEW_MS;
    const isMisdated = ({ at }: { readonly at: number }): boolean =>
      !(at >= earliest && at <= block.sealedAt + CLOCK_SKEW_MS);
    const entry = entries.find(isMisdated);
    const version = versions.find((one) => (one.hasAuthor || this.hasSeenAuthor) && isMisdated(one));
    this.hasSeenAuthor ||= versions.some(({ hasAuthor }) => hasAuthor);
    const isOfFuture = block.sealedAt > this.verifier.now + CLOCK_SKEW_MS;
    if (entry === undefined && version === undefined && !isOfFuture) return undefined;
    const ofVersion = version && `Row ${version.id} of ${version.table}`;
    const what = entry === undefined ? (ofVersion ?? `Block ${block.number}`) : `Entry ${entry.id}`;
    const message = `${what} can't have been recorded when it says that it was: it was put there later, or a clock was wrong`;
    return { fault: 'misdated', block: block.number, entry: entry?.id ?? null, message };
  }

  private faultOfPurge(): Fault | undefined {
    const through = this.purgedThrough();
    const gone = this.gone().find(({ number }) => number > through);
    if (gone === undefined) return undefined;
    const [what, block] = gone === this.emptied ? ['The entries', through + 1] : ['Versions', gone.number];
    const { retentionDays } = this.verifier;
    const message =
      `${what} of block ${block} are gone, and no purge is on record that may have removed them` +
      `, where ${retentionDays} days must be kept`;
    return { fault: 'removed', block, entry: null, message };
  }

  /** Blocks of which something is gone, the first and the last of each kind. */
  private gone(): Block[] {
    const { first, last } = this.incomplete ?? {};
    return [this.emptied, first, last].filter((block) => block !== undefined);
  }

  private purgedThrough(): number {
    return this.purge?.throughBlock ?? 0;
  }

  private faultAtEnd(blocks: number, known: number): Fault | undefined {
    if (known <= blocks) return undefined;
    const message = `The chain ends at block ${blocks}: what came after it was cut off`;
    return { fault: 'cut_off', block: blocks + 1, entry: null, message };
  }
}

/** The first of the entries that is not what its block holds the digest of. */
function faultAmong(
  entries: readonly RecordedEntry[],
  sealed: readonly string[],
  at: (fault: Fault['fault'], message: string, entry: number | null) => Fault,
): Fault | undefined {
  const found = entries.map((entry) => digestOf(entry).toString('hex'));
  const differing = sealed.findIndex((digest, n) => digest !== found[n]);
  const n = differing < 0 ? sealed.length : differing;
  const [entry, before] = [entries[n], entries[n - 1]?.id ?? null];
  if (entry === undefined) {
    return differing < 0 ? undefined : at('removed', `An entry was removed behind entry ${before}`, before);
  }
  const isSealed = differing >= 0 && sealed.includes(found[n] ?? '');
  const isThere = differing < 0 || found.includes(sealed[n] ?? '');
  if (isSealed && isThere) return at('reordered', `Entry ${entry.id} is in another's place`, entry.id);
  if (isSealed) return at('removed', `An entry was removed before entry ${entry.id}`, before);
  if (isThere) return at('inserted', `Entry ${entry.id} was not there when it was sealed`, entry.id);
  return at('edited', `Entry ${entry.id} is not what was sealed`, entry.id);
}

function inserted({ table, id, block }: Stray): Fault {
  const message = `Row ${id} of ${table} names block ${block}, which there is not`;
  return { fault: 'inserted', block, entry: table === 'audit_entries' ? id : null, message };
}

function registerChanged({ table, id, isMissing }: Differing): Fault {
  const what = isMissing
    ? 'is missing, though its last version says that it is there'
    : 'is not what its last version says';
  const message = `Row ${id} of ${table} ${what}: it was changed past the service`;
  return { fault: 'register_changed', block: null, entry: null, message };
}

function isFull({ digests, versionDigests }: Block): boolean {
  return Math.max(digests.length, versionDigests?.length ?? 0) >= MAX_SEALED * DIGEST_BYTES;
}

/** Whoever tampers with SQLite can put anything into a column. */
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

/** What an entry tells of a purge, unless it was put there later or was not lawful. */
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
  // Who forges one can name any retention: what must be kept today must be there, whatever it names.
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
    return {}; // whoever can forge an entry can forge this
  }
}
