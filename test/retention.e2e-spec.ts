import { userInfo } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { addRetentionCommands } from '../src/retention/infrastructure/retention.commands.js';
import { auditTrail, exportTrail, sealNow, verify } from './support/audit.js';
import { newCaller, type Caller } from './support/callers.js';
import type { Answer, Call } from './support/client.js';
import { runCommandHere } from './support/command.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { dump } from './support/dump.js';
import { addMapping, mappingPath, MAPPINGS } from './support/mappings.js';
import { Program, runCommand, type Ended } from './support/program.js';
import { TestService } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { until } from './support/until.js';
import { withDataSource } from './support/with-data-source.js';

const LIST = '/api/ipdrcustomers';
const START = Date.parse('2026-11-24T00:00:00Z');
const DAY = 86_400_000;
const RETENTION = 100;

const onDay = (day: number): string => new Date(START + day * DAY).toISOString().replace('.000Z', 'Z');

describe.each(databaseKinds)(`purging what is older than ${RETENTION} days, on $name,`, (kind) => {
  let database: TestDatabase;
  let service: TestService;
  let caller: Caller;
  const clock = new TestClock();

  beforeEach(async () => {
    clock.at = START;
    database = await kind.create();
    service = await TestService.start(database, {
      adapt: clock.adapt,
      env: { RETENTION_DAYS: String(RETENTION), TRUST_PROXY: '127.0.0.1' },
    });
    caller = await newCaller(service);
  });
  afterEach(async () => {
    await service.stop();
    await database.drop();
  });

  const purge = (body: object = {}, call: Call = {}): Promise<Answer> =>
    service.admin('POST', '/api/admin/purge', { ...call, body });
  const call = async (method: string, path: string, call: Call = {}): Promise<unknown> => {
    const answer = await caller.call(method, path, call);
    expect([method, path, answer.status]).toEqual([method, path, 200]);
    return answer.json;
  };
  const create = (UserID: string): Promise<unknown> => call('POST', LIST, { body: customer(UserID) });
  const statuses = async (...paths: string[]): Promise<number[]> =>
    (await Promise.all(paths.map((path) => caller.call('GET', path)))).map(({ status }) => status);
  const recordedAt = (UserID: string, day: number): string => `${pathOf(UserID)}?recorded_at=${onDay(day)}`;
  /** Seals at the present time and moves the clock to a later day. */
  const goTo = async (day: number): Promise<void> => {
    await sealNow(service);
    clock.at = START + day * DAY;
  };
  /** All rows, except when tokens were used, which is written beside requests. */
  const tables = async (): Promise<Record<string, object[]>> => {
    return { ...(await dump(database.configuration)), tokens: [] };
  };
  const sql = (statement: string, parameters: unknown[] = []): Promise<unknown> =>
    withDataSource(database.configuration, (dataSource) => dataSource.query(statement, parameters));

  it('removes only customers that were deleted longer ago, with all their versions', async () => {
    await create('living');
    await create('old');
    await create('younger');
    await create('used again');
    await call('PATCH', pathOf('living'), { body: { Name: 'Second' } });
    clock.at = START + DAY;
    await call('PATCH', pathOf('old'), { body: { UserID: 'renamed' } });
    await call('DELETE', pathOf('renamed'));
    await call('DELETE', pathOf('used again'));
    clock.at = START + 2 * DAY;
    await create('used again');
    await call('PATCH', pathOf('living'), { body: { Name: 'Third' } });
    await goTo(50);
    await call('DELETE', pathOf('younger'));
    await goTo(RETENTION + 40);

    const answer = await purge();
    expect(answer).toMatchObject({ status: 200, json: { before: onDay(40), customers: 2 } });
    const gone = ['old', 'renamed'].flatMap((user) => [
      `${pathOf(user)}/history`,
      `${pathOf(user)}/mappings/history`,
      recordedAt(user, 0.5),
    ]);
    expect(new Set(await statuses(...gone, recordedAt('used again', 0.5)))).toEqual(new Set([404]));
    expect(await call('GET', `${pathOf('used again')}/history`)).toMatchObject([{ change: 'created' }]);
    expect(await call('GET', recordedAt('used again', 3))).toMatchObject({ UserID: 'used again' });
    expect(await call('GET', `${pathOf('younger')}/history`)).toMatchObject([
      { change: 'deleted' },
      { change: 'created', recorded_at: '2026-11-24T00:00:00.000Z' },
    ]);
    expect(await call('GET', recordedAt('younger', 49))).toMatchObject({ UserID: 'younger' });
    expect(await call('GET', `${pathOf('living')}/history`)).toHaveLength(3);
    expect(await call('GET', recordedAt('living', 1))).toMatchObject({ Name: 'Second' });
    expect(await call('GET', LIST)).toMatchObject([{ Name: 'Third' }, { UserID: 'used again' }]);
    const { customer_versions: versions = [] } = await tables();
    expect(JSON.stringify(versions)).not.toMatch(/"old"|"renamed"/);
    expect(versions).toHaveLength(6);
  });

  it('keeps what is exactly as old as the limit and removes what is a moment older', async () => {
    await create('at the end');
    await create('before');
    clock.at = START + 10 * DAY - 1;
    await call('DELETE', pathOf('before'));
    await goTo(10);
    await call('DELETE', pathOf('at the end'));
    await goTo(RETENTION + 10);
    expect((await purge()).json).toMatchObject({ before: onDay(10), customers: 1 });
    expect(await auditTrail(service, 'action=customer.deleted')).toMatchObject([{ UserID: 'at the end' }]);
    expect(await statuses(`${pathOf('at the end')}/history`, `${pathOf('before')}/history`)).toEqual([
      200, 404,
    ]);
  });

  it('removes older audit entries and sign-ins and keeps the chain intact', async () => {
    const from = (address: string): Call => ({ headers: { 'x-forwarded-for': address } });
    await caller.call('GET', pathOf('of old'), from('192.0.2.1'));
    await caller.call('GET', LIST, { ...from('192.0.2.1'), body: { api_token: 'x'.repeat(30) } });
    await goTo(5);
    await caller.call('GET', pathOf('of later'), from('192.0.2.2'));
    await goTo(20);
    await caller.call('GET', pathOf('younger'), from('192.0.2.3'));
    await caller.call('GET', LIST, { ...from('192.0.2.3'), body: { api_token: 'x'.repeat(30) } });
    await goTo(RETENTION + 10);
    const addresses = async (): Promise<string[]> => {
      const signIns = (await service.admin('GET', '/api/admin/signins?limit=1000')).json as {
        address: string;
      }[];
      return [...new Set(signIns.map(({ address }) => address))].sort();
    };
    await until(async () => (await addresses()).length === 4); // a success is recorded beside the request
    const before = await auditTrail(service);
    const head = await verify(service);
    expect(head.purged).toBe(0);

    const { json } = await purge();
    const old = before.filter(({ at }) => Date.parse(at) < START + 10 * DAY);
    expect(json).toMatchObject({ before: onDay(10), customers: 0, audit_entries: old.length });
    expect((json as { sign_ins: number }).sign_ins).toBeGreaterThanOrEqual(3);
    const verdict = await verify(service);
    expect(verdict).toMatchObject({ intact: true, fault: null });
    expect(verdict.purged).toBeGreaterThanOrEqual(2);
    const kept = `block=${head.head.block}&hash=${head.head.hash}`;
    expect(await verify(service, kept)).toMatchObject({ intact: true, purged: verdict.purged });

    const after = await auditTrail(service);
    const about = after.map(({ UserID }) => UserID).filter((UserID) => UserID !== null);
    expect(about).toEqual(['younger']);
    expect(await addresses()).toEqual(['127.0.0.1', '192.0.2.3']);
    expect(after.slice(-1)[0]?.block).toBe(verdict.purged + 1);
    const exported = await exportTrail(service);
    const empty = exported.filter(({ entries }) => entries.length === 0).map(({ block }) => block);
    expect(empty).toEqual(Array.from({ length: verdict.purged }, (_, n) => n + 1));
    expect(JSON.stringify(await dump(database.configuration))).not.toContain('of old');
  });

  it('removes the mappings of those customers and mappings that were deleted longer ago', async () => {
    await create('living');
    await create('old');
    await create('younger');
    const kept = [
      await addMapping(caller, 'living', '192.0.2.1', 0, 99),
      await addMapping(caller, 'younger', '192.0.2.2'),
    ];
    const gone = [
      await addMapping(caller, 'living', '198.51.100.1'),
      await addMapping(caller, 'old', '198.51.100.2'),
      await addMapping(caller, 'old', '198.51.100.3', 0, 99),
      await addMapping(caller, 'old', '198.51.100.4', START / 1000 + 999_999_999),
    ];
    const goneLater = await addMapping(caller, 'living', '203.0.113.1');
    clock.at = START + DAY;
    await call('PATCH', mappingPath('living', kept[0]!), { body: { terminalid: 'second' } });
    await call('DELETE', mappingPath('living', gone[0]!));
    await call('DELETE', pathOf('old'));
    await goTo(50);
    await call('DELETE', pathOf('younger'));
    await call('DELETE', mappingPath('living', goneLater));
    await goTo(RETENTION + 40);

    const before = await tables();
    const ids = (rows: object[] = [], of = 'mapping_id'): number[] =>
      (rows as Record<string, number>[]).map((row) => Number(row[of])).sort((a, b) => a - b);
    const [a, b] = kept.map(({ id }) => id) as [number, number];
    expect(ids(before['ip_mappings'], 'id')).toEqual([a, b, gone[1]!.id, gone[2]!.id]);
    // A deleted mapping and a withdrawn one.
    expect((await purge()).json).toMatchObject({ before: onDay(40), customers: 1, mappings: 2 });
    const after = await tables();
    expect(ids(after['ip_mappings'], 'id')).toEqual([a, b]);
    expect(ids(after['ip_mapping_versions'])).toEqual([a, a, b, b, goneLater.id, goneLater.id]);
    const sameIn = (rows: object[] = []): object[] =>
      rows.filter((row) =>
        ids(after['ip_mapping_versions']).includes((row as { mapping_id: number }).mapping_id),
      );
    expect(after['ip_mapping_versions']).toEqual(sameIn(before['ip_mapping_versions']));
    await sealNow(service);
    expect(await verify(service)).toMatchObject({ intact: true, fault: null });
    expect(await call('GET', MAPPINGS)).toEqual([
      { ...kept[0], terminalid: 'second' },
      { ...kept[1], endtime: (START + 50 * DAY) / 1000 - 1 },
    ]);
    // A purged mapping is in nobody's way.
    await addMapping(caller, 'living', '198.51.100.0/24');

    await goTo(2 * RETENTION);
    expect((await purge()).json).toMatchObject({ customers: 1, mappings: 1 });
    expect(ids((await tables())['ip_mappings'], 'id')).toEqual([a, expect.any(Number)]);
    await sealNow(service);
    expect(await verify(service)).toMatchObject({ intact: true, fault: null });
  });

  it('is audited with its caller before and after it is done', async () => {
    await create('old');
    await call('DELETE', pathOf('old'));
    await goTo(RETENTION + 2);
    const admin = await newCaller(service, { role: 'admin', token: { label: 'DPO' } });
    const before = onDay(1);
    const answer = await admin.call('POST', '/api/admin/purge', {
      body: { before },
      headers: { 'x-forwarded-for': '203.0.113.7' },
    });
    const { customers, mappings, audit_entries, sign_ins } = answer.json as Record<string, number>;
    expect(customers).toBe(1);
    const { username, contextname } = admin.credentials;
    const who = { user: username, token_id: admin.tokenId, token: 'DPO', address: '203.0.113.7' };
    const [finished, started, ...rest] = await auditTrail(service, `user=${username}`);
    const common = { ...who, at: new Date(clock.at).toISOString(), context: contextname, UserID: null };
    expect(finished).toMatchObject({ ...common, action: 'purge.finished' });
    expect(finished?.details).toEqual({ customers, mappings, audit_entries, sign_ins });
    expect(started).toMatchObject({ ...common, action: 'purge.started' });
    const { purged, purge: onRecord } = await verify(service);
    expect(started?.details).toEqual({ before, through_block: purged, retention_days: RETENTION });
    const told = { before, through_block: purged, retention_days: RETENTION };
    expect(onRecord).toEqual({ entry: started?.id, ...told });
    expect(rest).toEqual([]);
  });

  it('keeps the chain intact when its limit has milliseconds', async () => {
    clock.at = START + 70;
    await create('old');
    await call('DELETE', pathOf('old'));
    await goTo(RETENTION + 1);
    const before = new Date(START + 999).toISOString();
    expect((await purge({ before })).json).toMatchObject({ before: onDay(0), customers: 0 });
    expect(await verify(service)).toMatchObject({ intact: true });
  });

  it('leaves a chain that is intact at every moment', async () => {
    await create('old');
    await goTo(RETENTION + 1);
    const audit = async (): Promise<boolean> => (await verify(service)).intact;
    let isOver = false;
    const watching = (async () => {
      const seen: boolean[] = [];
      while (!isOver) seen.push(await audit());
      return seen;
    })();
    expect((await purge()).status).toBe(200);
    const after = await audit();
    isOver = true;
    expect([after, ...(await watching)]).not.toContain(false);
  });

  it('is the only way to delete: verification misses what is deleted by hand', async () => {
    await create('old');
    await goTo(5);
    await create('older');
    await goTo(60);
    await create('younger');
    await goTo(RETENTION + 10);
    await sql('DELETE FROM audit_entries WHERE block = 1');
    const removed = { intact: false, fault: { fault: 'removed', block: 1, entry: null } };
    expect(await verify(service)).toMatchObject(removed);
    const more = Number((await exportTrail(service)).at(-1)?.block);
    expect((await purge()).status).toBe(200);
    await sealNow(service);
    const { purged } = await verify(service);
    expect(await verify(service)).toMatchObject({ intact: true });
    expect(purged).toBeLessThanOrEqual(more);
    await sql('DELETE FROM audit_entries WHERE block = ?', [purged + 1]);
    expect(await verify(service)).toMatchObject({
      intact: false,
      fault: { fault: 'removed', block: purged + 1, entry: null },
    });
  });

  it.each([
    ['the day after', (): unknown => onDay(11)],
    ['a second later', (): unknown => (START + 10 * DAY) / 1000 + 1],
    ['now', (): unknown => new Date(clock.at).toISOString()],
    ['the far future', (): unknown => '9999-01-01T00:00:00Z'],
  ])('refuses to remove what must still be kept: %s', async (_what, beforeOf) => {
    await create('old');
    await call('DELETE', pathOf('old'));
    await goTo(RETENTION + 10);
    const before = await tables();
    const answer = await purge({ before: beforeOf() });
    const message = `must be ${onDay(10)} or earlier: RETENTION_DAYS is ${RETENTION}`;
    const errors = [{ field: 'before', message }];
    expect(answer).toMatchObject({ status: 422, json: { code: 'validation_failed', errors } });
    await sealNow(service);
    expect({ ...(await tables()), sign_ins: [] }).toEqual({ ...before, sign_ins: [] });
    expect((await purge({ before: onDay(10) })).json).toMatchObject({ customers: 1 });
  });

  it.each([{ before: 'yesterday' }, { before: -1 }, { before: null }, { before: 1.5 }, { befor: onDay(1) }])(
    'refuses %j and removes nothing',
    async (body) => {
      await create('old');
      await call('DELETE', pathOf('old'));
      await goTo(RETENTION + 10);
      const before = await tables();
      const [field] = Object.keys(body);
      expect(await purge(body)).toMatchObject({ status: 422, json: { errors: [{ field }] } });
      expect({ ...(await tables()), sign_ins: [] }).toEqual({ ...before, sign_ins: [] });
    },
  );

  it('is for administrators alone', async () => {
    await create('old');
    await call('DELETE', pathOf('old'));
    await goTo(RETENTION + 10);
    const contexts = [caller.credentials.contextname];
    for (const [role, scope, code] of [
      ['operator', 'write', 'role_forbidden'],
      ['reader', 'write', 'role_forbidden'],
      ['admin', 'read', 'scope_forbidden'],
    ] as const) {
      const other = await newCaller(service, { role, contexts, token: { scope } });
      const answer = await other.call('POST', '/api/admin/purge');
      expect(answer).toMatchObject({ status: 403, json: { code } });
    }
    expect((await service.call('POST', '/api/admin/purge', { raw: '' })).status).toBe(401);
    expect(await auditTrail(service, 'action=purge.started')).toEqual([]);
    expect(await statuses(`${pathOf('old')}/history`)).toEqual([200]);
  });

  it('can be repeated', async () => {
    await create('old');
    await call('DELETE', pathOf('old'));
    await goTo(30);
    await create('later');
    await call('DELETE', pathOf('later'));
    await goTo(RETENTION + 10);
    expect((await purge()).json).toMatchObject({ before: onDay(10), customers: 1 });
    const nothing = { customers: 0, mappings: 0, audit_entries: 0, sign_ins: 0 };
    expect((await purge()).json).toEqual({ before: onDay(10), ...nothing });
    expect((await purge({ before: onDay(5) })).json).toEqual({ before: onDay(5), ...nothing });
    const first = (await verify(service)).purged;
    await goTo(RETENTION + 40);
    expect((await purge()).json).toMatchObject({ before: onDay(40), customers: 1 });
    expect((await verify(service)).purged).toBeGreaterThan(first);
    // The entries of the first purges are purged like all others.
    await goTo(2 * RETENTION + 50);
    await purge();
    await sealNow(service);
    const verdict = await verify(service);
    expect(verdict).toMatchObject({ intact: true });
    expect(await auditTrail(service, 'action=purge.started')).toHaveLength(1);
  });

  it('finishes an interrupted purge', async () => {
    await create('old');
    await goTo(5);
    await create('later');
    await goTo(RETENTION + 10);
    const [last] = (await exportTrail(service))
      .filter(({ sealed_at: at }) => at < START + 10 * DAY)
      .slice(-1);
    await purge();
    await sealNow(service);
    expect((await verify(service)).purged).toBe(last?.block);
    expect(await service.admin('POST', '/api/admin/purge', { body: {} })).toMatchObject({
      status: 200,
      json: { customers: 0, audit_entries: 0 },
    });
    expect(await verify(service)).toMatchObject({ intact: true, purged: last?.block });
  });

  it('keeps a younger entry that was sealed before the block of an instance with a slow clock', async () => {
    await create('old');
    await goTo(RETENTION);
    await caller.call('GET', pathOf('younger'));
    await goTo(1);
    await caller.call('GET', pathOf('by a slow clock'));
    await goTo(RETENTION + 50);
    expect((await purge()).status).toBe(200);
    await sealNow(service);
    // Nothing is missing, but one clock must have been wrong.
    expect(await verify(service)).toMatchObject({ fault: { fault: 'misdated' } });
    const about = (await auditTrail(service, 'action=customer.read')).map(({ UserID }) => UserID);
    expect(about).toContain('younger');
  });

  it('removes more than fits a batch', async () => {
    const users = Array.from({ length: 250 }, (_, n) => `old-${n}`);
    for (let n = 0; n < users.length; n += 50) await Promise.all(users.slice(n, n + 50).map(create));
    const living = Array.from({ length: 5 }, (_, n) => `living-${n}`);
    for (const user of living) await create(user);
    for (let n = 0; n < users.length; n += 50) {
      await Promise.all(users.slice(n, n + 50).map((user) => call('DELETE', pathOf(user))));
    }
    // More entries than a batch, in many blocks, and more sign-ins.
    const entry = `(${START}, 'customer.read', '{}', 'nonce')`;
    const entries = Array.from({ length: 600 }, () => entry).join(', ');
    for (let n = 0; n < 3; n++) {
      await sql(`INSERT INTO audit_entries (at, action, details, nonce) VALUES ${entries}`);
      await sealNow(service);
    }
    const signIn = `(${START}, '192.0.2.9', NULL, NULL, 'incomplete', NULL)`;
    const signIns = Array.from({ length: 2500 }, () => signIn).join(', ');
    await sql(`INSERT INTO sign_ins (at, address, user_name, token_id, failure, day) VALUES ${signIns}`);
    await goTo(RETENTION + 1);
    const before = await auditTrail(service);
    const old = before.filter(({ at }) => Date.parse(at) < START + DAY).length;
    expect(old).toBeGreaterThan(2200);

    const { json } = await purge();
    expect(json).toMatchObject({ before: onDay(1), customers: 250, audit_entries: old });
    expect((json as { sign_ins: number }).sign_ins).toBeGreaterThanOrEqual(2500);
    const { customer_versions: versions, customers, audit_entries: kept, sign_ins: left } = await tables();
    expect([versions, customers]).toMatchObject([{ length: 5 }, { length: 5 }]);
    expect((left as { at: number }[]).filter(({ at }) => Number(at) < START + DAY)).toEqual([]);
    expect((kept as { at: number }[]).filter(({ at }) => Number(at) < START + DAY)).toEqual([]);
    await sealNow(service);
    expect(await verify(service)).toMatchObject({ intact: true });
    expect(await call('GET', LIST)).toHaveLength(5);
  }, 180_000);

  it('runs while customers are written and read', async () => {
    const users = Array.from({ length: 250 }, (_, n) => `old-${n}`);
    await Promise.all(users.map(create));
    await Promise.all(users.map((user) => call('DELETE', pathOf(user))));
    await goTo(RETENTION + 1);
    let isOver = false;
    const work = async (): Promise<number> => {
      let n = 0;
      for (; !isOver; n++) {
        await create(`new-${n}`);
        expect(await statuses(pathOf(`new-${n}`))).toEqual([200]);
      }
      return n;
    };
    const working = work();
    const answers = await Promise.all([purge(), purge()]);
    isOver = true;
    const made = await working;
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const purged = answers.map(({ json }) => (json as { customers: number }).customers);
    expect(Math.max(...purged)).toBeLessThanOrEqual(250);
    expect((await tables())['customer_versions']).toHaveLength(made);
    await sealNow(service);
    expect(await verify(service)).toMatchObject({ intact: true });
  });

  it('allows the deletion of a context that it emptied', async () => {
    await create('old');
    const mapping = await addMapping(caller, 'old', '192.0.2.1');
    const withdrawn = await addMapping(caller, 'old', '192.0.2.2');
    await call('DELETE', mappingPath('old', withdrawn));
    const remove = (): Promise<Answer> =>
      service.admin('DELETE', `/api/admin/contexts/${caller.credentials.contextname}`);
    const refusal = { status: 409, json: { code: 'context_not_empty' } };
    expect(await remove()).toMatchObject(refusal);
    await call('DELETE', pathOf('old'));
    await goTo(RETENTION + 1);
    expect(await remove()).toMatchObject(refusal);
    expect(await call('GET', MAPPINGS)).toMatchObject([{ id: mapping.id }]);
    await purge();
    expect((await remove()).status).toBe(200);
  });

  describe('by command,', () => {
    /** @param options the options before the command */
    const command = (args: string[], { yes = false } = {}): Promise<Ended> =>
      runCommandHere(['--json', ...(yes ? ['--yes'] : []), ...args], (program, line) =>
        addRetentionCommands(program, (work) => work(service.app, line())),
      );

    beforeEach(async () => {
      await create('old');
      await call('DELETE', pathOf('old'));
      await goTo(RETENTION + 10);
    });

    it('asks first and removes nothing unless the answer is yes', async () => {
      const before = await tables();
      const { stdout, stderr } = await command(['purge', '--before', onDay(9)]);
      expect(stdout).toBe('');
      expect(stderr).toContain(
        `Everything older than ${onDay(9)} will be permanently removed. This can't be undone: repeat it with --yes`,
      );
      expect({ ...(await tables()), sign_ins: [] }).toEqual({ ...before, sign_ins: [] });
    });

    it('runs with --yes, in the name of the user at the terminal', async () => {
      const { stdout, stderr } = await command(['purge', '--before', onDay(9)], { yes: true });
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toMatchObject({ before: onDay(9), customers: 1 });
      expect(await statuses(`${pathOf('old')}/history`)).toEqual([404]);
      const entries = await auditTrail(service, `user=${userInfo().username}&from=${onDay(RETENTION)}`);
      const who = { token_id: null, token: null, address: null, context: null };
      expect(entries).toMatchObject([
        { ...who, action: 'purge.finished' },
        { ...who, action: 'purge.started' },
      ]);
      await sealNow(service);
      expect(await verify(service)).toMatchObject({ intact: true });
    });

    it.each([
      [['--before', onDay(11)], /before must be 2026-12-04T00:00:00Z or earlier: RETENTION_DAYS is 100/],
      [['--before', 'yesterday'], /before must be Unix seconds, or ISO 8601/],
    ])('reports in one line why it does nothing: %j', async (options, line) => {
      const before = await tables();
      const { stdout, stderr } = await command(['purge', ...options], { yes: true });
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^ipdr-customers: [^\n{]+\n$/);
      expect(stderr).toMatch(line);
      expect({ ...(await tables()), sign_ins: [] }).toEqual({ ...before, sign_ins: [] });
    });
  });
});

describe('the command `purge`', () => {
  it('works without a service and keeps what is younger', async () => {
    const program = await Program.start();
    const env = { DATA_DIR: `${program.folder}/data` };
    expect((await program.call('POST', LIST, { body: customer('U1') })).status).toBe(200);
    expect((await program.call('DELETE', pathOf('U1'))).status).toBe(200);
    const asked = await runCommand(['purge'], env);
    expect(asked).toMatchObject({ code: 1, stdout: '' });
    expect(asked.stderr).toMatch(
      /^ipdr-customers: Everything older than RETENTION_DAYS will be permanently removed[^\n]+\n$/,
    );
    const { code, stdout, stderr } = await runCommand(['--yes', '--json', 'purge'], env);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ customers: 0, audit_entries: 0, sign_ins: 0 });
    expect((await program.call('GET', `${pathOf('U1')}/history`)).json).toHaveLength(2);
    const entries = await auditTrail(program, `user=${userInfo().username}&action=purge.started`);
    expect(entries).toMatchObject([{ token_id: null, details: { through_block: 0 } }]);
    expect(await verify(program)).toMatchObject({ intact: true, purged: 0 });
    await program.stop();
  });
});
