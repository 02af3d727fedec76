import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import type { Answer } from './support/client.js';
import { Gate } from './support/gate.js';
import { MysqlProxy } from './support/mysql-proxy.js';
import { ThrowAwayMysql } from './support/mysql-server.js';
import { fillCustomers } from './support/fill.js';
import { TestService } from './support/service.js';
import { until } from './support/until.js';

const WRITERS = 4;
const CREATED = '200';
const REFUSED = '503 database_unavailable';
/** The connection was cut during COMMIT: the client learns that the outcome is unknown. */
const IN_DOUBT = '500 outcome_unknown';

const server = await ThrowAwayMysql.create();
if (server === undefined && process.env['CI'] !== undefined) throw new Error('install mariadb-server');

async function administer(sql: string): Promise<void> {
  const connection = await createConnection(server?.url ?? '');
  await connection.query(sql);
  await connection.end();
}

async function createDatabase(name: string): Promise<string> {
  return (await server?.createDatabase(name)) ?? '';
}

function create(service: TestService, userId: string): Promise<Answer> {
  return service.call('POST', '/api/ipdrcustomers', { body: { UserID: userId, Name: 'N' } });
}

async function userIds(service: TestService): Promise<string[]> {
  const { json } = await service.call('GET', '/api/ipdrcustomers');
  return (json as { UserID: string }[]).map(({ UserID }) => UserID);
}

function expectUnavailable(answer: Answer): void {
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toMatch(/^\d+$/);
  expect(answer.json).toEqual({
    status: 'ERROR',
    code: 'database_unavailable',
    message: expect.any(String),
    request_id: answer.headers['x-request-id'],
  });
}

// Needs a server of its own, to kill.
(server === undefined ? describe.skip : describe)('the service, whose database', () => {
  afterAll(() => server?.remove());

  describe('loses a connection', () => {
    let service: TestService;
    let proxy: MysqlProxy;

    beforeAll(async () => {
      const url = await createDatabase('cut');
      proxy = await MysqlProxy.to(url);
      service = await TestService.start({ type: 'mysql', url: proxy.url });
      await fillCustomers({ type: 'mysql', url }, 1000);
      await create(service, 'first');
      // The token's last use is stored in the background. Afterwards, only the requests of the tests commit.
      await until(async () => {
        const used = await service.database.query('SELECT id FROM tokens WHERE last_used_at > 0', []);
        return used.length > 0;
      });
    });
    afterAll(async () => {
      await service.stop();
      await proxy.close();
    });

    const count = async (userId: string): Promise<number> =>
      (await userIds(service)).filter((each) => each === userId).length;

    it.each(['before', 'after'] as const)('%s COMMIT, finds out whether it was kept', async (when) => {
      const userId = `${when}-commit`;
      proxy.cut({ statement: 'COMMIT', behind: userId, when }); // of this transaction alone
      expect((await create(service, userId)).status).toBe(200);
      expect(proxy.hasCut).toBe(true);
      expect(await count(userId)).toBe(1);
    });

    it.each(['before', 'after'] as const)('%s a write, does it once more', async (when) => {
      const userId = `${when}-write`;
      proxy.cutAt(userId, when); // found in the INSERT alone
      expect((await create(service, userId)).status).toBe(200);
      expect(proxy.hasCut).toBe(true);
      expect(await count(userId)).toBe(1);
    });

    it('at a single read, reads again', async () => {
      proxy.cutAt('alt_phone_number = ?', 'before');
      expect((await service.call('GET', '/api/ipdrcustomers?limit=7&AltPhoneNumber=1')).status).toBe(200);
      expect(proxy.hasCut).toBe(true);
    });

    it.each(['before', 'after'] as const)('%s the snapshot of a long list, takes it again', async (when) => {
      proxy.cutAt('CONSISTENT SNAPSHOT', when);
      expect((await service.call('GET', '/api/ipdrcustomers')).status).toBe(200);
      expect(proxy.hasCut).toBe(true);
    });
  });

  describe('is silent', () => {
    let service: TestService;
    let proxy: MysqlProxy;

    beforeAll(async () => {
      proxy = await MysqlProxy.to(await createDatabase('silent'));
      service = await TestService.start({ type: 'mysql', url: proxy.url });
    });
    afterAll(async () => {
      await service.stop();
      await proxy.close();
    });

    it('answers 503 to all waiting requests, and recovers by itself', async () => {
      const ids = Array.from({ length: 20 }, (_, n) => `U${n}`);
      for (const answer of await Promise.all(ids.map((id) => create(service, id))))
        expect(answer.status).toBe(200);
      proxy.isSilent = true;
      const reads = ids.map((id) => service.call('GET', `/api/ipdrcustomers/${id}`));
      const writes = ids.map((id) => create(service, `again-${id}`));
      for (const answer of await Promise.all([...reads, ...writes])) expectUnavailable(answer);
      proxy.isSilent = false;
      await until(async () => (await create(service, 'afterwards')).status !== 503);
      expect(await userIds(service)).toEqual(expect.arrayContaining([...ids, 'afterwards']));
    });
  });

  describe('has room for few prepared statements', () => {
    /** 200 on each of the few connections that sequential requests and sealing take. */
    const ROOM = 800;
    const LISTS = 1200;
    let service: TestService;

    beforeAll(async () => {
      service = await TestService.start({ type: 'mysql', url: await createDatabase('statements') });
      await administer(`SET GLOBAL max_prepared_stmt_count = ${ROOM}`);
    });
    afterAll(() => service.stop());

    it('answers any number of different lists', async () => {
      const fields = ['Address', 'Email', 'PhoneNumber', 'AltPhoneNumber'];
      for (let n = 0; n < LISTS; n++) {
        // Each number means another set of filters in the body and in the query string.
        const inBody = fields.map((field, digit) => [
          field,
          [undefined, null, ''][Math.floor(n / 3 ** digit) % 3],
        ]);
        const inQuery = fields
          .filter((_, bit) => Math.floor(n / 81) & (1 << bit))
          .map((field) => `&${field}=`);
        const answer = await service.call('GET', `/api/ipdrcustomers?limit=1${inQuery.join('')}`, {
          body: Object.fromEntries(inBody) as object,
        });
        expect([n, answer.status]).toEqual([n, 200]);
      }
    });
  });

  describe('dies', () => {
    let service: TestService;

    beforeAll(async () => {
      service = await TestService.start({ type: 'mysql', url: await createDatabase('outage') });
    });
    afterAll(() => service.stop());

    /** Creates customers one by one. After a refusal, it waits for `back`. */
    class Writer {
      readonly answers: { userId: string; outcome: string }[] = [];
      done = false;

      constructor(
        private readonly number: number,
        private readonly back: Gate,
      ) {}

      with(outcome: string): string[] {
        return this.answers.filter((answer) => answer.outcome === outcome).map(({ userId }) => userId);
      }

      async work(): Promise<void> {
        for (let n = 0; !this.done; n++) {
          const userId = `w${this.number}-${n}`;
          const { status, json } = await create(service, userId);
          const outcome = status === 200 ? CREATED : `${status} ${(json as { code: string }).code}`;
          this.answers.push({ userId, outcome });
          if (outcome === REFUSED) await this.back.passed;
        }
      }
    }

    it('refuses what it cannot do, loses no acknowledged write, and recovers by itself', async () => {
      const back = new Gate();
      const writers = Array.from({ length: WRITERS }, (_, number) => new Writer(number, back));
      const work = Promise.all(writers.map((writer) => writer.work()));
      const all = (outcome: string): string[] => writers.flatMap((writer) => writer.with(outcome));

      try {
        await until(() => all(CREATED).length >= 50);
        await server?.kill();
        await until(() => writers.every((writer) => writer.with(REFUSED).length > 0));
        for (const [method, path] of [
          ['GET', ''],
          ['GET', '/w0-0'],
          ['PATCH', '/w0-0'],
          ['DELETE', '/w0-0'],
        ] as const) {
          expectUnavailable(await service.call(method, `/api/ipdrcustomers${path}`));
        }
        const health = (name: 'live' | 'ready'): Promise<Answer> => service.call('GET', `/health/${name}`);
        await until(async () => (await health('ready')).status === 503);
        expectUnavailable(await health('ready'));
        expect((await health('live')).status).toBe(200);

        await server?.start();
        const before = all(CREATED).length;
        back.open();
        await until(() => all(CREATED).length >= before + 50);
        await until(async () => (await health('ready')).status === 200);
      } finally {
        for (const writer of writers) writer.done = true;
        back.open();
        await work;
      }

      const kept = await userIds(service);
      expect(kept).toEqual([...new Set(kept)]);
      expect(all(CREATED).filter((userId) => !kept.includes(userId))).toEqual([]);
      expect(all(REFUSED).filter((userId) => kept.includes(userId))).toEqual([]);
      const outcomes = new Set(writers.flatMap(({ answers }) => answers.map(({ outcome }) => outcome)));
      expect([CREATED, REFUSED, IN_DOUBT]).toEqual(expect.arrayContaining([...outcomes]));
    });
  });
});
