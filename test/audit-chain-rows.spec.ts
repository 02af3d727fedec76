import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Trail,
  type PlacedVersion,
  verify,
  expectFault,
  ID_STEP,
  timeOf,
  VERIFIER,
  sealed,
  EXAMPLE,
  entry,
  version,
  contents,
  trail,
  pick,
  at,
  first,
  entriesOf,
  without,
  instead,
  other,
} from './support/audit-chain.js';
import { ChainCheck } from '../src/history/domain/audit-chain.js';
import type { AuditEntry, RecordedEntry } from '../src/history/domain/audit-entry.js';

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
