import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { addAuditCommands } from '../src/audit/infrastructure/audit.commands.js';
import {
  auditTrail,
  exportTrail,
  sealNow,
  verify,
  type ExportedBlock,
  type Verdict,
} from './support/audit.js';
import { newCaller } from './support/callers.js';
import { runCommandHere } from './support/command.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { dump } from './support/dump.js';
import { addCustomer, addMapping } from './support/mappings.js';
import { runCommand, type Ended } from './support/program.js';
import { TestService } from './support/service.js';
import { until } from './support/until.js';
import { withDataSource } from './support/with-data-source.js';

const LIST = '/api/ipdrcustomers';
const FULL = 3;
/** What is tampered with. */
const TABLES = [
  ...(['audit_entries', 'audit_blocks', 'customer_versions', 'ip_mapping_versions'] as const),
  ...(['customers', 'ip_mappings'] as const),
];

/** Entries enough, and all by the same user: of what an administrator reads, another edit would be none. */
function isUseful({ entries }: ExportedBlock): boolean {
  return entries.length >= FULL && entries.every(({ userName }) => userName !== 'admin');
}

/** Has a service record what its chain has several blocks of, of which four have three entries and more. */
async function fill(service: TestService): Promise<void> {
  const caller = await newCaller(service);
  let n = 0;
  await until(async () => {
    n++;
    await caller.call('POST', LIST, { body: customer(`U${n}`) });
    await Promise.all([1, 2, 3, 4, 5, 6].map((m) => caller.call('GET', pathOf(`nobody-${n}-${m}`))));
    await sealNow(service);
    return (await exportTrail(service)).filter(isUseful).length >= 4;
  });
  await sealNow(service);
}

describe.each(databaseKinds)('an audit trail in a database of $name that somebody tampers with', (kind) => {
  let database: TestDatabase;
  let service: TestService;
  /** As it was sealed. */
  let rows: Record<(typeof TABLES)[number], Record<string, unknown>[]>;
  /** Two blocks with three entries each, neither of them the first or the last; the last one. */
  let [one, two]: { block: number; ids: number[] }[] = [];
  let last: number;

  const behindItsBack = <T>(work: (dataSource: DataSource) => Promise<T>): Promise<T> =>
    withDataSource(database.configuration, work);
  const sql = (statement: string, parameters: unknown[] = []): Promise<unknown> =>
    behindItsBack((dataSource) => dataSource.query(statement, parameters));
  const insert = async (table: string, given: Record<string, unknown>[]): Promise<void> =>
    behindItsBack(async (dataSource) => {
      for (const row of given) {
        const columns = Object.keys(row);
        const marks = columns.map(() => '?').join(', ');
        const statement = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks})`;
        await dataSource.query(statement, Object.values(row));
      }
    });
  const row = (id: number): Record<string, unknown> =>
    rows.audit_entries.find((each) => each['id'] === id) ?? {};
  const expectFault = async (
    fault: string,
    block: number | undefined,
    entry: number | null | undefined,
  ): Promise<void> => {
    const verdict = await verify(service);
    expect(verdict).toMatchObject({ intact: false, fault: { fault, block, entry } });
    expect(verdict.fault?.message).toMatch(/\w/);
  };

  beforeAll(async () => {
    database = await kind.create();
    service = await TestService.start(database);
    await fill(service);
    const exported = await exportTrail(service);
    await sealNow(service);
    rows = (await dump(database.configuration)) as typeof rows;
    last = Math.max(...rows.audit_blocks.map(({ number }) => Number(number)));
    const inner = exported.slice(1, -1).filter(isUseful);
    [one, two] = inner.map(({ block, entries }) => ({ block, ids: entries.map(({ id }) => id) }));
  });
  const restore = async (): Promise<void> => {
    for (const table of TABLES) {
      await sql(`DELETE FROM ${table}`);
      await insert(table, rows[table]);
    }
  };
  afterEach(() => restore());
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  it('is intact before', async () => {
    const verdict = await verify(service);
    const { hash } = rows.audit_blocks.find(({ number }) => Number(number) === last) ?? {};
    expect(verdict).toEqual({
      ...{ intact: true, fault: null, blocks: last, entries: rows.audit_entries.length },
      ...{ versions: rows.customer_versions.length, unsealed_versions_through: 0, purged: 0, purge: null },
      head: { block: last, hash },
      unsealed: { rows: 0, since: null },
    });
  });

  it.each([
    ['at', 'at + 1'],
    ['action', "'customer.deleted'"],
    ['user_name', "'admin'"],
    ['user_name', 'NULL'],
    ['token_id', 'token_id + 1'],
    ['token_label', "'x'"],
    ['address', "'192.0.2.1'"],
    ['context_name', "'default'"],
    ['user_id', "'other'"],
    ['user_id', 'NULL'],
    ['details', `'{"records":7}'`],
    ['details', "'no JSON at all'"],
    ['nonce', "''"],
  ])('names the entry of which %s was set to %s', async (column, value) => {
    await sql(`UPDATE audit_entries SET ${column} = ${value} WHERE id = ?`, [one?.ids[1]]);
    await expectFault('edited', one?.block, one?.ids[1]);
    expect(await auditTrail(service, 'limit=10000')).toContainEqual(
      expect.objectContaining({ id: one?.ids[1] }),
    );
  });

  it('names the first of several that were edited', async () => {
    for (const id of [two?.ids[0], one?.ids[2], one?.ids[1]]) {
      await sql('UPDATE audit_entries SET address = NULL WHERE id = ?', [id]);
    }
    await expectFault('edited', one?.block, one?.ids[1]);
  });

  it('names the entry before one that was removed', async () => {
    await sql('DELETE FROM audit_entries WHERE id = ?', [one?.ids[1]]);
    await expectFault('removed', one?.block, one?.ids[0]);
  });

  it('names the block of which the first, or every entry was removed', async () => {
    await sql('DELETE FROM audit_entries WHERE id = ?', [one?.ids[0]]);
    await expectFault('removed', one?.block, null);
    await sql('DELETE FROM audit_entries WHERE block = ?', [one?.block]);
    await expectFault('removed', one?.block, null);
  });

  it('names the first of two that changed places, in a block and across blocks', async () => {
    const swap = async (a: number | undefined, b: number | undefined): Promise<void> => {
      const [first, second] = [row(a ?? 0), row(b ?? 0)];
      await sql('DELETE FROM audit_entries WHERE id IN (?, ?)', [a, b]);
      await insert('audit_entries', [
        { ...second, id: a, block: first['block'] },
        { ...first, id: b, block: second['block'] },
      ]);
    };
    await swap(one?.ids[0], two?.ids[0]);
    await expectFault('edited', one?.block, one?.ids[0]);
    await restore();
    expect(await verify(service)).toMatchObject({ intact: true });
    await swap(two?.ids[0], two?.ids[2]);
    await expectFault('reordered', two?.block, two?.ids[0]);
  });

  it('names the entry that was inserted', async () => {
    const forged = { ...row(one?.ids[1] ?? 0), nonce: 'forged', id: 1_000_000, block: one?.block };
    await insert('audit_entries', [forged]);
    await expectFault('inserted', one?.block, 1_000_000);
  });

  it('names the block out of which an entry was moved, or into which', async () => {
    await sql('UPDATE audit_entries SET block = ? WHERE id = ?', [two?.block, one?.ids[1]]);
    await expectFault('removed', one?.block, one?.ids[0]);
    await sql('UPDATE audit_entries SET block = ? WHERE id = ?', [one?.block, one?.ids[1]]);
    await sql('UPDATE audit_entries SET block = ? WHERE id = ?', [one?.block, two?.ids[1]]);
    await expectFault('inserted', one?.block, two?.ids[1]);
  });

  it('names the block of an entry that is to be sealed anew', async () => {
    await sql('UPDATE audit_entries SET block = NULL, address = NULL WHERE id = ?', [one?.ids[0]]);
    await sealNow(service);
    await expectFault('removed', one?.block, null);
  });

  it.each([
    ['sealed_at = sealed_at + 1'],
    [`hash = '${'0'.repeat(64)}'`],
    ["digests = ''"],
    ['digests = (SELECT digests FROM (SELECT * FROM audit_blocks) b WHERE number = 1)'],
  ])('names the block of which %s', async (set) => {
    await sql(`UPDATE audit_blocks SET ${set} WHERE number = ?`, [one?.block]);
    await expectFault('block_changed', one?.block, null);
    await restore();
    await sql(`UPDATE audit_blocks SET ${set} WHERE number = ?`, [last]);
    await expectFault('block_changed', last, null);
  });

  it('names the block that was removed, alone or with its entries', async () => {
    await sql('DELETE FROM audit_blocks WHERE number = ?', [one?.block]);
    await expectFault('removed', one?.block, null);
    await sql('DELETE FROM audit_entries WHERE block = ?', [one?.block]);
    await expectFault('removed', one?.block, null);
  });

  it('names the block that has got another number', async () => {
    await sql('UPDATE audit_blocks SET number = ? WHERE number = ?', [last + 1, one?.block]);
    await expectFault('removed', one?.block, null);
  });

  it('names the place where the end was cut off, as long as an entry of it is left', async () => {
    await sql('DELETE FROM audit_blocks WHERE number >= ?', [two?.block]);
    await expectFault('cut_off', two?.block, null);
    await sql('DELETE FROM audit_entries WHERE block >= ? AND id <> ?', [two?.block, two?.ids[0]]);
    await expectFault('cut_off', two?.block, null);
  });

  it.each([['0'], ['-1'], ['1000000']])('names the entry that was inserted for block %s', async (block) => {
    const forged = { ...row(one?.ids[1] ?? 0), nonce: 'forged', id: 1_000_000, block: Number(block) };
    await insert('audit_entries', [forged]);
    if (Number(block) > last) await expectFault('cut_off', last + 1, null);
    else await expectFault('inserted', Number(block), 1_000_000);
  });

  it('shows an entry of which the time is none, and names it', async () => {
    await sql('UPDATE audit_entries SET at = ? WHERE id = ?', [Number.MAX_SAFE_INTEGER, one?.ids[1]]);
    await expectFault('edited', one?.block, one?.ids[1]);
    const entries = await auditTrail(service, 'limit=10000');
    const shown = { id: one?.ids[1], at: String(Number.MAX_SAFE_INTEGER) };
    expect(entries).toContainEqual(expect.objectContaining(shown));
  });

  it('names the block of which the digests are no bytes', async () => {
    for (const column of ['digests', 'version_digests']) {
      await sql(`UPDATE audit_blocks SET ${column} = 7 WHERE number = ?`, [one?.block]);
      await expectFault('block_changed', one?.block, null);
      await restore();
    }
  });

  const version = (n: number): Record<string, unknown> => rows.customer_versions[n] ?? {};

  it.each([
    ['name', "'Other'"],
    ['address', "'Elsewhere'"],
    ['address', 'NULL'],
    ['user_id', "'other'"],
    ['customer_id', 'customer_id + 1000'],
    ['recorded_at', 'recorded_at - 1'],
    ['change_made', "'deleted'"],
    ['by_user', 'NULL'],
    ['by_address', "'192.0.2.1'"],
    ['nonce', "''"],
  ])('names the version of which %s was set to %s', async (column, value) => {
    const { id, block } = version(1);
    await sql(`UPDATE customer_versions SET ${column} = ${value} WHERE id = ?`, [id]);
    await expectFault('edited', Number(block), null);
    expect((await verify(service)).fault?.message).toBe(
      `Row ${String(id)} of customer_versions was changed after its block was sealed`,
    );
  });

  it('names the block of which a version was removed, and the version that was inserted', async () => {
    const { id, block } = version(1);
    await sql('DELETE FROM customer_versions WHERE id = ?', [id]);
    await expectFault('removed', Number(block), null);
    await restore();
    const forged = { ...version(1), id: 1_000_000, customer_id: 1_000_000 };
    await insert('customer_versions', [forged]);
    await expectFault('inserted', Number(block), null);
    for (const none of [0, -1]) {
      await sql('UPDATE customer_versions SET block = ? WHERE id = 1000000', [none]);
      await expectFault('inserted', none, null);
    }
  });

  it('says which purge it relies on, and takes none that was forged for what is too young', async () => {
    await sql('DELETE FROM audit_entries WHERE block <= ?', [one?.block]);
    await expectFault('removed', 1, null);
    const known = row(two?.ids[1] ?? 0);
    let id = 1_000_000;
    const expectNoneTaken = async (before: number, through_block = one?.block): Promise<void> => {
      const details = JSON.stringify({ before: new Date(before), through_block, retention_days: 730 });
      const forged = { ...known, id: ++id, action: 'purge.started', details, block: null };
      await insert('audit_entries', [forged]);
      await sealNow(service);
      expect((await verify(service)).purge).toBeNull();
      await expectFault('removed', 1, null);
    };
    await expectNoneTaken(Date.now() - 730 * 86_400_000); // what is gone was sealed later
    await expectNoneTaken(Date.now() + 60_000); // which must not be gone yet
    await expectNoneTaken(0, 1_000_000); // which was not there
    await sql('UPDATE audit_blocks SET sealed_at = 0 WHERE number = 1');
    await expectFault('block_changed', 1, null);
  });

  it("finds out by the head that was kept what can't be seen otherwise", async () => {
    const read = await service.admin('GET', '/api/admin/audit?limit=1'); // is all that the last block holds
    expect(read.status).toBe(200);
    await sealNow(service);
    const { block, hash } = (await service.admin('GET', '/api/admin/audit/head')).json as {
      block: number;
      hash: string;
    };
    expect([block, hash]).toEqual([last + 1, expect.stringMatching(/^[0-9a-f]{64}$/)]);
    const kept = `block=${block}&hash=${hash}`;
    expect(await verify(service, kept)).toMatchObject({ intact: true, head: { block, hash } });

    const other = await verify(service, `block=${block}&hash=${'0'.repeat(64)}`);
    expect(other).toMatchObject({ intact: false, fault: { fault: 'block_changed', block } });

    const cutOff = async (from: number): Promise<void> => {
      await sql('DELETE FROM audit_blocks WHERE number >= ?', [from]);
      for (const table of ['audit_entries', 'customer_versions']) {
        await sql(`DELETE FROM ${table} WHERE block >= ?`, [from]);
      }
    };
    await cutOff(block);
    expect(await verify(service)).toMatchObject({ intact: true, blocks: last });
    const cut = { fault: 'cut_off', block, entry: null };
    expect(await verify(service, kept)).toMatchObject({ intact: false, fault: cut });
    // What is in the register still has lost its versions.
    await cutOff(two?.block ?? 0);
    expect(await verify(service)).toMatchObject({
      fault: { fault: 'register_changed', block: null, entry: null },
    });
    expect(await verify(service, kept)).toMatchObject({ fault: { ...cut, block: two?.block } });
  });

  it('answers whatever a forged purge may hold, time and again', async () => {
    const details = JSON.stringify({
      before: { toString: 1 },
      through_block: { valueOf: 1 },
      retention_days: 1,
    });
    await sql(
      `INSERT INTO audit_entries (at, action, details, nonce) VALUES (${Date.now()}, 'purge.started', ?, '')`,
      [details],
    );
    await sealNow(service);
    for (let n = 0; n < 20; n++) expect(await verify(service)).toMatchObject({ intact: true, purge: null });
  });

  it('ends, and so does sealing, whatever numbers were put there', async () => {
    if (kind.name === 'SQLite') {
      const values = `${Date.now()}, 'customer.read', '{}', ''`;
      await sql(
        `INSERT INTO audit_entries (id, at, action, details, nonce) VALUES (9007199254740993, ${values})`,
      );
      await sealNow(service);
      expect((await verify(service)).unsealed.rows).toBe(1);
      await sql(
        `INSERT INTO audit_blocks (number, sealed_at, digests, hash) VALUES (9007199254740993, 0, '', '')`,
      );
    } else {
      await sql(`INSERT INTO audit_blocks (number, sealed_at, digests, hash) VALUES (2147483647, 0, '', '')`);
    }
    expect(await verify(service)).toMatchObject({
      intact: false,
      fault: { fault: 'removed', block: last + 1 },
    });
  });

  it.each<[string, string, RegExp]>([
    [
      'a customer with another name',
      "UPDATE customers SET name = 'MALLORY' WHERE id = ?",
      / is not what its/,
    ],
    ['a customer without an address', 'UPDATE customers SET address = NULL WHERE id = ?', / is not what its/],
    ['a customer in another context', 'UPDATE customers SET context_id = 1 WHERE id = ?', / is not what its/],
    [
      'a customer of another time',
      'UPDATE customers SET updated_at = updated_at - 1 WHERE id = ?',
      / is not what its/,
    ],
    ['a customer who was removed', 'DELETE FROM customers WHERE id = ?', / is missing, though/],
  ])('names %s', async (_what, statement, message) => {
    await sealNow(service);
    const [{ id } = { id: 0 }] = (await sql('SELECT MAX(id) AS id FROM customers')) as { id: number }[];
    await sql(statement, [id]);
    const { fault } = await verify(service);
    expect(fault).toMatchObject({ fault: 'register_changed', block: null, entry: null });
    expect(fault?.message).toMatch(new RegExp(`^Row ${id} of customers${message.source}`));
  });

  it.each<[string, string, RegExp]>([
    ['with another holder', 'UPDATE ip_mappings SET customer_id = customer_id + 1', / is not what its/],
    ['of another address', "UPDATE ip_mappings SET ip_subnet = CONCAT(ip_subnet, '0')", / is not what its/],
    ['that ended', 'UPDATE ip_mappings SET valid_to = 1700000001', / is not what its/],
    ['that was removed', 'DELETE FROM ip_mappings', / is missing, though/],
  ])('names a mapping %s', async (_what, statement, message) => {
    const caller = await newCaller(service);
    await addCustomer(caller, 'holder');
    const { id } = await addMapping(caller, 'holder', '203.0.113.7');
    expect(await verify(service)).toMatchObject({ intact: true }); // sealed or not
    await sql(statement);
    const { fault } = await verify(service);
    expect(fault).toMatchObject({ fault: 'register_changed', block: null, entry: null });
    expect(fault?.message).toMatch(new RegExp(`^Row ${id} of ip_mappings${message.source}`));
  });

  it.each([
    ['block=1', 'hash'],
    [`hash=${'0'.repeat(64)}`, 'block'],
    [`block=0&hash=${'0'.repeat(64)}`, 'block'],
    [`block=x&hash=${'0'.repeat(64)}`, 'block'],
    ['block=1&hash=x', 'hash'],
    [`block=1&hash=${'G'.repeat(64)}`, 'hash'],
    [`block=1&hash=${'0'.repeat(64)}&number=1`, 'number'],
  ])('refuses %s', async (query, field) => {
    const answer = await service.admin('GET', `/api/admin/audit/verify?${query}`);
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ field }] } });
  });

  // The last test: no customer gets an id behind this one.
  it('names a customer that was put there, however far away', async () => {
    const far = kind.name === 'SQLite' ? '9007199254740991' : '2147483647';
    const columns = 'context_id, user_id, name, name_search, updated_at';
    await sql(
      `INSERT INTO customers (id, ${columns}) SELECT ${far}, id, 'far', 'n', 'N', 5 FROM contexts WHERE name = 'default'`,
    );
    const fault = { fault: 'register_changed', message: expect.stringContaining(`Row ${far} of customers`) };
    expect(await verify(service)).toMatchObject({ intact: false, fault });
  });
});

describe('an audit trail that was exported', () => {
  let folder: string;
  let file: string;
  let blocks: ExportedBlock[];
  let kept: { block: number; hash: string };
  /** The place of a line in the middle that has three entries. */
  let middle: number;

  /** As it is run elsewhere: there is no register. */
  const command = (...args: string[]): Promise<Ended> =>
    runCommandHere(args, (program, line) =>
      addAuditCommands(
        program,
        () => Promise.reject(new Error()),
        line,
        () => 730,
      ),
    );
  const verifyFile = async (
    lines: readonly object[],
    ...options: string[]
  ): Promise<{ code: number | null; verdict: Record<string, unknown> }> => {
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const { code, stdout, stderr } = await command('--json', 'audit', 'verify', file, ...options);
    expect(stderr).toBe('');
    return { code, verdict: JSON.parse(stdout) as Record<string, unknown> };
  };
  const expectRefusal = ({ code, stdout, stderr }: Ended, line: RegExp): void => {
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^ipdr-customers: [^\n{]+\n$/);
    expect(stderr).toMatch(line);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ipdr-audit-'));
    const database = await databaseKinds[0]!.create();
    const service = await TestService.start(database);
    await fill(service);
    const answer = await service.admin('GET', '/api/admin/audit/export');
    expect(answer.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    await writeFile(join(folder, 'downloaded'), answer.text);
    blocks = answer.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as ExportedBlock);
    await service.stop();
    await database.drop();
    const { block, hash } = blocks.at(-1) as ExportedBlock;
    kept = { block, hash };
    middle = blocks.findIndex(({ entries }, n) => n > 0 && n < blocks.length - 1 && entries.length >= FULL);
  });
  beforeEach(() => {
    file = join(folder, 'tampered');
  });
  afterAll(() => rm(folder, { recursive: true }));

  const head = (): string[] => ['--block', String(kept.block), '--hash', kept.hash];
  const edited = (change: (block: ExportedBlock) => object): object[] =>
    blocks.map((block, n) => (n === middle ? { ...block, ...change(block) } : block));
  const middleBlock = (): ExportedBlock => blocks[middle] as ExportedBlock;

  it('is verified as it was downloaded, without the register', async () => {
    for (const options of [[], head()]) {
      const { code, stdout, stderr } = await command(
        'audit',
        'verify',
        join(folder, 'downloaded'),
        ...options,
      );
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toContain(kept.hash);
      expect(stdout).toMatch(/^intact .*\ntrue /);
    }
    const { verdict } = await verifyFile(blocks, ...head());
    const entries = blocks.flatMap((block) => block.entries).length;
    expect(verdict).toEqual({
      ...{ intact: true, fault: null, blocks: blocks.length, entries, versions: 0 },
      ...{ unsealed_versions_through: 0, purged: 0, purge: null, head: kept },
    });
  });

  it('tells what waits to be sealed of no file, and takes no line end for another', async () => {
    const [block] = blocks as [ExportedBlock];
    const [entry] = block.entries;
    const odd = { ...block, entries: [{ ...entry, userId: 'a\u2028b\u0085c' }] };
    const { verdict } = await verifyFile([odd]);
    expect(verdict).toMatchObject({ intact: false, fault: { fault: 'edited', entry: entry?.id } });
    expect(verdict).not.toHaveProperty('unsealed');
  });

  it('has nothing in its entries that is not sealed', async () => {
    const lines = edited(({ entries }) => ({
      entries: entries.map((entry) => ({ ...entry, note: 'forged' })),
    }));
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expectRefusal(
      await command('audit', 'verify', file),
      new RegExp(`line ${middle + 1} of .* is not a block`),
    );
  });

  it.each<[string, () => object[], string, () => number | null]>([
    [
      'an entry that was edited',
      () => edited(({ entries }) => ({ entries: entries.with(1, { ...entries[1]!, userId: 'other' }) })),
      'edited',
      () => middleBlock().entries[1]!.id,
    ],
    [
      'the place of an entry that was removed',
      () => edited(({ entries }) => ({ entries: entries.toSpliced(1, 1) })),
      'removed',
      () => middleBlock().entries[0]!.id,
    ],
    [
      'entries that changed places',
      () => edited(({ entries }) => ({ entries: entries.toReversed() })),
      'reordered',
      () => middleBlock().entries.at(-1)!.id,
    ],
    [
      'an entry that was inserted',
      () => edited(({ entries }) => ({ entries: [...entries, { ...entries[0]!, nonce: 'x', id: 77_777 }] })),
      'inserted',
      () => 77_777,
    ],
    ['a block without entries', () => edited(() => ({ entries: [] })), 'removed', () => null],
    [
      'a block of which the time was edited',
      () => edited(() => ({ sealed_at: 5 })),
      'block_changed',
      () => null,
    ],
    [
      'a block of which the digests are gone',
      () => edited(() => ({ digests: '' })),
      'block_changed',
      () => null,
    ],
    ['a line that was removed', () => blocks.toSpliced(middle, 1), 'removed', () => null],
    [
      'lines that changed places',
      () => blocks.with(middle, blocks[middle + 1]!).with(middle + 1, middleBlock()),
      'removed',
      () => null,
    ],
  ])('names %s, and fails', async (_what, tamper, fault, entry) => {
    const { code, verdict } = await verifyFile(tamper());
    const found = { fault, block: middle + 1, entry: entry() };
    expect([code, verdict]).toMatchObject([1, { intact: false, fault: found }]);
  });

  it('names the end that was cut off, if a head was kept', async () => {
    const lines = blocks.slice(0, middle);
    expect(await verifyFile(lines)).toMatchObject({ code: 0, verdict: { intact: true } });
    const verdict = (block: number): object => ({
      intact: false,
      fault: { fault: 'cut_off', block, entry: null },
    });
    expect(await verifyFile(lines, ...head())).toMatchObject({ code: 1, verdict: verdict(middle + 1) });
    expect(await verifyFile([], ...head())).toMatchObject({ code: 1, verdict: verdict(1) });
  });

  it.each([
    ['a line that is no JSON', 'hello\n'],
    ['JSON that is no block', '{"a":1}\n'],
    ['JSON that is no object', 'null\n'],
    ['a block without digests', '{"block":1,"sealed_at":1,"hash":"x","entries":[]}\n'],
    ['an entry that is none', '{"block":1,"sealed_at":1,"hash":"x","digests":"","entries":[null]}\n'],
    ['bytes', Buffer.from([0, 0xff, 0xfe, 10])],
  ])('is not a file that has %s', async (_what, content) => {
    await writeFile(file, content);
    expectRefusal(
      await command('audit', 'verify', file),
      /line 1 of .* is not a block of an exported audit trail/,
    );
  });

  it.each(['', '\n\n'])('is not a file that has no block: %j', async (content) => {
    await writeFile(file, content);
    expectRefusal(await command('audit', 'verify', file), /contains no block/);
  });

  it('may be a file with blank lines', async () => {
    await writeFile(file, `${await readFile(join(folder, 'downloaded'), 'utf8')}\n\n`);
    expect(await command('audit', 'verify', file)).toMatchObject({ code: 0, stderr: '' });
  });

  it('is not a file that was cut off within a line', async () => {
    const text = await readFile(join(folder, 'downloaded'), 'utf8');
    await writeFile(file, text.slice(0, -10));
    const line = new RegExp(`line ${blocks.length} of .* is not a block`);
    expectRefusal(await command('audit', 'verify', file), line);
  });

  it('is not a file that is missing, nor a folder', async () => {
    expectRefusal(await command('audit', 'verify', join(folder, 'nowhere')), /nowhere/);
    expectRefusal(await command('audit', 'verify', folder), new RegExp(folder));
  });

  it.each([
    ['--block', '1'],
    ['--hash', '0'.repeat(64)],
    ['--block', 'x', '--hash', '0'.repeat(64)],
    ['--block', '1', '--hash', 'x'],
  ])('is not verified against half a head, or what is none: %s %s', async (...options) => {
    const ended = await command('audit', 'verify', join(folder, 'downloaded'), ...options);
    expectRefusal(ended, /block|hash/);
  });
});

describe.each(databaseKinds)('the commands about the audit trail, on $name,', (kind) => {
  let database: TestDatabase;
  let service: TestService;
  let folder: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ipdr-audit-'));
    database = await kind.create();
    service = await TestService.start(database);
    await fill(service);
    const { configuration } = database;
    env = {
      DATABASE_URL: configuration.type === 'mysql' ? configuration.url : `sqlite:${configuration.path}`,
    };
  });
  afterAll(async () => {
    await service.stop();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const command = (...args: string[]): Promise<Ended> =>
    runCommandHere(['audit', ...args], (program, line) =>
      addAuditCommands(
        program,
        (work) => work(service.app, line()),
        line,
        () => 730,
      ),
    );
  const json = async (...args: string[]): Promise<[number | null, Record<string, unknown>]> => {
    const { code, stdout, stderr } = await command(...args, '--json');
    expect(stderr).toBe('');
    return [code, JSON.parse(stdout) as Record<string, unknown>];
  };

  it('tell the head, which is what the API tells', async () => {
    await sealNow(service);
    const [code, head] = await json('head');
    expect(code).toBe(0);
    expect(head).toEqual((await service.admin('GET', '/api/admin/audit/head')).json);
    const { block, hash } = head as { block: number; hash: string };
    const [, verdict] = await json('verify', '--block', String(block), '--hash', hash);
    expect(verdict).toMatchObject({ intact: true, head: { block, hash } });
  });

  it('export what can be verified elsewhere, into a new file that nobody else can read', async () => {
    const path = join(folder, 'trail');
    const before = await auditTrail(service, 'action=audit.read&limit=1');
    expect(await runCommand(['audit', 'export', path], env)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const { code, stdout } = await runCommand(['--json', 'audit', 'verify', path], {});
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { intact: true }]);
    const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
    const exported = await exportTrail(service);
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual(exported.slice(0, lines.length));

    const entries = await auditTrail(service, `user=${userInfo().username}&action=audit.read`);
    expect(entries).toEqual([
      expect.objectContaining({
        token_id: null,
        address: null,
        context: null,
        details: { export: true, blocks: expect.any(Number) },
      }),
    ]);
    expect(before.map(({ id }) => id)).not.toContain(entries[0]?.id);

    const again = await command('export', path);
    expect(again).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^[^\n]+\n$/) });
    expect(again.stderr).toContain(path);
    expect((await readFile(path, 'utf8')).split('\n').slice(0, -1)).toEqual(lines);
    expect(await auditTrail(service, `user=${userInfo().username}&action=audit.read`)).toHaveLength(1);
  });

  it('verify, and fail if that does', async () => {
    await sealNow(service);
    const expected: Verdict = await verify(service);
    const { head } = expected;
    expect(await json('verify')).toEqual([0, expected]);
    const kept = ['--block', String(head.block + 1000), '--hash', head.hash];
    const cut = { fault: 'cut_off', block: head.block + 1, entry: null };
    expect(await json('verify', ...kept)).toMatchObject([1, { intact: false, fault: cut }]);

    const [entry] = await auditTrail(service, 'action=customer.created');
    await withDataSource(database.configuration, (dataSource) =>
      dataSource.query('UPDATE audit_entries SET user_id = ? WHERE id = ?', ['other', entry?.id]),
    );
    const edited = { fault: 'edited', block: entry?.block, entry: entry?.id };
    expect(await json('verify')).toMatchObject([1, { intact: false, fault: edited }]);
    const half = await command('verify', '--block', '1');
    expect(half).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'ipdr-customers: hash is required: block and hash go together\n',
    });
  });
});
