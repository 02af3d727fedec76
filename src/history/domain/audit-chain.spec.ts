import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ChainCheck,
  MAX_SEALED,
  seal,
  type Block,
  type Fault,
  type Head,
  type SealedVersion,
  type Verdict,
  type Verifier,
} from './audit-chain.js';
import type { AuditEntry, RecordedEntry } from './audit-entry.js';

/** The database's content, all of which a tamperer can change. */
interface Trail {
  readonly blocks: readonly Block[];
  readonly entries: readonly RecordedEntry[];
  readonly versions?: readonly PlacedVersion[];
}

type PlacedVersion = SealedVersion & { readonly block: number };

/** Verifies a trail as the register does: block by block, each with the entries that refer to it. */
function verify(
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

function expectFault(trail: Trail, fault: Partial<Fault>, kept?: Head): void {
  expect(verify(trail, kept).fault).toMatchObject(fault);
}

/** Leaves gaps between ids, for insertions. */
const ID_STEP = 10;
const DAY = 86_400_000;
const HOUR = 3_600_000;
const timeOf = (block: number): number => (1000 + block) * DAY;

/** Long after all blocks. */
const VERIFIER: Verifier = { now: timeOf(1000), retentionDays: 1 };

/** Seals each list of entries in a block of its own, a day apart, with some versions. Dates the entries. */
function sealed(
  contents: readonly (readonly AuditEntry[])[],
  versions: readonly (readonly SealedVersion[])[] = [],
): Trail {
  const dated = contents.map((content, n) => content.map((each) => ({ ...each, at: timeOf(n + 1) })));
  return sealedAsTheyAre(dated, versions);
}

/** The same with the entries' own times. */
function sealedAsTheyAre(
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
function sealedWithoutVersions(contents: readonly (readonly AuditEntry[])[]): Trail {
  const { blocks, entries } = sealed(contents);
  const old: Block[] = [];
  for (const { number, sealedAt, digests } of blocks) {
    const text = `${old.at(-1)?.hash ?? ''} ${number} ${sealedAt} `;
    const hash = createHash('sha256').update(text).update(digests).digest('hex');
    old.push({ number, sealedAt, digests, versionDigests: null, hash });
  }
  return { blocks: old, entries };
}

function otherThan(entry: AuditEntry): AuditEntry {
  return { ...entry, userName: `${entry.userName}, or another` };
}

const EXAMPLE: AuditEntry = {
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
const entry: fc.Arbitrary<AuditEntry> = fc.record({
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
function version(id: number, content = 'a', table = 'customer_versions'): SealedVersion {
  const digest = createHash('sha256').update(`${table} ${id} ${content}`).digest();
  return { table, id, digest, at: 0, hasAuthor: false };
}

/** Entries with distinct nonces. */
const entries = (minLength: number, maxLength: number): fc.Arbitrary<AuditEntry[]> =>
  fc.uniqueArray(entry, { minLength, maxLength, selector: ({ nonce }) => nonce });

/** The entries of each block. */
const contents = (minBlocks = 1, minEntries = 1): fc.Arbitrary<AuditEntry[][]> =>
  fc
    .array(fc.integer({ min: minEntries, max: minEntries + 3 }), { minLength: minBlocks, maxLength: 5 })
    .chain((sizes) => {
      const total = sizes.reduce((sum, size) => sum + size, 0);
      return entries(total, total).map((all) => {
        const rest = [...all];
        return sizes.map((size) => rest.splice(0, size));
      });
    });
const trail = (minBlocks = 1, minEntries = 1): fc.Arbitrary<Trail> =>
  contents(minBlocks, minEntries).map(sealed);

/** An index into a list of any length, for `at`. */
const pick = fc.nat();
function at<T>(list: readonly T[], n: number): T {
  return list[n % list.length] as T;
}
const first = <T>(list: readonly T[]): T => at(list, 0);
const last = <T>(list: readonly T[]): T => at(list, list.length - 1);
const entriesOf = ({ entries }: Trail, block: number): RecordedEntry[] =>
  entries.filter((each) => each.block === block);
const without = <T>(list: readonly T[], ...gone: T[]): T[] => list.filter((each) => !gone.includes(each));
const instead = <T>(list: readonly T[], old: T, replacement: T): T[] =>
  list.map((each) => (each === old ? replacement : each));

/** Another value of the same type. */
function other<T>(value: T): T {
  if (typeof value === 'number') return (value + 1) as T;
  return (typeof value === 'string' ? `${value}x` : 'x') as T;
}

const EDITS = {
  at: ({ at }) => ({ at: other(at) }),
  action: ({ action }) => ({ action: action === 'token.reset' ? 'token.revoked' : 'token.reset' }),
  userName: ({ userName }) => ({ userName: other(userName) }),
  tokenId: ({ tokenId }) => ({ tokenId: tokenId === null ? 0 : other(tokenId) }),
  tokenLabel: ({ tokenLabel }) => ({ tokenLabel: other(tokenLabel) }),
  address: ({ address }) => ({ address: other(address) }),
  contextName: ({ contextName }) => ({ contextName: other(contextName) }),
  userId: ({ userId }) => ({ userId: other(userId) }),
  details: ({ details }) => ({ details: other(details) }),
  nonce: ({ nonce }) => ({ nonce: other(nonce) }),
} as const satisfies Record<keyof AuditEntry, (entry: AuditEntry) => Partial<AuditEntry>>;
const NULLABLE = ['userName', 'tokenId', 'tokenLabel', 'address', 'contextName', 'userId'] as const;

describe('an untampered audit trail', () => {
  it('is intact, with and without any stored head', () => {
    fc.assert(
      fc.property(trail(), pick, (whole, n) => {
        const { number, hash } = last(whole.blocks);
        const verdict = {
          fault: undefined,
          blocks: whole.blocks.length,
          entries: whole.entries.length,
          versions: 0,
          unsealedVersions: 0,
          purged: 0,
          head: { number, hash },
        };
        expect(verify(whole)).toEqual(verdict);
        expect(verify(whole, at(whole.blocks, n))).toEqual(verdict);
      }),
    );
  });

  it('may be empty or have unsealed entries', () => {
    const empty = { blocks: [], entries: [] };
    expect(verify(empty)).toEqual({ blocks: 0, entries: 0, versions: 0, unsealedVersions: 0, purged: 0 });
    const whole = sealed([[EXAMPLE]]);
    const unsealed = { ...EXAMPLE, id: 99, block: null };
    expect(verify({ ...whole, entries: [...whole.entries, unsealed] }).fault).toBeUndefined();
  });

  it('has hashes that cover all earlier blocks', () => {
    fc.assert(
      fc.property(contents(2), (all) => {
        const [changed = [], ...rest] = all;
        const hashes = (what: AuditEntry[][]): string[] => sealed(what).blocks.map(({ hash }) => hash);
        const edited = [[otherThan(first(changed)), ...changed.slice(1)], ...rest];
        const [before, after] = [hashes(all), hashes(edited)];
        expect(before.filter((hash) => after.includes(hash))).toEqual([]);
        expect(before.join()).toMatch(/^[0-9a-f]{64}(,[0-9a-f]{64})*$/);
      }),
    );
  });
});

describe('the hash chain', () => {
  const contents = [[EXAMPLE, { ...EXAMPLE, userName: null, tokenId: null, userId: 'é😀' }], [EXAMPLE]];

  it('stays compatible with existing chains', () => {
    const { blocks } = sealedAsTheyAre(contents, [[version(1)]]);
    expect(blocks.map(({ hash }) => hash)).toEqual([
      'faf559c192d13b431303f8e28bfa216f90dd6da4a2049dd8d7bb4d414a86a8de',
      '04f2b08f2dece5ab35c22fd4491db8646d52a3252cbe8bd36670e693dad159e1',
    ]);
  });

  it('continues from blocks that seal no versions', () => {
    const { blocks: old, entries } = sealedWithoutVersions(contents);
    const versions = [{ ...version(1), block: 1 }];
    expect(verify({ blocks: old, entries, versions }).fault).toBeUndefined();
    const entry = { ...EXAMPLE, at: timeOf(3) };
    const next = seal(old[1], [entry], [version(2)], timeOf(3));
    const tampered = { ...version(3), block: 3 };
    const all = { blocks: [...old, next], entries: [...entries, { ...entry, id: 99, block: 3 }] };
    expect(verify({ ...all, versions: [{ ...version(2), block: 3 }] })).toMatchObject({
      fault: undefined,
      unsealedVersions: 2,
    });
    expectFault({ ...all, versions: [tampered] }, { fault: 'edited', block: 3, entry: null });
  });
});

describe('an audit entry', () => {
  it.each(Object.keys(EDITS) as (keyof AuditEntry)[])('is reported when its %s is edited', (field) => {
    fc.assert(
      fc.property(trail(), pick, ({ blocks, entries }, n) => {
        const edited = at(entries, n);
        const tampered = instead(entries, edited, { ...edited, ...EDITS[field](edited) });
        const { id, block } = edited;
        expectFault({ blocks, entries: tampered }, { fault: 'edited', block: block ?? 0, entry: id });
      }),
    );
  });

  it.each(NULLABLE)('is reported when its %s is erased', (field) => {
    fc.assert(
      fc.property(trail(), pick, ({ blocks, entries }, n) => {
        const edited = at(entries, n);
        fc.pre(edited[field] !== null);
        const tampered = instead(entries, edited, { ...edited, [field]: null });
        const { id, block } = edited;
        expectFault({ blocks, entries: tampered }, { fault: 'edited', block: block ?? 0, entry: id });
      }),
    );
  });

  it('is reported when text moves from one field to another', () => {
    const whole = sealed([[{ ...EXAMPLE, userName: 'a', tokenLabel: 'b' }]]);
    const moved = { ...first(whole.entries), userName: 'a"', tokenLabel: '"b' };
    expectFault({ ...whole, entries: [moved] }, { fault: 'edited', block: 1, entry: ID_STEP });
    const swapped = { ...first(whole.entries), userName: 'b', tokenLabel: 'a' };
    expectFault({ ...whole, entries: [swapped] }, { fault: 'edited', block: 1, entry: ID_STEP });
  });

  it('is reported missing after the entry before it', () => {
    fc.assert(
      fc.property(trail(), pick, (whole, n) => {
        const removed = at(whole.entries, n);
        const siblings = entriesOf(whole, removed.block ?? 0);
        const before = siblings[siblings.indexOf(removed) - 1]?.id ?? null;
        const tampered = { ...whole, entries: without(whole.entries, removed) };
        expectFault(tampered, { fault: 'removed', block: removed.block ?? 0, entry: before });
      }),
    );
  });

  it('is reported missing when others of its block are removed too', () => {
    fc.assert(
      fc.property(trail(1, 2), pick, fc.infiniteStream(fc.boolean()), (whole, n, isGone) => {
        const siblings = entriesOf(whole, at(whole.blocks, n).number);
        const gone = siblings.filter(() => isGone.next().value);
        fc.pre(gone.length > 0 && gone.length < siblings.length);
        const before = siblings[siblings.indexOf(first(gone)) - 1]?.id ?? null;
        const block = at(whole.blocks, n).number;
        const tampered = { ...whole, entries: without(whole.entries, ...gone) };
        expectFault(tampered, { fault: 'removed', block, entry: before });
      }),
    );
  });

  it('is reported when forged and inserted anywhere', () => {
    fc.assert(
      fc.property(trail(), entry, pick, pick, (whole, forged, n, m) => {
        fc.pre(!whole.entries.some(({ nonce }) => nonce === forged.nonce));
        const { number } = at(whole.blocks, n);
        const ids = entriesOf(whole, number).map(({ id }) => id);
        const id = at([first(ids) - 1, ...ids.map((each) => each + 1)], m);
        const inserted = { ...forged, id, block: number };
        const tampered = { ...whole, entries: [...whole.entries, inserted] };
        expectFault(tampered, { fault: 'inserted', block: number, entry: id });
      }),
    );
  });

  it('is reported when a copy of it is inserted anywhere', () => {
    fc.assert(
      fc.property(trail(), pick, pick, pick, (whole, n, m, place) => {
        const copied = at(whole.entries, n);
        const { number } = at(whole.blocks, m);
        const ids = entriesOf(whole, number).map(({ id }) => id);
        // In its own block, place the copy after the original, or the original is reported.
        const places = ids.filter((id) => number !== copied.block || id >= copied.id).map((id) => id + 1);
        const id = at(places, place);
        const tampered = { ...whole, entries: [...whole.entries, { ...copied, id, block: number }] };
        expectFault(tampered, { block: number, entry: id });
        expect(['inserted', 'reordered']).toContain(verify(tampered).fault?.fault);
      }),
    );
  });

  it('is reported when swapped with another of its block', () => {
    fc.assert(
      fc.property(trail(1, 2), pick, pick, pick, (whole, n, i, j) => {
        const { number } = at(whole.blocks, n);
        const [one, two] = [at(entriesOf(whole, number), i), at(entriesOf(whole, number), j)];
        fc.pre(one.id < two.id);
        const swapped = swap(whole, one, two);
        expectFault(swapped, { fault: 'reordered', block: number, entry: one.id });
      }),
    );
  });

  it('is reported when swapped with one of another block', () => {
    fc.assert(
      fc.property(trail(2), pick, pick, (whole, i, j) => {
        const [one, two] = [at(whole.entries, i), at(whole.entries, j)];
        const block = one.block ?? 0;
        fc.pre(block < (two.block ?? 0));
        expectFault(swap(whole, one, two), { fault: 'edited', block, entry: one.id });
      }),
    );
  });

  it('is reported when its whole block is reversed', () => {
    const whole = sealed([[EXAMPLE], ['a', 'b', 'c'].map((nonce) => ({ ...EXAMPLE, nonce }))]);
    const [one, ...rest] = whole.entries;
    const reversed = rest.map((each, n) => ({ ...each, id: at(rest, 2 - n).id }));
    expectFault(
      { ...whole, entries: [one as RecordedEntry, ...reversed] },
      { fault: 'reordered', block: 2, entry: 20 },
    );
  });

  it('is reported when moved to another block', () => {
    fc.assert(
      fc.property(trail(2), pick, pick, (whole, n, m) => {
        const moved = at(whole.entries, n);
        const [from, to] = [moved.block ?? 0, at(whole.blocks, m).number];
        fc.pre(from !== to);
        const entries = instead(whole.entries, moved, { ...moved, block: to });
        const siblings = entriesOf(whole, from);
        const before = siblings[siblings.indexOf(moved) - 1]?.id ?? null;
        const expected = [
          { fault: 'removed', block: from, entry: before } as const,
          { fault: 'inserted', block: to, entry: moved.id } as const,
        ].toSorted((a, b) => a.block - b.block);
        expectFault({ ...whole, entries }, first(expected));
      }),
    );
  });

  it('is reported missing when marked as unsealed', () => {
    fc.assert(
      fc.property(trail(), pick, (whole, n) => {
        const freed = at(whole.entries, n);
        const entries = instead(whole.entries, freed, { ...freed, block: null });
        expectFault({ ...whole, entries }, { fault: 'removed', block: freed.block ?? 0 });
      }),
    );
  });

  /** Swaps the contents of two entries. */
  function swap(whole: Trail, one: RecordedEntry, two: RecordedEntry): Trail {
    const given = (to: RecordedEntry, from: RecordedEntry): RecordedEntry => {
      return { ...from, id: to.id, block: to.block };
    };
    const entries = whole.entries.map((each) =>
      each === one ? given(one, two) : each === two ? given(two, one) : each,
    );
    return { ...whole, entries };
  }
});

describe('a block of the audit trail', () => {
  it.each<[string, (block: Block, n: number) => Partial<Block>]>([
    ['digests are edited', ({ digests }, n) => ({ digests: flipped(digests, n) })],
    ['digests are doubled', ({ digests }) => ({ digests: Buffer.concat([digests, digests]) })],
    ['first digest is removed', ({ digests }) => ({ digests: digests.subarray(32) })],
    ['hash is edited', ({ hash }, n) => ({ hash: flipped(Buffer.from(hash, 'hex'), n).toString('hex') })],
    ['time is edited', ({ sealedAt }) => ({ sealedAt: sealedAt - 1 })],
  ])('is reported when its %s', (_what, edit) => {
    fc.assert(
      fc.property(trail(), pick, pick, ({ blocks, entries }, n, m) => {
        const edited = at(blocks, n);
        const tampered = { entries, blocks: instead(blocks, edited, { ...edited, ...edit(edited, m) }) };
        expectFault(tampered, { fault: 'block_changed', block: edited.number, entry: null });
      }),
    );
  });

  it('is reported missing when its number is edited', () => {
    fc.assert(
      fc.property(trail(), pick, fc.integer({ min: 1, max: 9 }), ({ blocks, entries }, n, more) => {
        const edited = at(blocks, n);
        const number = blocks.length + more;
        fc.pre(number !== edited.number);
        const own = entries.map((each) => (each.block === edited.number ? { ...each, block: number } : each));
        for (const each of [entries, own]) {
          const tampered = { entries: each, blocks: instead(blocks, edited, { ...edited, number }) };
          expectFault(tampered, { fault: 'removed', block: edited.number, entry: null });
        }
      }),
    );
  });

  it('is reported when swapped with another', () => {
    fc.assert(
      fc.property(trail(2), pick, pick, ({ blocks, entries }, n, m) => {
        const [one, two] = [at(blocks, n), at(blocks, m)];
        fc.pre(one.number < two.number);
        const renumber = (block: Block): Block =>
          block === one
            ? { ...one, number: two.number }
            : block === two
              ? { ...two, number: one.number }
              : block;
        const expected = { fault: 'block_changed', block: one.number, entry: null } as const;
        expectFault({ entries, blocks: blocks.map(renumber) }, expected);
      }),
    );
  });

  it('is reported missing while its entries remain', () => {
    fc.assert(
      fc.property(trail(), pick, ({ blocks, entries }, n) => {
        const removed = at(blocks, n);
        const isLast = removed === last(blocks);
        const tampered = { entries, blocks: without(blocks, removed) };
        const fault = isLast ? 'cut_off' : 'removed';
        expectFault(tampered, { fault, block: removed.number, entry: null });
      }),
    );
  });

  it('is reported missing when removed with its entries, unless it is the last', () => {
    fc.assert(
      fc.property(trail(2), pick, (whole, n) => {
        const removed = at(whole.blocks.slice(0, -1), n);
        const tampered = {
          blocks: without(whole.blocks, removed),
          entries: without(whole.entries, ...entriesOf(whole, removed.number)),
        };
        expectFault(tampered, { fault: 'removed', block: removed.number, entry: null });
      }),
    );
  });

  it('is reported when only its entries are removed', () => {
    fc.assert(
      fc.property(trail(), pick, (whole, n) => {
        const { number } = at(whole.blocks, n);
        const tampered = { ...whole, entries: without(whole.entries, ...entriesOf(whole, number)) };
        expectFault(tampered, { fault: 'removed', block: number, entry: null });
      }),
    );
  });

  it('is reported missing when the later blocks are sealed again, given a stored head', () => {
    fc.assert(
      fc.property(contents(2), pick, (all, n) => {
        const kept = last(sealed(all).blocks);
        const rewritten = sealed(without(all, at(all, n)));
        expect(verify(rewritten).fault).toBeUndefined();
        expectFault(rewritten, { fault: 'cut_off', block: all.length }, kept);
      }),
    );
  });
});

describe('the end of the audit trail', () => {
  /** The trail up to a block, with nothing after it. */
  const upTo = (whole: Trail, count: number): Trail => ({
    blocks: whole.blocks.slice(0, count),
    entries: whole.entries.filter(({ block }) => (block ?? 0) <= count),
  });

  it('is reported missing, given a stored head of the cut or later', () => {
    fc.assert(
      fc.property(trail(2), pick, (whole, n) => {
        const left = n % whole.blocks.length;
        for (const kept of whole.blocks.slice(left)) {
          expectFault(upTo(whole, left), { fault: 'cut_off', block: left + 1, entry: null }, kept);
        }
      }),
    );
  });

  it('is not reported missing without a stored head, or with one from before the cut', () => {
    fc.assert(
      fc.property(trail(2), pick, (whole, n) => {
        const left = n % whole.blocks.length;
        for (const kept of [undefined, ...whole.blocks.slice(0, left)]) {
          expect(verify(upTo(whole, left), kept).fault).toBeUndefined();
        }
      }),
    );
  });

  it('is reported missing while any of its entries remains', () => {
    fc.assert(
      fc.property(trail(2), pick, pick, (whole, n, m) => {
        const left = n % whole.blocks.length;
        const { blocks, entries } = upTo(whole, left);
        const survivor = at(without(whole.entries, ...entries), m);
        const tampered = { blocks, entries: [...entries, survivor] };
        expectFault(tampered, { fault: 'cut_off', block: left + 1, entry: null });
      }),
    );
  });

  it('may move when a block is appended', () => {
    fc.assert(
      fc.property(contents(2), (all) => {
        const [before, after] = [sealed(all.slice(0, -1)), sealed(all)];
        expect(verify(after, last(before.blocks)).fault).toBeUndefined();
      }),
    );
  });
});

describe('an audit trail sealed again from some block on', () => {
  const rewritten = (all: AuditEntry[][], from: number): Trail => {
    const [edited = [], ...rest] = all.slice(from);
    const forged = [otherThan(first(edited)), ...edited.slice(1)];
    return sealed([...all.slice(0, from), forged, ...rest]);
  };

  it('is reported given a stored head from that block on, and by no other', () => {
    fc.assert(
      fc.property(contents(), pick, (all, n) => {
        const from = n % all.length;
        const forged = rewritten(all, from);
        expect(verify(forged).fault).toBeUndefined();
        for (const kept of sealed(all).blocks) {
          if (kept.number <= from) expect(verify(forged, kept).fault).toBeUndefined();
          else expectFault(forged, { fault: 'block_changed', block: kept.number, entry: null }, kept);
        }
      }),
    );
  });

  it('is reported where the forgery ends', () => {
    fc.assert(
      fc.property(contents(2), pick, (all, n) => {
        const whole = sealed(all);
        const from = n % (all.length - 1);
        const forged = rewritten(all, from);
        const until = from + 1;
        const mixed = {
          blocks: [...forged.blocks.slice(0, until), ...whole.blocks.slice(until)],
          entries: forged.entries,
        };
        expectFault(mixed, { fault: 'block_changed', block: until + 1, entry: null });
      }),
    );
  });
});

describe('a block', () => {
  const resealed = (sealedAt: unknown, others: readonly AuditEntry[] = [EXAMPLE]): Trail => {
    const { blocks, entries } = sealed([[EXAMPLE]]);
    const time = sealedAt as number;
    const next = { ...seal(undefined, others, [], 0), ...seal(last(blocks), others, [], time) };
    const text = `v2 ${last(blocks).hash} 2 ${String(sealedAt)} ${next.digests.length} `;
    const hash = createHash('sha256').update(text).update(next.digests).digest('hex');
    const added = others.map((entry, n) => ({ ...entry, id: 100 + n, block: 2 }));
    return { blocks: [...blocks, { ...next, sealedAt: time, hash }], entries: [...entries, ...added] };
  };

  it.each([
    ['before the last block', timeOf(1) - 1],
    ['that is text', String(timeOf(2))],
    ['that is a buffer', Buffer.from(String(timeOf(2)))],
    ['with half a millisecond', timeOf(2) + 0.5],
  ])('is reported when its time is one %s, despite a valid hash', (_what, sealedAt) => {
    expect(verify(resealed(timeOf(2), [{ ...EXAMPLE, at: timeOf(2) }])).fault).toBeUndefined();
    expectFault(resealed(sealedAt), { fault: 'block_changed', block: 2, entry: null });
  });
});

describe('the time of an entry or version', () => {
  const dated = (at: number): AuditEntry => ({ ...EXAMPLE, at });
  const ofVersion = (at: number, hasAuthor = true, id = 2): SealedVersion => ({
    ...version(id, `${at}`),
    at,
    hasAuthor,
  });

  it.each([
    ['long before the previous block was sealed', timeOf(2) - 2 * HOUR, true],
    ['long after its own block was sealed', timeOf(3) + 2 * HOUR, true],
    ['between the two', timeOf(2) + 1, false],
    ['shortly before the previous block was sealed', timeOf(2) - HOUR / 2, false],
    ['when its own block was sealed', timeOf(3), false],
  ])('%s is reported if impossible', (_what, time, isReported) => {
    const first = [dated(timeOf(1))];
    const entries = sealedAsTheyAre([first, [dated(timeOf(2))], [dated(timeOf(3)), dated(time)]]);
    const ofEntry = { fault: 'misdated', block: 3, entry: 40 };
    expect(verify(entries).fault).toEqual(isReported ? expect.objectContaining(ofEntry) : undefined);
    const versions = sealedAsTheyAre(
      [first, [], []],
      [[], [], [ofVersion(timeOf(3), true, 1), ofVersion(time)]],
    );
    const row = { fault: 'misdated', block: 3, entry: null, message: expect.stringContaining('Row 2 of') };
    expect(verify(versions).fault).toEqual(isReported ? expect.objectContaining(row) : undefined);
  });

  it('is not checked for versions without an author until the first with one', () => {
    const backfilled = [[], [ofVersion(5, false)], [ofVersion(timeOf(3))], [ofVersion(timeOf(4))]];
    const blocks = [[dated(timeOf(1))], [], [], []];
    expect(verify(sealedAsTheyAre(blocks, backfilled)).fault).toBeUndefined();
    const later = [...backfilled.slice(0, 3), [ofVersion(5, false)]];
    expectFault(sealedAsTheyAre(blocks, later), { fault: 'misdated', block: 4 });
  });

  it('may be old after full blocks, and after no others', () => {
    const backlog = (count: number): Trail => {
      const full = Array.from({ length: count }, (_, n) => ({ ...dated(timeOf(2)), nonce: `${n}` }));
      return sealedAsTheyAre([[dated(timeOf(1))], [dated(timeOf(2))], full, full, [dated(timeOf(2))]]);
    };
    expect(verify(backlog(MAX_SEALED)).fault).toBeUndefined();
    expectFault(backlog(MAX_SEALED - 1), { fault: 'misdated', block: 4 });
    const versions = Array.from({ length: MAX_SEALED }, (_, n) => ofVersion(timeOf(1), true, n));
    const blocks = [[dated(timeOf(1))], [], [dated(timeOf(1))], [dated(timeOf(1))]];
    expectFault(sealedAsTheyAre(blocks, [[], versions, []]), { fault: 'misdated', block: 4 });
  });

  it('of a block must not be in the future', () => {
    const { blocks, entries } = sealed([[EXAMPLE], [EXAMPLE]]);
    const now = timeOf(2) - 2 * HOUR;
    expect(verify({ blocks, entries }, undefined, { now }).fault).toMatchObject({
      fault: 'misdated',
      block: 2,
    });
    expect(verify({ blocks, entries }, undefined, { now: now + HOUR }).fault).toBeUndefined();
    const edited = instead(entries, last(entries), { ...last(entries), userId: 'U2' });
    expect(verify({ blocks, entries: edited }, undefined, { now }).fault).toMatchObject({ fault: 'edited' });
  });

  it('hides no other fault, since a clock may have been wrong', () => {
    const { blocks, entries } = sealedAsTheyAre([[dated(timeOf(1))], [dated(0)], [dated(timeOf(3))]]);
    const tampered = { blocks, entries: instead(entries, last(entries), { ...last(entries), userId: 'U2' }) };
    expectFault(tampered, { fault: 'edited', block: 3 });
  });
});

describe('the current register', () => {
  const { blocks, entries } = sealed([[EXAMPLE]]);
  const verdict = (isMissing: boolean): Verdict => {
    const check = new ChainCheck(VERIFIER);
    check.add(first(blocks), entries);
    return check.finish({ differing: { table: 'ip_mappings', id: 7, isMissing } });
  };

  it('must match the last versions', () => {
    const fault = { fault: 'register_changed', block: null, entry: null };
    expect(verdict(false).fault).toMatchObject({
      ...fault,
      message: expect.stringMatching(/^Row 7 of ip_mappings is not/),
    });
    expect(verdict(true).fault).toMatchObject({
      ...fault,
      message: expect.stringMatching(/^Row 7 of ip_mappings is missing/),
    });
  });
});

describe('a purged audit trail', () => {
  /** An entry about a purge through a block that was sealed a second before the limit. */
  const purgeOf = (through_block: unknown, details: object = {}): AuditEntry => {
    const before = new Date(timeOf(Number(through_block)) + 1000);
    const members = {
      through_block,
      before: isNaN(before.getTime()) ? null : before,
      retention_days: 1,
      ...details,
    };
    return { ...EXAMPLE, action: 'purge.started', details: JSON.stringify(members) };
  };
  /** The last block has the entry about the purge; the first `emptied` blocks have lost their entries. */
  const purged = (all: AuditEntry[][], through: unknown, emptied: number, details?: object): Trail => {
    const whole = sealed([...all, [purgeOf(through, details)]]);
    return { ...whole, entries: whole.entries.filter(({ block }) => (block ?? 0) > emptied) };
  };
  /** Blocks, how many of them a purge may empty, and how many it has emptied so far. */
  const purge = fc.tuple(contents(1, 2), pick, pick).map(([all, n, m]) => {
    const through = 1 + (n % all.length);
    return { all, through, emptied: m % (through + 1) };
  });

  it('is intact if the purge is audited, even when it was interrupted', () => {
    fc.assert(
      fc.property(purge, ({ all, through, emptied }) => {
        const trail = purged(all, through, emptied);
        const entries = trail.entries.length;
        const { number, hash } = last(trail.blocks);
        const before = timeOf(through) + 1000;
        const verdict = {
          fault: undefined,
          blocks: all.length + 1,
          entries,
          versions: 0,
          purged: emptied,
          unsealedVersions: 0,
          purge: { entry: last(trail.entries).id, throughBlock: through, before, retentionDays: 1 },
        };
        expect(verify(trail)).toEqual({ ...verdict, head: { number, hash } });
        for (const kept of trail.blocks) expect(verify(trail, kept)).toMatchObject(verdict);
      }),
    );
  });

  it('is intact after a second purge that removed the entry about the first', () => {
    const all = [[EXAMPLE], [purgeOf(1)], [{ ...EXAMPLE, nonce: 'b' }]];
    expect(verify(purged(all, 3, 3))).toMatchObject({ fault: undefined, purged: 3 });
    expectFault(purged(all, 1, 3), { fault: 'removed', block: 2, entry: null });
  });

  it('is reported when more is missing than the purge could remove', () => {
    fc.assert(
      fc.property(contents(2), pick, (all, n) => {
        const through = n % all.length;
        const trail = purged(all, through, all.length);
        expectFault(trail, { fault: 'removed', block: through + 1, entry: null });
      }),
    );
  });

  it.each([
    ['violates its own retention', { retention_days: 3 }],
    ['has no retention', { retention_days: undefined }],
    ['has a retention below the minimum', { retention_days: 0 }],
    ['is limited to before these blocks were sealed', { before: new Date(timeOf(1)) }],
    ['has a limit in the future', { before: '9999-01-01T00:00:00Z' }],
    ['has no time', { before: 'soon' }],
    ['refers to later blocks', { through_block: 3 }],
    ['refers to a fraction of a block', { through_block: 1.5 }],
  ])('is reported when the audited purge %s', (_what, details) => {
    expect(verify(purged([[EXAMPLE], [EXAMPLE]], 1, 1)).fault).toBeUndefined();
    expectFault(purged([[EXAMPLE], [EXAMPLE]], 1, 1, details), { fault: 'removed', block: 1, entry: null });
  });

  it('is reported when the entry about the purge was cut off', () => {
    const whole = purged([[EXAMPLE], [{ ...EXAMPLE, nonce: 'b' }]], 1, 1);
    const cut = {
      blocks: whole.blocks.slice(0, 2),
      entries: whole.entries.filter(({ block }) => (block ?? 0) < 3),
    };
    expectFault(cut, { fault: 'cut_off', block: 3, entry: null }, last(whole.blocks));
    expectFault(cut, { fault: 'removed', block: 1, entry: null });
  });

  it('is reported when no purge is audited', () => {
    fc.assert(
      fc.property(trail(), pick, (whole, n) => {
        const emptied = 1 + (n % whole.blocks.length);
        const entries = whole.entries.filter(({ block }) => (block ?? 0) > emptied);
        expectFault({ ...whole, entries }, { fault: 'removed', block: 1, entry: null });
      }),
    );
  });

  it('is reported when the purge broke the current retention, whatever retention it claims', () => {
    const trail = purged([[EXAMPLE], [EXAMPLE]], 1, 1);
    const now = last(trail.blocks).sealedAt;
    const { fault } = verify(trail, undefined, { now, retentionDays: 730 });
    expect(fault).toMatchObject({ fault: 'removed', block: 1, entry: null });
    expect(fault?.message).toContain('730 days must be kept');
    expect(
      verify(trail, undefined, { now: timeOf(1) + 731 * DAY, retentionDays: 730 }).fault,
    ).toBeUndefined();
  });

  it.each([
    ['through', { through_block: { toString: 1 } }],
    ['before', { before: { toString: 1 } }],
    ['retention', { retention_days: { valueOf: 1 } }],
  ])('is reported when the entry about it has an object as %s', (_what, details) => {
    expectFault(purged([[EXAMPLE], [EXAMPLE]], 1, 1, details), { fault: 'removed', block: 1, entry: null });
  });

  it.each([undefined, null, '2', true, {}])(
    'is reported when the entry about it has %j as last block',
    (through) => {
      expectFault(purged([[EXAMPLE]], through, 1), { fault: 'removed', block: 1, entry: null });
    },
  );

  it('accepts a purge without a retention from before versions were sealed', () => {
    const details = { through_block: 1, before: new Date(timeOf(1) + 1000) };
    const record = { ...EXAMPLE, action: 'purge.started' as const, details: JSON.stringify(details) };
    const { blocks, entries } = sealedWithoutVersions([[EXAMPLE], [record]]);
    const trail = { blocks, entries: entries.slice(1) };
    expect(verify(trail)).toMatchObject({ fault: undefined, purged: 1, purge: { retentionDays: null } });
    expectFault(purged([[EXAMPLE]], 1, 1, { retention_days: undefined }), { fault: 'removed' });
  });

  it('is reported when the entry about the purge is unsealed, edited or removed', () => {
    fc.assert(
      fc.property(contents(), (all) => {
        const { blocks, entries } = purged(all, all.length, all.length);
        const record = last(entries);
        for (const instead of [
          [],
          [{ ...record, block: null }],
          [{ ...record, action: 'customer.read' as const }],
          [{ ...record, details: '{"through_block":99}' }],
          [{ ...record, details: 'no JSON' }],
          [
            { ...record, block: null },
            { ...record, id: record.id + 1, nonce: 'forged' },
          ],
        ]) {
          expect(verify({ blocks, entries: [...without(entries, record), ...instead] }).fault).toBeDefined();
        }
      }),
    );
  });

  it('is reported when entries after the purged ones are missing too', () => {
    fc.assert(
      fc.property(contents(3, 2), (all) => {
        const { blocks, entries } = purged(all, 3, 1);
        const tampered = { blocks, entries: entries.filter(({ block }) => block !== 3) };
        expectFault(tampered, { fault: 'removed', block: 3, entry: null });
        const one = entries.find(({ block }) => block === 2) as RecordedEntry;
        expectFault({ blocks, entries: without(entries, one) }, { fault: 'removed', block: 2, entry: null });
      }),
    );
  });

  it('is reported when an entry is inserted into a purged block', () => {
    fc.assert(
      fc.property(purge, entry, pick, ({ all, through, emptied }, forged, n) => {
        fc.pre(emptied > 0);
        const block = 1 + (n % emptied);
        const { blocks, entries } = purged(all, through, emptied);
        const tampered = { blocks, entries: [{ ...forged, id: 1, block }, ...entries] };
        expectFault(tampered, { block, entry: 1 });
      }),
    );
  });

  it('is reported with the edited entry, not with the purged ones before it', () => {
    fc.assert(
      fc.property(purge, pick, ({ all, through, emptied }, n) => {
        const { blocks, entries } = purged(all, through, emptied);
        const edited = at(entries.slice(0, -1), n);
        fc.pre(edited !== undefined);
        const tampered = { blocks, entries: instead(entries, edited, { ...edited, at: edited.at + 1 }) };
        expectFault(tampered, { fault: 'edited', block: edited.block ?? 0, entry: edited.id });
      }),
    );
  });

  it.each(['list of digests', 'row'])('is reported when the %s of a purged block is missing', (what) => {
    fc.assert(
      fc.property(purge, pick, ({ all, through, emptied }, n) => {
        fc.pre(emptied > 0);
        const { blocks, entries } = purged(all, through, emptied);
        const gone = at(blocks.slice(0, emptied), n);
        const empty = { ...gone, digests: Buffer.alloc(0) };
        const left = what === 'row' ? without(blocks, gone) : instead(blocks, gone, empty);
        const fault = what === 'row' ? 'removed' : 'block_changed';
        expectFault({ blocks: left, entries }, { fault, block: gone.number, entry: null });
      }),
    );
  });
});

describe('a sealed version', () => {
  /** Blocks that also seal versions. */
  const withVersions = contents(2).map((all) => {
    const versions = all.map((some, n) => some.map((_, m) => version(10 * n + m)));
    return sealed(all, versions);
  });
  const versionsOf = ({ versions = [] }: Trail): readonly PlacedVersion[] => versions;

  it('is counted', () => {
    fc.assert(
      fc.property(withVersions, (whole) => {
        expect(verify(whole)).toMatchObject({
          versions: versionsOf(whole).length,
          entries: whole.entries.length,
        });
        expect(verify(whole).fault).toBeUndefined();
      }),
    );
  });

  it('is reported when edited', () => {
    fc.assert(
      fc.property(withVersions, pick, (whole, n) => {
        const edited = at(versionsOf(whole), n);
        const other = { ...version(edited.id, 'b'), block: edited.block };
        const tampered = { ...whole, versions: instead(versionsOf(whole), edited, other) };
        expectFault(tampered, { fault: 'edited', block: edited.block, entry: null });
        expect(verify(tampered).fault?.message).toContain(`Row ${edited.id} of customer_versions`);
      }),
    );
  });

  it('is reported when inserted or copied', () => {
    fc.assert(
      fc.property(withVersions, pick, pick, (whole, n, m) => {
        const { number: block } = at(whole.blocks, n);
        for (const forged of [version(99), at(versionsOf(whole), m)]) {
          const tampered = { ...whole, versions: [...versionsOf(whole), { ...forged, block }] };
          expectFault(tampered, { fault: 'inserted', block, entry: null });
        }
      }),
    );
  });

  it('is reported when removed or moved', () => {
    fc.assert(
      fc.property(withVersions, pick, (whole, n) => {
        const removed = at(versionsOf(whole), n);
        const rest = without(versionsOf(whole), removed);
        expectFault({ ...whole, versions: rest }, { fault: 'removed', block: removed.block, entry: null });
        for (const block of [-1, 0.5, whole.blocks.length + 1]) {
          const tampered = { ...whole, versions: [...rest, { ...removed, block }] };
          expect(verify(tampered).fault).toBeDefined();
        }
      }),
    );
  });

  it('is reported when it refers to a block that does not exist', () => {
    fc.assert(
      fc.property(withVersions, fc.constantFrom(-1, 0.5), (whole, block) => {
        const tampered = { ...whole, versions: [...versionsOf(whole), { ...version(99), block }] };
        expectFault(tampered, { fault: 'inserted', block, entry: null });
        const entry = { ...EXAMPLE, id: 5, block };
        expectFault({ ...whole, entries: [...whole.entries, entry] }, { fault: 'inserted', block, entry: 5 });
      }),
    );
  });

  it('is reported when its digest is passed off as that of an entry', () => {
    fc.assert(
      fc.property(withVersions, pick, (whole, n) => {
        const block = at(whole.blocks, n);
        const { digests, versionDigests } = block;
        const all = Buffer.concat([digests, versionDigests ?? Buffer.alloc(0)]);
        for (const edited of [
          { digests: all, versionDigests: Buffer.alloc(0) },
          { digests: all, versionDigests: null },
          { digests: Buffer.alloc(0), versionDigests: all },
          { versionDigests: null },
          // As if the block were from before versions were sealed.
          { digests: Buffer.concat([Buffer.from(`${digests.length} `), all]), versionDigests: null },
        ]) {
          const tampered = { ...whole, blocks: instead(whole.blocks, block, { ...block, ...edited }) };
          expectFault(tampered, { fault: 'block_changed', block: block.number, entry: null });
        }
      }),
    );
  });

  it('may be missing from a purged block, and from no other', () => {
    const all = [[EXAMPLE], [EXAMPLE], [EXAMPLE]];
    const details = { through_block: 1, before: new Date(timeOf(1) + 1000), retention_days: 1 };
    const purge: AuditEntry = { ...EXAMPLE, action: 'purge.started', details: JSON.stringify(details) };
    const whole = sealed(
      [...all, [purge]],
      all.map((_, n) => [version(n), version(100 + n)]),
    );
    const gone = (block: number): Trail => ({
      ...whole,
      versions: versionsOf(whole).filter((each) => each.block !== block || each.id < 100),
    });
    expect(verify(gone(1)).fault).toBeUndefined();
    expectFault(gone(2), { fault: 'removed', block: 2, entry: null });
    expectFault(gone(3), { fault: 'removed', block: 3, entry: null });
    const both = { ...whole, versions: versionsOf(whole).filter(({ id, block }) => block === 1 || id < 100) };
    expectFault(both, { fault: 'removed', block: 2, entry: null });
  });

  it('can be all that a block seals', () => {
    const whole = sealed([[], [EXAMPLE], [], [EXAMPLE]], [[version(1)], [], [version(2)]]);
    expect(verify(whole)).toMatchObject({ fault: undefined, blocks: 4, purged: 0 });
    expectFault({ ...whole, versions: [] }, { fault: 'removed', block: 1, entry: null });
  });

  it('is not required when only the entries are known', () => {
    const { blocks } = sealed([[]], [[version(1)]]);
    const check = new ChainCheck(VERIFIER);
    check.add(first(blocks), []);
    expect(check.finish().fault).toBeUndefined();
  });
});

/** A copy with one bit flipped. */
function flipped(bytes: Buffer, n: number): Buffer {
  const copy = Buffer.from(bytes);
  const place = n % copy.length;
  copy[place] = (copy[place] ?? 0) ^ 1;
  return copy;
}
