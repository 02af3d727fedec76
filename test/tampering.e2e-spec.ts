import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { auditTrail, exportTrail, sealNow, verify } from './support/audit.js';
import { newCaller } from './support/callers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { dump } from './support/dump.js';
import { addCustomer, addMapping } from './support/mappings.js';
import { TestService } from './support/service.js';
import { fillTrail, isUseful } from './support/trail.js';
import { withDataSource } from './support/with-data-source.js';

/** The tables to tamper with. */
const TABLES = [
  'audit_blocks',
  'audit_entries',
  'customer_versions',
  'ip_mapping_versions',
  'customers',
  'ip_mappings',
] as const;

function insertRow(
  connection: Pick<DataSource, 'query'>,
  table: string,
  row: Record<string, unknown>,
): Promise<unknown> {
  const columns = Object.keys(row);
  const marks = columns.map(() => '?').join(', ');
  return connection.query(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks})`,
    Object.values(row),
  );
}

describe.each(databaseKinds)('verifying an audit trail that somebody tampered with, on $name', (kind) => {
  let database: TestDatabase;
  let service: TestService;
  /** The tables as they were sealed. */
  let rows: Record<(typeof TABLES)[number], Record<string, unknown>[]>;
  /** Two blocks with three entries each, neither the first nor the last; and the number of the last. */
  let [one, two]: { block: number; ids: number[] }[] = [];
  let last: number;

  const behindItsBack = <T>(work: (dataSource: DataSource) => Promise<T>): Promise<T> =>
    withDataSource(database.configuration, work);
  const sql = (statement: string, parameters: unknown[] = []): Promise<unknown> =>
    behindItsBack((dataSource) => dataSource.query(statement, parameters));
  const insert = (table: string, row: Record<string, unknown>): Promise<unknown> =>
    behindItsBack((dataSource) => insertRow(dataSource, table, row));
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
    await fillTrail(service);
    const exported = await exportTrail(service);
    await sealNow(service);
    rows = (await dump(database.configuration)) as typeof rows;
    last = Math.max(...rows.audit_blocks.map(({ number }) => Number(number)));
    const inner = exported.slice(1, -1).filter(isUseful);
    [one, two] = inner.map(({ block, entries }) => ({ block, ids: entries.map(({ id }) => id) }));
  });
  /** In one transaction that holds the sealer's lock, row 0: the sealer sees all of it or nothing. */
  const restore = (): Promise<void> =>
    behindItsBack((dataSource) =>
      dataSource.transaction(async (manager) => {
        await manager.query('UPDATE audit_blocks SET sealed_at = 0 WHERE number = 0');
        for (const table of TABLES) {
          await manager.query(`DELETE FROM ${table}${table === 'audit_blocks' ? ' WHERE number <> 0' : ''}`);
          for (const row of rows[table]) await insertRow(manager, table, row);
        }
      }),
    );
  afterEach(() => restore());
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  it('finds the untouched trail intact', async () => {
    const verdict = await verify(service);
    const { hash } = rows.audit_blocks.find(({ number }) => Number(number) === last) ?? {};
    expect(verdict).toEqual({
      intact: true,
      fault: null,
      blocks: last,
      entries: rows.audit_entries.length,
      versions: rows.customer_versions.length,
      unsealed_versions_through: 0,
      purged: 0,
      purge: null,
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
  ])('names the entry whose %s was set to %s', async (column, value) => {
    await sql(`UPDATE audit_entries SET ${column} = ${value} WHERE id = ?`, [one?.ids[1]]);
    await expectFault('edited', one?.block, one?.ids[1]);
    expect(await auditTrail(service, 'limit=10000')).toContainEqual(
      expect.objectContaining({ id: one?.ids[1] }),
    );
  });

  it('names the first of several edited entries', async () => {
    for (const id of [two?.ids[0], one?.ids[2], one?.ids[1]]) {
      await sql('UPDATE audit_entries SET address = NULL WHERE id = ?', [id]);
    }
    await expectFault('edited', one?.block, one?.ids[1]);
  });

  it('names the entry before a removed one', async () => {
    await sql('DELETE FROM audit_entries WHERE id = ?', [one?.ids[1]]);
    await expectFault('removed', one?.block, one?.ids[0]);
  });

  it('names the block that lost its first entry, or all entries', async () => {
    await sql('DELETE FROM audit_entries WHERE id = ?', [one?.ids[0]]);
    await expectFault('removed', one?.block, null);
    await sql('DELETE FROM audit_entries WHERE block = ?', [one?.block]);
    await expectFault('removed', one?.block, null);
  });

  it('names the first of two entries that were swapped, within a block and across blocks', async () => {
    const swap = async (a: number | undefined, b: number | undefined): Promise<void> => {
      const [first, second] = [row(a ?? 0), row(b ?? 0)];
      await sql('DELETE FROM audit_entries WHERE id IN (?, ?)', [a, b]);
      await insert('audit_entries', { ...second, id: a, block: first['block'] });
      await insert('audit_entries', { ...first, id: b, block: second['block'] });
    };
    await swap(one?.ids[0], two?.ids[0]);
    await expectFault('edited', one?.block, one?.ids[0]);
    await restore();
    expect(await verify(service)).toMatchObject({ intact: true });
    await swap(two?.ids[0], two?.ids[2]);
    await expectFault('reordered', two?.block, two?.ids[0]);
  });

  it('names an inserted entry', async () => {
    const forged = { ...row(one?.ids[1] ?? 0), nonce: 'forged', id: 1_000_000, block: one?.block };
    await insert('audit_entries', forged);
    await expectFault('inserted', one?.block, 1_000_000);
  });

  it('names the block that an entry was moved out of, or into', async () => {
    await sql('UPDATE audit_entries SET block = ? WHERE id = ?', [two?.block, one?.ids[1]]);
    await expectFault('removed', one?.block, one?.ids[0]);
    await sql('UPDATE audit_entries SET block = ? WHERE id = ?', [one?.block, one?.ids[1]]);
    await sql('UPDATE audit_entries SET block = ? WHERE id = ?', [one?.block, two?.ids[1]]);
    await expectFault('inserted', one?.block, two?.ids[1]);
  });

  it('names the block of an entry that was edited and unsealed', async () => {
    await sql('UPDATE audit_entries SET block = NULL, address = NULL WHERE id = ?', [one?.ids[0]]);
    await sealNow(service);
    await expectFault('removed', one?.block, null);
  });

  it.each([
    ['sealed_at = sealed_at + 1'],
    [`hash = '${'0'.repeat(64)}'`],
    ["digests = ''"],
    ['digests = (SELECT digests FROM (SELECT * FROM audit_blocks) b WHERE number = 1)'],
  ])('names the block after %s', async (set) => {
    await sql(`UPDATE audit_blocks SET ${set} WHERE number = ?`, [one?.block]);
    await expectFault('block_changed', one?.block, null);
    await restore();
    await sql(`UPDATE audit_blocks SET ${set} WHERE number = ?`, [last]);
    await expectFault('block_changed', last, null);
  });

  it('names a block that was removed, alone or with its entries', async () => {
    await sql('DELETE FROM audit_blocks WHERE number = ?', [one?.block]);
    await expectFault('removed', one?.block, null);
    await sql('DELETE FROM audit_entries WHERE block = ?', [one?.block]);
    await expectFault('removed', one?.block, null);
  });

  it('names a block that was renumbered', async () => {
    await sql('UPDATE audit_blocks SET number = ? WHERE number = ?', [last + 1, one?.block]);
    await expectFault('removed', one?.block, null);
  });

  it('names the block where the end was cut off, if one of its entries is left', async () => {
    await sql('DELETE FROM audit_blocks WHERE number >= ?', [two?.block]);
    await expectFault('cut_off', two?.block, null);
    await sql('DELETE FROM audit_entries WHERE block >= ? AND id <> ?', [two?.block, two?.ids[0]]);
    await expectFault('cut_off', two?.block, null);
  });

  it.each([['0'], ['-1'], ['1000000']])('names an entry that was inserted into block %s', async (block) => {
    const forged = { ...row(one?.ids[1] ?? 0), nonce: 'forged', id: 1_000_000, block: Number(block) };
    await insert('audit_entries', forged);
    if (Number(block) > last) await expectFault('cut_off', last + 1, null);
    else await expectFault('inserted', Number(block), 1_000_000);
  });

  it('names an entry whose time is out of range, and lists it', async () => {
    await sql('UPDATE audit_entries SET at = ? WHERE id = ?', [Number.MAX_SAFE_INTEGER, one?.ids[1]]);
    await expectFault('edited', one?.block, one?.ids[1]);
    const entries = await auditTrail(service, 'limit=10000');
    const shown = { id: one?.ids[1], at: String(Number.MAX_SAFE_INTEGER) };
    expect(entries).toContainEqual(expect.objectContaining(shown));
  });

  it('names a block whose digests are not bytes', async () => {
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
  ])('names the version whose %s was set to %s', async (column, value) => {
    const { id, block } = version(1);
    await sql(`UPDATE customer_versions SET ${column} = ${value} WHERE id = ?`, [id]);
    await expectFault('edited', Number(block), null);
    expect((await verify(service)).fault?.message).toBe(
      `Row ${String(id)} of customer_versions was changed after its block was sealed`,
    );
  });

  it('names the block of a removed version, and of an inserted one', async () => {
    const { id, block } = version(1);
    await sql('DELETE FROM customer_versions WHERE id = ?', [id]);
    await expectFault('removed', Number(block), null);
    await restore();
    const forged = { ...version(1), id: 1_000_000, customer_id: 1_000_000 };
    await insert('customer_versions', forged);
    await expectFault('inserted', Number(block), null);
    for (const none of [0, -1]) {
      await sql('UPDATE customer_versions SET block = ? WHERE id = 1000000', [none]);
      await expectFault('inserted', none, null);
    }
  });

  it('rejects a forged purge of entries that are too young to be purged', async () => {
    await sql('DELETE FROM audit_entries WHERE block <= ?', [one?.block]);
    await expectFault('removed', 1, null);
    const known = row(two?.ids[1] ?? 0);
    let id = 1_000_000;
    const expectNoneTaken = async (before: number, through_block = one?.block): Promise<void> => {
      const details = JSON.stringify({ before: new Date(before), through_block, retention_days: 730 });
      const forged = { ...known, id: ++id, action: 'purge.started', details, block: null };
      await insert('audit_entries', forged);
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

  it('finds by a kept head a cut that nothing else shows', async () => {
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

  it('answers repeatedly, whatever a forged purge holds', async () => {
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

  it('ends, like sealing, whatever numbers a forged row has', async () => {
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
    ['a renamed customer', "UPDATE customers SET name = 'MALLORY' WHERE id = ?", / is not what its/],
    ['a customer without an address', 'UPDATE customers SET address = NULL WHERE id = ?', / is not what its/],
    ['a customer in another context', 'UPDATE customers SET context_id = 1 WHERE id = ?', / is not what its/],
    [
      'a customer with another time of change',
      'UPDATE customers SET updated_at = updated_at - 1 WHERE id = ?',
      / is not what its/,
    ],
    ['a removed customer', 'DELETE FROM customers WHERE id = ?', / is missing, though/],
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
  ])('refuses the query %s', async (query, field) => {
    const answer = await service.admin('GET', `/api/admin/audit/verify?${query}`);
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ field }] } });
  });

  // The last test: no customer gets an id behind this one.
  it('names an inserted customer, however high its id', async () => {
    const far = kind.name === 'SQLite' ? '9007199254740991' : '2147483647';
    const columns = 'context_id, user_id, name, name_search, updated_at';
    await sql(
      `INSERT INTO customers (id, ${columns}) SELECT ${far}, id, 'far', 'n', 'N', 5 FROM contexts WHERE name = 'default'`,
    );
    const fault = { fault: 'register_changed', message: expect.stringContaining(`Row ${far} of customers`) };
    expect(await verify(service)).toMatchObject({ intact: false, fault });
  });
});
