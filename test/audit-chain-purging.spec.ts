import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Trail,
  verify,
  expectFault,
  DAY,
  timeOf,
  sealed,
  sealedWithoutVersions,
  EXAMPLE,
  entry,
  contents,
  trail,
  pick,
  at,
  last,
  without,
  instead,
} from './support/audit-chain.js';
import type { AuditEntry, RecordedEntry } from '../src/history/domain/audit-entry.js';

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
