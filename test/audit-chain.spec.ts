import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Trail,
  verify,
  expectFault,
  HOUR,
  timeOf,
  VERIFIER,
  sealed,
  sealedAsTheyAre,
  sealedWithoutVersions,
  otherThan,
  EXAMPLE,
  version,
  entriesOf,
  contents,
  trail,
  pick,
  at,
  first,
  last,
  without,
  instead,
} from './support/audit-chain.js';
import {
  ChainCheck,
  MAX_SEALED,
  seal,
  type Block,
  type SealedVersion,
  type Verdict,
} from '../src/history/domain/audit-chain.js';
import type { AuditEntry } from '../src/history/domain/audit-entry.js';

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

/** A copy with one bit flipped. */
function flipped(bytes: Buffer, n: number): Buffer {
  const copy = Buffer.from(bytes);
  const place = n % copy.length;
  copy[place] = (copy[place] ?? 0) ^ 1;
  return copy;
}
