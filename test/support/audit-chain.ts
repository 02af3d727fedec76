import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';
import fc from 'fast-check';
import {
  ChainCheck,
  seal,
  type Block,
  type Fault,
  type Head,
  type SealedVersion,
  type Verdict,
  type Verifier,
} from '../../src/history/domain/audit-chain.js';
import type { AuditEntry, RecordedEntry } from '../../src/history/domain/audit-entry.js';

/** The database's content, all of which a tamperer can change. */
export interface Trail {
  readonly blocks: readonly Block[];
  readonly entries: readonly RecordedEntry[];
  readonly versions?: readonly PlacedVersion[];
}

export type PlacedVersion = SealedVersion & { readonly block: number };

/** Verifies a trail as the register does: block by block, each with the entries that refer to it. */
export function verify(
  { blocks, entries, versions = [] }: Trail,
  kept?: Head,
  besides: Partial<Verifier> = {},
): Verdict {
  const check = new ChainCheck({ ...VERIFIER, kept, ...besides });
  for (const block of blocks.toSorted((a, b) => a.number - b.number)) {
    const own = entries.filter((entry) => entry.block === block.number);
    check.add(
      block,
      own.toSorted((a, b) => a.id - b.id),
      versions.filter((version) => version.block === block.number),
    );
  }
  const strays = [
    ...entries.map(({ id, block }) => ({ table: 'audit_entries', id, block: block ?? 0 })),
    ...versions,
  ].filter((row) => row.block !== 0 && !blocks.some(({ number }) => number === row.block));
  return check.finish({ stray: strays.toSorted((a, b) => b.block - a.block)[0] });
}

export function expectFault(trail: Trail, fault: Partial<Fault>, kept?: Head): void {
  expect(verify(trail, kept).fault).toMatchObject(fault);
}

/** Leaves gaps between ids, for insertions. */
export const ID_STEP = 10;
export const DAY = 86_400_000;
export const HOUR = 3_600_000;
export const timeOf = (block: number): number => (1000 + block) * DAY;

/** Long after all blocks. */
export const VERIFIER: Verifier = { now: timeOf(1000), retentionDays: 1 };

/** Seals each list of entries in a block of its own, a day apart, with some versions. Dates the entries. */
export function sealed(
  contents: readonly (readonly AuditEntry[])[],
  versions: readonly (readonly SealedVersion[])[] = [],
): Trail {
  const dated = contents.map((content, n) => content.map((each) => ({ ...each, at: timeOf(n + 1) })));
  return sealedAsTheyAre(dated, versions);
}

/** The same with the entries' own times. */
export function sealedAsTheyAre(
  contents: readonly (readonly AuditEntry[])[],
  versions: readonly (readonly SealedVersion[])[] = [],
): Trail {
  const blocks: Block[] = [];
  const entries: RecordedEntry[] = [];
  for (const content of contents) {
    const block = seal(blocks.at(-1), content, versions[blocks.length] ?? [], timeOf(blocks.length + 1));
    blocks.push(block);
    for (const entry of content) {
      entries.push({ ...entry, id: ID_STEP * (entries.length + 1), block: block.number });
    }
  }
  const placed = versions.flatMap((some, n) => some.map((version) => ({ ...version, block: n + 1 })));
  return { blocks, entries, versions: placed };
}

/** Seals blocks as before versions were sealed. */
export function sealedWithoutVersions(contents: readonly (readonly AuditEntry[])[]): Trail {
  const { blocks, entries } = sealed(contents);
  const old: Block[] = [];
  for (const { number, sealedAt, digests } of blocks) {
    const text = `${old.at(-1)?.hash ?? ''} ${number} ${sealedAt} `;
    const hash = createHash('sha256').update(text).update(digests).digest('hex');
    old.push({ number, sealedAt, digests, versionDigests: null, hash });
  }
  return { blocks: old, entries };
}

export function otherThan(entry: AuditEntry): AuditEntry {
  return { ...entry, userName: `${entry.userName}, or another` };
}

export const EXAMPLE: AuditEntry = {
  at: 1_764_000_000_000,
  action: 'customer.read',
  userName: 'user',
  tokenId: 2,
  tokenLabel: 'first start',
  address: '127.0.0.1',
  contextName: 'default',
  userId: 'U1',
  details: '{}',
  nonce: 'AAAAAAAAAAAAAAAAAAAAAA',
};

const someText = fc.option(fc.string({ unit: 'binary', maxLength: 8 }), { nil: null });
export const entry: fc.Arbitrary<AuditEntry> = fc.record({
  at: fc.integer({ min: 0, max: 2 ** 42 }),
  action: fc.constantFrom('customer.created', 'mapping.deleted', 'purge.finished'),
  userName: someText,
  tokenId: fc.option(fc.nat(), { nil: null }),
  tokenLabel: someText,
  address: someText,
  contextName: someText,
  userId: someText,
  details: fc.json({ maxDepth: 1 }),
  nonce: fc.base64String({ minLength: 24, maxLength: 24 }),
});
/** A version with the digest of `content`. */
export function version(id: number, content = 'a', table = 'customer_versions'): SealedVersion {
  const digest = createHash('sha256').update(`${table} ${id} ${content}`).digest();
  return { table, id, digest, at: 0, hasAuthor: false };
}

/** Entries with distinct nonces. */
const entries = (minLength: number, maxLength: number): fc.Arbitrary<AuditEntry[]> =>
  fc.uniqueArray(entry, { minLength, maxLength, selector: ({ nonce }) => nonce });

/** The entries of each block. */
export const contents = (minBlocks = 1, minEntries = 1): fc.Arbitrary<AuditEntry[][]> =>
  fc
    .array(fc.integer({ min: minEntries, max: minEntries + 3 }), { minLength: minBlocks, maxLength: 5 })
    .chain((sizes) => {
      const total = sizes.reduce((sum, size) => sum + size, 0);
      return entries(total, total).map((all) => {
        const rest = [...all];
        return sizes.map((size) => rest.splice(0, size));
      });
    });
export const trail = (minBlocks = 1, minEntries = 1): fc.Arbitrary<Trail> =>
  contents(minBlocks, minEntries).map(sealed);

/** An index into a list of any length, for `at`. */
export const pick = fc.nat();
export function at<T>(list: readonly T[], n: number): T {
  return list[n % list.length] as T;
}
export const first = <T>(list: readonly T[]): T => at(list, 0);
export const last = <T>(list: readonly T[]): T => at(list, list.length - 1);
export const entriesOf = ({ entries }: Trail, block: number): RecordedEntry[] =>
  entries.filter((each) => each.block === block);
export const without = <T>(list: readonly T[], ...gone: T[]): T[] =>
  list.filter((each) => !gone.includes(each));
export const instead = <T>(list: readonly T[], old: T, replacement: T): T[] =>
  list.map((each) => (each === old ? replacement : each));

/** Another value of the same type. */
export function other<T>(value: T): T {
  if (typeof value === 'number') return (value + 1) as T;
  return (typeof value === 'string' ? `${value}x` : 'x') as T;
}
