import { randomBytes, randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { toUserId } from '../../src/customers/domain/customer.js';
import type { SealedBlock } from '../../src/history/domain/audit-chain.js';
import type { AuditFilter, EntryPlace } from '../../src/history/domain/audit-entry.js';
import { seal, type Block, type SealedVersion } from '../../src/history/domain/audit-chain.js';
import type { AuditEntry, RecordedEntry } from '../../src/history/domain/audit-entry.js';
import { principal } from '../support/principal.js';
import { newContext, type Register } from '../support/register.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

const T = 1_764_000_000_000;
/** Enough for `all` to need several batches. */
const MANY = 1001;
/** Enough for `chain` to need several batches. */
const MANY_BLOCKS = 101;
/** More than can read at once over connections of their own. */
const MANY_READERS = 20;

const CUSTOMER = {
  userId: toUserId('U'),
  name: 'Trisul',
  address: null,
  email: null,
  phoneNumber: null,
  altPhoneNumber: null,
};

const ODD = `O'Brien "Óscar" \\ \\0 100 %_ 😀 \0 end`;

function anEntry(fields: Partial<AuditEntry> = {}): AuditEntry {
  return {
    at: T,
    action: 'customer.read',
    userName: 'asha',
    tokenId: 7,
    tokenLabel: 'CRM',
    address: '192.0.2.1',
    contextName: null,
    userId: null,
    details: '{}',
    nonce: randomBytes(16).toString('base64url'),
    ...fields,
  };
}

export function auditRepositoryContract(register: () => Register): void {
  const run = <T>(work: () => Promise<T>): Promise<T> => register().transactions.run(work);
  const ignore = async (): Promise<void> => undefined;
  const id: unknown = expect.any(Number);

  const insert = (...entries: AuditEntry[]): Promise<void> => run(() => register().audit.insert(entries));
  const page = (filter: AuditFilter, before?: EntryPlace, limit = 10_000): Promise<RecordedEntry[]> =>
    register().audit.page(filter, before, limit);
  /** Gathers what `all` yields. */
  const all = async (filter: AuditFilter, before?: EntryPlace): Promise<RecordedEntry[]> => {
    const found: RecordedEntry[] = [];
    for await (const batch of register().audit.all(filter, before, ignore)) {
      expect(batch).not.toEqual([]);
      found.push(...batch);
    }
    return found;
  };

  let sealedAt = T;
  /** Seals at most `limit` entries and versions. @returns the block, or undefined if there was nothing to seal */
  const sealSome = (limit = 1000, at = ++sealedAt): Promise<Block | undefined> =>
    run(async () => {
      const head = await register().audit.lockHead();
      const entries = await register().audit.unsealed(limit);
      const versions = await register().audit.unsealedVersions(limit);
      if (entries.length + versions.length === 0) return undefined;
      const block = seal(head, entries, versions, at);
      await register().audit.insertBlock({ block, entries, versions });
      return block;
    });
  const sealAll = async (): Promise<void> => {
    while ((await sealSome()) !== undefined);
  };
  /** Seals these entries in a block of their own. */
  const sealed = async (...entries: AuditEntry[]): Promise<Block> => {
    await sealAll();
    await insert(...entries);
    return (await sealSome()) as Block;
  };
  const headNumber = async (): Promise<number> => (await register().audit.head())?.number ?? 0;
  const deleteThrough = (block: number, limit: number): Promise<number> =>
    run(() => register().audit.deleteThrough(block, limit));

  type Chain = ReturnType<Register['audit']['chain']>;
  /** Turns Buffers into texts, which compare faster. */
  const plain = (links: readonly SealedBlock[]): object[] =>
    links.map(({ block, entries, versions }) => ({
      ...block,
      digests: block.digests.toString('hex'),
      entries,
      versionDigests: block.versionDigests?.toString('hex'),
      versions: versions.map((version) => ({ ...version, digest: version.digest.toString('hex') })),
    }));
  const rest = async (chain: Chain): Promise<SealedBlock[]> => {
    const links: SealedBlock[] = [];
    for (;;) {
      const { done, value } = await chain.next();
      if (done === true) {
        expect(value.stray).toBeUndefined(); // nothing refers to a block that does not exist
        return links;
      }
      links.push(value);
    }
  };
  const lastLink = async (): Promise<number | undefined> =>
    (await rest(register().audit.chain())).at(-1)?.block.number;

  it('seals nothing if a row of the block was removed or sealed in the meantime', async () => {
    await sealAll();
    await insert(anEntry(), anEntry());
    const [one, two] = await register().audit.unsealed(2);
    const sealThese = (...entries: (RecordedEntry | undefined)[]): Promise<void> =>
      run(async () => {
        const head = await register().audit.lockHead();
        const found = entries.filter((entry) => entry !== undefined);
        const block = seal(head, found, [], ++sealedAt);
        await register().audit.insertBlock({ block, entries: found, versions: [] });
      });
    await sealThese(one);
    const head = await register().audit.head();
    await expect(sealThese(one, two)).rejects.toThrow('audit_entries changed while its rows were sealed');
    await expect(sealThese(two, { ...(two as RecordedEntry), id: 1_000_000 })).rejects.toThrow();
    expect(await register().audit.head()).toEqual(head);
    expect(await register().audit.unsealed(2)).toEqual([two]);
  });

  it('stores entries unchanged and in their order', async () => {
    const contextName = randomUUID();
    const odd = anEntry({
      contextName,
      userName: ODD,
      tokenLabel: ODD,
      userId: ODD,
      details: ODD,
      tokenId: 2 ** 31 - 1,
      address: 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255',
    });
    const long = anEntry({ contextName, details: JSON.stringify({ text: '😀'.repeat(14_000) }) });
    const empty = anEntry({
      contextName,
      userName: '',
      tokenLabel: '',
      address: '',
      userId: '',
      details: '',
    });
    await insert(odd, long, empty);
    const entries = await page({ contextName });
    expect(entries).toEqual([empty, long, odd].map((entry) => ({ id, ...entry, block: null })));
    expect(await all({ contextName })).toEqual(entries);
    const absent = { userName: null, tokenId: null, tokenLabel: null, address: null };
    const bare = anEntry({ at: T + 999, action: 'purge.finished', ...absent });
    await insert(bare);
    expect(await page({ from: bare.at, to: bare.at + 1 })).toEqual([{ id, ...bare, block: null }]);
  });

  it('returns pages by descending time, then id', async () => {
    const contextName = randomUUID();
    const entries = [5, 3, 5, 4, 5, 3].map((at, n) => anEntry({ at, contextName, details: `${n}` }));
    await insert(...entries.slice(0, 4));
    await insert(...entries.slice(4));
    const whole = await page({ contextName });
    expect(whole.map(({ details }) => details)).toEqual(['4', '2', '0', '3', '5', '1']);
    for (const [n, { at, id: last }] of whole.entries()) {
      const behind = whole.slice(n + 1);
      for (const limit of [1, 2, 100]) {
        expect(await page({ contextName }, { at, id: last }, limit)).toEqual(behind.slice(0, limit));
      }
      expect(await all({ contextName }, { at, id: last })).toEqual(behind);
    }
    expect(await page({ contextName }, undefined, 2)).toEqual(whole.slice(0, 2));
    expect(await page({ contextName }, { at: 5, id: 0 })).toEqual(whole.slice(3));
    expect(await page({ contextName }, { at: 4, id: Number.MAX_SAFE_INTEGER })).toEqual(whole.slice(3));
    expect(await page({ contextName }, { at: 3, id: 0 })).toEqual([]);
  });

  it('returns the entries that match a filter', async () => {
    const [context, other, user] = [randomUUID(), randomUUID(), randomUUID()];
    const base = { contextName: context, userName: user, userId: `${user} 1` };
    await insert(
      anEntry({ ...base, details: 'a', at: 10 }),
      anEntry({ ...base, details: 'b', at: 20, action: 'customer.updated' }),
      anEntry({ ...base, details: 'c', at: 30, userName: user.toUpperCase() }),
      anEntry({ ...base, details: 'd', at: 40, contextName: other }),
      anEntry({ ...base, details: 'e', at: 50, userId: `${user} 2` }),
      anEntry({ ...base, details: 'f', at: 60, userId: null, action: 'customer.updated' }),
      anEntry({ ...base, details: 'g', at: 70, contextName: null }),
      anEntry({ ...base, details: 'h', at: 80, userName: null }),
    );
    const filtered = async (filter: AuditFilter, before?: EntryPlace): Promise<string> => {
      const entries = await page(filter, before);
      expect(await all(filter, before)).toEqual(entries);
      return entries.map(({ details }) => details).join('');
    };
    const contextName = context;
    expect(await filtered({ contextName })).toBe('hfecba');
    expect(await filtered({ contextName, userName: undefined, from: undefined })).toBe('hfecba');
    expect(await filtered({ contextName: context.toUpperCase() })).toBe('');
    expect(await filtered({ contextName: `${context} ` })).toBe('');
    expect(await filtered({ userName: user })).toBe('gfedba');
    expect(await filtered({ userName: user.toUpperCase() })).toBe('c');
    expect(await filtered({ userName: `${user} ` })).toBe('');
    expect(await filtered({ userId: `${user} 1` })).toBe('hgdcba');
    expect(await filtered({ userId: `${user} 2` })).toBe('e');
    expect(await filtered({ userId: `${user} 1 ` })).toBe('');
    expect(await filtered({ userId: `${user.toUpperCase()} 1` })).toBe('');
    expect(await filtered({ userId: `' OR '1'='1` })).toBe('');
    expect(await filtered({ contextName, action: 'customer.updated' })).toBe('fb');
    expect(await filtered({ contextName, action: 'customer.deleted' })).toBe('');
    expect(await filtered({ contextName, from: 20 })).toBe('hfecb');
    expect(await filtered({ contextName, from: 21 })).toBe('hfec');
    expect(await filtered({ contextName, to: 60 })).toBe('ecba');
    expect(await filtered({ contextName, to: 61 })).toBe('fecba');
    expect(await filtered({ contextName, from: 20, to: 20 })).toBe('');
    expect(await filtered({ contextName, from: 0, to: 20 })).toBe('a');
    expect(await filtered({ contextName, to: 60 }, { at: 30, id: 0 })).toBe('ba');
    expect(await filtered({ userId: `${user} 1`, from: 20 }, { at: 70, id: 0 })).toBe('dcb');
    expect((await filtered({})).length).toBeGreaterThan(7);
    expect(await filtered({ action: 'customer.updated', from: 15, to: 65 })).toContain('b');
  });

  it('applies every condition of a filter at once', async () => {
    const [contextName, userName, userId] = [randomUUID(), randomUUID(), randomUUID()];
    const match = anEntry({ contextName, userName, userId, action: 'customer.updated', at: 15 });
    const others = [
      { contextName: randomUUID() },
      { userName: null },
      { userId: randomUUID() },
      { action: 'customer.created' },
      { at: 9 },
      { at: 20 },
      { at: 16 },
    ] as const;
    await insert(match, ...others.map((fields) => anEntry({ ...match, ...fields })));
    const filter = { contextName, userName, userId, action: match.action, from: 10, to: 20 };
    const before = { at: 16, id: 0 };
    expect(await page(filter, before)).toEqual([{ id, ...match, block: null }]);
    expect(await all(filter, before)).toEqual([{ id, ...match, block: null }]);
  });

  it.each([0, 3, MANY - 1, MANY])(
    'announces how many entries there are before the first of %d',
    async (count) => {
      const [contextName, userId] = [randomUUID(), randomUUID()];
      const entries = Array.from({ length: count }, (_, n) => anEntry({ contextName, userId, at: T - n }));
      const newer = anEntry({ contextName, userId, at: T + 1 });
      await insert(anEntry(), anEntry({ contextName: userId }), newer, ...entries);
      for (const filter of [{ contextName }, { contextName, userId }]) {
        const events: unknown[] = [];
        const announce = async (found: number): Promise<void> => void events.push(found);
        const [place] = await page(filter, undefined, 1);
        for await (const batch of register().audit.all(filter, place, announce)) {
          expect(batch).not.toEqual([]);
          events.push(...batch.map(({ at }) => at));
        }
        expect(events).toEqual([count, ...entries.map(({ at }) => at)]);
      }
    },
  );

  it('lists all entries as they were at the first batch, whatever changes meanwhile', async () => {
    const contextName = randomUUID();
    await sealAll();
    await insert(...Array.from({ length: MANY }, () => anEntry({ contextName })));
    const before = await page({ contextName });
    const batches = register().audit.all({ contextName }, undefined, ignore);
    const { value: first } = (await batches.next()) as { value: RecordedEntry[] };
    expect(first.length).toBeLessThan(MANY);
    await sealAll();
    await deleteThrough((await headNumber()) - 1, 10_000);
    await insert(anEntry({ contextName, at: T - 1 }));
    const found = [...first];
    for await (const batch of batches) found.push(...batch);
    expect(found).toEqual(before);
    const after = await all({ contextName });
    expect(after.length).toBeLessThan(MANY);
    expect(after.at(-1)).toMatchObject({ at: T - 1, block: null });
    expect(after.slice(0, -1).filter(({ block }) => block === null)).toEqual([]);
  });

  it('lists no entry of a transaction that failed', async () => {
    const contextName = randomUUID();
    await expect(
      run(async () => {
        await insert(anEntry({ contextName }));
        expect(await page({ contextName })).toHaveLength(1);
        throw new Error('made to fail');
      }),
    ).rejects.toThrow('made to fail');
    expect(await page({ contextName })).toEqual([]);
    expect(await all({ contextName })).toEqual([]);
  });

  it('releases the connection of a long read that is abandoned or fails', async () => {
    const contextName = randomUUID();
    const last = await sealed(anEntry({ contextName }), anEntry({ contextName }));
    const refuse = async (): Promise<never> => {
      throw new Error('made to fail');
    };
    for (let n = 0; n < MANY_READERS; n++) {
      for await (const batch of register().audit.all({ contextName }, undefined, ignore)) {
        expect(batch).not.toEqual([]);
        break;
      }
      await expect(register().audit.all({ contextName }, undefined, refuse).next()).rejects.toThrow(
        'made to fail',
      );
      for await (const { block } of register().audit.chain()) {
        expect(block.number).toBe(1);
        break;
      }
    }
    expect(await all({ contextName })).toHaveLength(2);
    expect(await lastLink()).toBe(last.number);
  });

  it('returns unsealed entries by ascending id', async () => {
    const { audit } = register();
    await sealAll();
    expect(await audit.hasUnsealed()).toBe(false);
    expect(await audit.unsealed(10)).toEqual([]);
    const entries = [3, 2, 1].map((at) => anEntry({ at, contextName: randomUUID() }));
    await insert(...entries);
    expect(await audit.hasUnsealed()).toBe(true);
    const unsealed = await audit.unsealed(10);
    expect(unsealed).toEqual(entries.map((entry) => ({ id, ...entry, block: null })));
    expect(unsealed.map((entry) => entry.id)).toEqual(
      unsealed.map((entry) => entry.id).toSorted((a, b) => a - b),
    );
    expect(await audit.unsealed(2)).toEqual(unsealed.slice(0, 2));

    const block = await sealSome(2);
    expect(await audit.unsealed(10)).toEqual(unsealed.slice(2));
    expect(await audit.hasUnsealed()).toBe(true);
    const next = await sealSome(2);
    expect(await audit.hasUnsealed()).toBe(false);
    const kept = await Promise.all(
      entries.map(({ contextName }) => page({ contextName: String(contextName) })),
    );
    expect(kept.flat()).toEqual([block, block, next].map((of, n) => ({ ...unsealed[n], block: of?.number })));
  });

  it('returns the last block as the head', async () => {
    const { audit } = register();
    const before = await headNumber();
    for (const count of [1, 3]) {
      const block = await sealed(...Array.from({ length: count }, () => anEntry()));
      const head = await audit.head();
      expect(head).toEqual(block);
      expect(Buffer.isBuffer(head?.digests)).toBe(true);
      expect(head?.digests.equals(block.digests)).toBe(true);
      expect(block.digests).toHaveLength(32 * count);
      const { number, hash } = block;
      expect(await run(() => audit.lockHead())).toMatchObject({ number, hash });
    }
    expect(await headNumber()).toBeGreaterThanOrEqual(before + 2);
    const head = await audit.head();
    await expect(
      run(async () => {
        const block = await sealed(anEntry());
        expect(await audit.head()).toEqual(block);
        throw new Error('made to fail');
      }),
    ).rejects.toThrow('made to fail');
    expect(await audit.head()).toEqual(head);
  });

  it('makes concurrent sealers take turns', async () => {
    const contextName = randomUUID();
    const last = await sealed(anEntry());
    await insert(...Array.from({ length: 6 }, () => anEntry({ contextName })));
    const sealer = async (): Promise<void> => {
      while ((await sealSome(1)) !== undefined);
    };
    await Promise.all([sealer(), sealer()]);
    const blocks = (await page({ contextName })).map(({ block }) => block).reverse();
    expect(blocks).toEqual([1, 2, 3, 4, 5, 6].map((n) => last.number + n));
    const links = await rest(register().audit.chain());
    let head: Block | undefined = last;
    for (const { block, entries } of links.slice(-6)) {
      expect(block).toEqual(seal(head, entries, [], block.sealedAt));
      head = block;
    }
  });

  it('reads every block with its entries', async () => {
    const contextName = randomUUID();
    const before = await sealed(anEntry());
    const descending = [3, 2, 1].map((at) => anEntry({ at, contextName }));
    const first = await sealed(...descending);
    const last = await sealed(anEntry({ contextName, at: 0 }));
    await insert(anEntry());
    const links = await rest(register().audit.chain());
    expect(links.map(({ block }) => block.number)).toEqual(
      Array.from({ length: last.number }, (_, n) => n + 1),
    );
    expect(links.slice(-3).map(({ block }) => block)).toEqual([before, first, last]);
    expect(links.slice(-2).map(({ entries }) => entries.map(({ at, block }) => ({ at, block })))).toEqual([
      [3, 2, 1].map((at) => ({ at, block: first.number })),
      [{ at: 0, block: last.number }],
    ]);
    expect(
      links.flatMap(({ block, entries }) => entries.filter((entry) => entry.block !== block.number)),
    ).toEqual([]);
    expect(seal(before, links.at(-2)?.entries ?? [], [], first.sealedAt)).toEqual(first);

    await deleteThrough(last.number, 10_000);
    const emptied = await rest(register().audit.chain());
    expect(plain(emptied)).toEqual(plain(links.map((link) => ({ ...link, entries: [] }))));
    const next = await sealSome();
    expect(await lastLink()).toBe(next?.number);
  });

  it('reads a chain of more blocks than a batch', async () => {
    await sealAll();
    const last = await headNumber();
    await run(async () => {
      for (let n = 0; n < MANY_BLOCKS; n++) {
        await insert(anEntry());
        await sealSome();
      }
    });
    const links = await rest(register().audit.chain());
    expect(links.map(({ block }) => block.number)).toEqual(
      Array.from({ length: last + MANY_BLOCKS }, (_, n) => n + 1),
    );
    expect(links.slice(-MANY_BLOCKS).map(({ entries }) => entries.length)).toEqual(
      Array.from({ length: MANY_BLOCKS }, () => 1),
    );
  });

  it('reads the chain as it was at the first block, whatever changes meanwhile', async () => {
    await sealed(anEntry(), anEntry());
    const before = await rest(register().audit.chain());
    const chain = register().audit.chain();
    const { value: first } = (await chain.next()) as { value: SealedBlock };
    const next = await sealed(anEntry());
    await deleteThrough(next.number, 10_000);
    const links = await rest(chain);
    expect(plain([first, ...links])).toEqual(plain(before));
    expect(links.at(-1)?.block.number).toBe(next.number - 1);
  });

  it('seals versions of customers a few at a time', async () => {
    const { audit, versions } = register();
    await sealAll();
    const here = principal(await newContext(register()));
    const customer = { ...CUSTOMER, id: 900_000_000 + (await headNumber()) };
    const add = (name: string, updatedAt: number): Promise<void> =>
      run(() => versions.insert(here, 'updated', { ...customer, name, updatedAt }));
    for (const [n, name] of ['a', 'b', 'b'].entries()) await add(name, T + n);
    expect(await audit.hasUnsealed()).toBe(true);
    const unsealed = await audit.unsealedVersions(10);
    expect(unsealed).toEqual(
      [T, T + 1, T + 2].map((at) => ({
        table: 'customer_versions',
        id,
        digest: expect.any(Buffer),
        at,
        hasAuthor: true,
      })),
    );
    const ids = unsealed.map((version) => version.id);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(new Set(unsealed.map(({ digest }) => digest.toString('hex'))).size).toBe(3);
    expect(await audit.unsealedVersions(2)).toEqual(unsealed.slice(0, 2));

    const [first, second] = [await sealSome(2), await sealSome(2)];
    expect(await audit.hasUnsealed()).toBe(false);
    expect(await audit.unsealedVersions(10)).toEqual([]);
    const links = await rest(audit.chain());
    const sealedIn = (n: number): SealedVersion[] | undefined => links.at(n)?.versions.slice();
    expect([sealedIn(-2), sealedIn(-1)]).toEqual([unsealed.slice(0, 2), unsealed.slice(2)]);
    const digests = Buffer.concat(unsealed.map(({ digest }) => digest)).toString('hex');
    expect(`${first?.versionDigests?.toString('hex')}${second?.versionDigests?.toString('hex')}`).toBe(
      digests,
    );
    expect((await audit.head())?.versionDigests).toEqual(second?.versionDigests);
    const changes = await register().customerFeed.changes(
      here.context,
      { block: Number(first?.number), id: 0 },
      Number.MAX_SAFE_INTEGER,
      10,
    );
    expect(changes.map(({ block }) => block)).toEqual([first, first, second].map((block) => block?.number));
  });

  it('finds the last block that was sealed before a time', async () => {
    const { blocks } = register();
    await sealAll();
    const before = await headNumber();
    const sealAt = async (at: number): Promise<number> => {
      await insert(anEntry());
      return Number((await sealSome(1000, at))?.number);
    };
    const start = sealedAt + 1;
    const [first, second, third] = [await sealAt(start), await sealAt(start + 5), await sealAt(start + 5)];
    sealedAt = start + 10;
    expect(first).toBe(before + 1);
    expect(await blocks.lastBefore(0)).toBe(0);
    expect(await blocks.lastBefore(start)).toBe(before);
    expect(await blocks.lastBefore(start + 1)).toBe(first);
    expect(await blocks.lastBefore(start + 5)).toBe(first);
    expect(await blocks.lastBefore(start + 6)).toBe(third);
    expect(third).toBe(second + 1);
    await deleteThrough(third, 10_000);
    expect(await blocks.lastBefore(start + 6)).toBe(third);
  });

  it('deletes the entries of a few blocks at a time and keeps the blocks', async () => {
    await sealAll();
    await deleteThrough(await headNumber(), 10_000);
    const contextName = randomUUID();
    const blocks: Block[] = [];
    for (const count of [2, 1, 3, 1, 2]) {
      blocks.push(await sealed(...Array.from({ length: count }, () => anEntry({ contextName }))));
    }
    await insert(anEntry({ contextName }));
    const [first, second, , fourth, last] = blocks as [Block, Block, Block, Block, Block];
    const left = async (): Promise<(number | null)[]> =>
      (await page({ contextName })).map(({ block }) => (block === null ? null : block - first.number));
    expect(await left()).toEqual([null, 4, 4, 3, 2, 2, 2, 1, 0, 0]);
    expect(await deleteThrough(first.number - 1, 10)).toBe(0);
    expect(await deleteThrough(second.number, 3)).toBe(2);
    expect(await left()).toEqual([null, 4, 4, 3, 2, 2, 2, 1]);
    expect(await deleteThrough(second.number, 3)).toBe(1);
    expect(await deleteThrough(second.number, 3)).toBe(0);
    expect(await left()).toEqual([null, 4, 4, 3, 2, 2, 2]);
    // The limit falls inside the third block, which must not be half deleted.
    expect(await deleteThrough(fourth.number, 2)).toBe(0);
    expect(await left()).toEqual([null, 4, 4, 3, 2, 2, 2]);
    expect(await deleteThrough(last.number, 5)).toBe(4);
    expect(await left()).toEqual([null, 4, 4]);
    expect(await deleteThrough(last.number + 1, 10)).toBe(2);
    expect(await left()).toEqual([null]);
    expect(await register().audit.head()).toEqual(last);
    const links = await rest(register().audit.chain());
    expect(links.slice(-5)).toEqual(blocks.map((block) => ({ block, entries: [], versions: [] })));
  });

  itRefusesWritesOutsideTransactions(async () => {
    const contextName = randomUUID();
    const { audit } = register();
    const last = await sealed(anEntry({ contextName }));
    await insert(anEntry({ contextName }));
    const unsealed = await audit.unsealed(10);
    return {
      read: async () => [await page({ contextName }), await audit.head()],
      writes: [
        () => audit.insert([anEntry({ contextName })]),
        () => audit.insertBlock({ block: seal(last, unsealed, [], T), entries: unsealed, versions: [] }),
        () => audit.deleteThrough(last.number, 10_000),
      ],
    };
  });
}
