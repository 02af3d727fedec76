import { createHash } from 'node:crypto';
import { digestOf, type AuditEntry, type RecordedEntry } from './audit-entry.js';

/** A link of the chain: it holds for its entries, and for all blocks before it. */
export interface Block {
  /** From 1 on, without a gap. */
  readonly number: number;
  /** Unix milliseconds. */
  readonly sealedAt: number;
  /** The digests of its entries, 32 bytes each, by ascending id. */
  readonly digests: Buffer;
  /** In hexadecimal. */
  readonly hash: string;
}

/** What is kept elsewhere, to prove later that nothing behind it was rewritten or cut off. */
export type Head = Pick<Block, 'number' | 'hash'>;

export const DIGEST_BYTES = 32;

/** The block that seals `entries`, by ascending id, behind `last`. */
export function seal(last: Block | undefined, entries: readonly AuditEntry[], now: number): Block {
  const block = {
    number: (last?.number ?? 0) + 1,
    sealedAt: Math.max(now, last?.sealedAt ?? 0), // the clocks of instances differ
    digests: Buffer.concat(entries.map(digestOf)),
  };
  return { ...block, hash: hashOf(block, last?.hash ?? '') };
}

function hashOf({ number, sealedAt, digests }: Omit<Block, 'hash'>, before: string): string {
  return createHash('sha256').update(`${before} ${number} ${sealedAt} `).update(digests).digest('hex');
}

export interface Fault {
  readonly fault: 'edited' | 'removed' | 'inserted' | 'reordered' | 'cut_off' | 'block_changed';
  readonly block: number;
  /** The id of the entry at fault; of a removed one, of the entry before it. null = the block as a whole. */
  readonly entry: number | null;
  /** In words. */
  readonly message: string;
}

export interface Verdict {
  /** The first place where the record is not what was sealed; undefined = nowhere. */
  readonly fault: Fault | undefined;
  readonly blocks: number;
  /** How many entries are there as they were sealed. */
  readonly entries: number;
  /** The last block whose entries were purged, and may be; 0 = none was. */
  readonly purged: number;
  /** Of the last block; undefined = there is none. */
  readonly head: Head | undefined;
}

/** Recomputes the chain, block by block from the first on. */
export class ChainCheck {
  private fault: Fault | undefined;
  private last: Head | undefined;
  private entries = 0;
  /** The last of the blocks that have no entries any more; they come first. */
  private emptied = 0;
  /** The last block that may have none, as the entries about purges tell. */
  private purged = 0;

  /** @param kept a head that was read out before and kept elsewhere */
  constructor(private readonly kept?: Head) {}

  /** @param entries those that are there still, by ascending id */
  add(block: Block, entries: readonly RecordedEntry[]): void {
    if (this.fault === undefined) this.fault = this.faultIn(block, entries);
    this.last = { number: block.number, hash: block.hash };
    this.entries += entries.length;
    for (const entry of entries) {
      if (entry.action !== 'purge.started' || !isSealedIn(block, entry)) continue;
      this.purged = Math.max(this.purged, throughBlock(entry));
    }
  }

  /** @param named the last block that any entry names */
  finish(named = 0): Verdict {
    const { number: blocks } = this.last ?? { number: 0 };
    return {
      fault:
        this.faultOfPurge() ?? this.fault ?? this.faultAtEnd(blocks, Math.max(named, this.kept?.number ?? 0)),
      blocks,
      entries: this.entries,
      purged: this.emptied,
      head: this.last,
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
    if (hashOf(block, this.last?.hash ?? '') !== block.hash) {
      return at('block_changed', `Block ${block.number} is not what was sealed`);
    }
    if (this.kept?.number === block.number && this.kept.hash !== block.hash) {
      return at('block_changed', `Block ${block.number} is not the one that was kept: it was rewritten`);
    }
    if (entries.length === 0 && this.emptied === block.number - 1) {
      this.emptied = block.number; // whether they may be gone shows at the end
      return undefined;
    }
    return faultAmong(entries, digestsIn(block), at);
  }

  private faultOfPurge(): Fault | undefined {
    if (this.emptied <= this.purged) return undefined;
    const block = this.purged + 1;
    const message = `The entries of block ${block} are gone, and no purge is on record that removed them`;
    return { fault: 'removed', block, entry: null, message };
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

function digestsIn({ digests }: Block): string[] {
  const count = digests.length / DIGEST_BYTES;
  return Array.from({ length: count }, (_, n) =>
    digests.toString('hex', n * DIGEST_BYTES, (n + 1) * DIGEST_BYTES),
  );
}

function isSealedIn(block: Block, entry: AuditEntry): boolean {
  return digestsIn(block).includes(digestOf(entry).toString('hex'));
}

/** What an entry about a purge names as the last block that may be emptied. */
function throughBlock({ details }: AuditEntry): number {
  const { through_block: block } = JSON.parse(details) as { through_block?: unknown };
  return typeof block === 'number' ? block : 0;
}
