import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import BetterSqlite3 from 'better-sqlite3';
import type { DatabaseConfiguration } from '../src/shared/config/configuration.js';
import type { Answer, Tokens } from './support/client.js';
import { readKept } from './support/consistency.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { MysqlProxy, type Cue, type Moment } from './support/mysql-proxy.js';
import { ThrowAwayMysql } from './support/mysql-server.js';
import { Program } from './support/program.js';
import { TestService } from './support/service.js';
import { until } from './support/until.js';
import { FeedReader, Writer, type Send } from './support/writer.js';

/** The long form takes half an hour: `npm run test:faults`. */
const IS_LONG = process.env['FAULTS'] === 'long';
const WRITERS = 8;
/** Faults strike at a random moment up to this long after the load began, so these tests do wait. */
const MAX_MOMENT_MS = 300;

const server = await ThrowAwayMysql.create();
if (server === undefined && process.env['CI'] !== undefined) throw new Error('install mariadb-server');
afterAll(() => server?.remove());
/** Needs a database server of its own, to kill. */
const describeWithServer = server === undefined ? describe.skip : describe;

function randomMoment(): Promise<void> {
  return delay(randomInt(MAX_MOMENT_MS));
}

function newWriters(send: Send, round: number, count = WRITERS): Writer[] {
  return Array.from({ length: count }, (_, n) => new Writer(send, `r${round}w${n}`));
}

/** How many answers of all writers match the outcome. */
function countOf(writers: readonly Writer[], outcome: RegExp): number {
  const outcomes = writers.flatMap((writer) => [...writer.outcomes]);
  return outcomes.reduce((sum, [each, count]) => sum + (outcome.test(each) ? count : 0), 0);
}

/** Checks that the register agrees with the writers and with itself. */
async function checkAll(
  writers: readonly Writer[],
  feed: FeedReader,
  admin: Send,
  configuration: DatabaseConfiguration,
): Promise<void> {
  for (const writer of writers) await writer.check();
  await until(async () => (await readKept(configuration)).unsealed === 0);
  await feed.follow();
  const { contradictions, versions } = await readKept(configuration);
  expect(contradictions).toEqual([]);
  expect(feed.changes.toSorted()).toEqual(versions.toSorted());
  const { json } = await admin('GET', '/api/admin/audit/verify');
  expect(json).toMatchObject({ intact: true, fault: null });
}

describe.each(databaseKinds)('the service, killed under load on $name', (kind) => {
  const ROUNDS = kind.name === 'SQLite' ? (IS_LONG ? 200 : 3) : IS_LONG ? 50 : 2;
  let database: TestDatabase;
  let program: Program;
  let tokens: Tokens;

  // A restart makes no new tokens.
  const send: Send = (method, path, call) =>
    program.callAs({ api_token: tokens.user, username: 'user' }, method, path, call);
  const admin: Send = (method, path, call) =>
    program.callAs({ api_token: tokens.admin, username: 'admin' }, method, path, call);

  beforeAll(async () => {
    database = await kind.create();
    program = await Program.over(database);
    tokens = program.tokens;
  });
  afterAll(async () => {
    await program.stop();
    await database.drop();
  });

  it(
    `keeps every acknowledged write, whole and once, ${ROUNDS} times`,
    async () => {
      const feed = new FeedReader(send);
      let doubtful = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const writers = newWriters(send, round);
        const work = writers.map(async (writer) => {
          while ((await writer.write()) === '200');
        });
        await randomMoment();
        program.signal('SIGKILL');
        await Promise.all(work);
        await program.stop();
        program = await Program.over(database);
        for (const writer of writers) await writer.settle();
        await checkAll(writers, feed, admin, database.configuration);
        doubtful += countOf(writers, /^unanswered$/);
      }
      // A short load may achieve nothing before the kill; many of them may not.
      if (IS_LONG) expect(feed.changes.length).toBeGreaterThan(ROUNDS);
      expect(doubtful).toBeGreaterThan(0);
    },
    60_000 + ROUNDS * 15_000,
  );
});

describeWithServer('the service, whose database server is killed under load,', () => {
  const ROUNDS = IS_LONG ? 20 : 1;
  let service: TestService;
  let configuration: DatabaseConfiguration;

  beforeAll(async () => {
    configuration = { type: 'mysql', url: (await server?.createDatabase('killed')) ?? '' };
    service = await TestService.start(configuration);
  });
  afterAll(() => service.stop());

  it(
    `keeps what it acknowledges, does nothing that it refuses and recovers by itself, ${ROUNDS} times`,
    async () => {
      const [send, admin] = [service.call.bind(service), service.admin.bind(service)];
      const feed = new FeedReader(send);
      let kept = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const writers = newWriters(send, round);
        let isOver = false;
        const work = writers.map(async (writer) => {
          while (!isOver) {
            // settle() finds out later, when the server is back.
            if ((await writer.write()) === '500 outcome_unknown') return;
          }
        });
        await randomMoment();
        await server?.kill();
        await randomMoment();
        await server?.start();
        const before = countOf(writers, /^200$/);
        await until(() => countOf(writers, /^200$/) >= before + WRITERS || countOf(writers, /^500/) > 0);
        isOver = true;
        await Promise.all(work);
        for (const writer of writers) await writer.settle();
        await checkAll(writers, feed, admin, configuration);
        kept += countOf(writers, /^200$/);
      }
      expect(kept).toBeGreaterThanOrEqual(ROUNDS);
    },
    60_000 + ROUNDS * 30_000,
  );
});

describeWithServer('the service, whose connections are cut at COMMIT,', () => {
  const ROUNDS = IS_LONG ? 1000 : 12;
  /** After so many rounds, everything is compared and new writers start. */
  const ROUNDS_OF_A_WRITER = IS_LONG ? 20 : 6;
  const COMMIT_BYTES = 11;
  /** Found only in the SQL that looks up whether a commit was done. */
  const QUESTION = 'was it kept?';
  let service: TestService;
  let proxy: MysqlProxy;
  let configuration: DatabaseConfiguration;
  let send: Send;
  let admin: Send;

  beforeEach(async () => {
    const url = (await server?.createDatabase(`cut_${randomInt(2 ** 31)}`)) ?? '';
    configuration = { type: 'mysql', url };
    proxy = await MysqlProxy.to(url);
    service = await TestService.start({ type: 'mysql', url: proxy.url });
    [send, admin] = [service.call.bind(service), service.admin.bind(service)];
  });
  afterEach(async () => {
    await service.stop();
    await proxy.close();
  });

  /** Every kind of moment in turn. */
  const momentOf = (round: number): Moment => {
    const moments: Moment[] = [
      'before',
      'after',
      { passing: 1 + randomInt(COMMIT_BYTES - 1) },
      { lateMs: randomInt(3) },
      { lateMs: randomInt(IS_LONG ? 1000 : 100) },
    ];
    return moments[round % moments.length] ?? 'before';
  };

  it(
    `does every write once, or refuses it and does nothing, ${ROUNDS} times`,
    async () => {
      const feed = new FeedReader(send);
      let writers: Writer[] = [];
      let done = 0;
      for (let round = 0; round < ROUNDS; round++) {
        if (round % ROUNDS_OF_A_WRITER === 0) writers = newWriters(send, round, 3);
        const cut: Cue = {
          statement: 'COMMIT',
          behind: writers[0]?.nextUserId ?? '',
          when: momentOf(round),
        };
        // Every third time, the look-up of the outcome is cut too, at its first or its last statement.
        const again: Cue = {
          ...(round % 2 === 0 ? { statement: QUESTION } : { statement: 'ROLLBACK', behind: QUESTION }),
          when: round % 4 < 2 ? 'before' : 'after',
        };
        proxy.cut(cut, ...(round % 3 === 0 ? [again] : []));
        const [outcome] = await Promise.all(writers.map((writer) => writer.write()));
        expect([round, outcome, cut.when, proxy.hasCut]).toEqual([round, outcome, cut.when, true]);
        for (const writer of writers) await writer.settle();
        if ((round + 1) % ROUNDS_OF_A_WRITER === 0 || round + 1 === ROUNDS) {
          await checkAll(writers, feed, admin, configuration);
          done += countOf(writers, /^200$/);
        }
      }
      expect(done).toBeGreaterThan(2 * ROUNDS);
    },
    60_000 + ROUNDS * 10_000,
  );

  it('answers a read and audits it once', async () => {
    for (const when of ['before', 'after'] as const) {
      proxy.cut({ statement: 'COMMIT', behind: `nobody-${when}`, when });
      expect((await send('GET', `/api/ipdrcustomers/nobody-${when}`)).status).toBe(404);
      expect(proxy.hasCut).toBe(true);
      const { json } = await admin('GET', `/api/admin/audit?UserID=nobody-${when}`);
      expect(json).toEqual([expect.objectContaining({ action: 'customer.read' })]);
    }
  });

  if (IS_LONG) {
    it.each(['before', 'after'] as const)(
      'answers outcome_unknown when cut off for good %s it, and the outcome when repeated',
      async (when) => {
        const writers = newWriters(send, 0, 1);
        const [writer] = writers as [Writer];
        expect(await writer.write()).toBe('200'); // without an Idempotency-Key
        proxy.cut({ statement: 'COMMIT', behind: writer.nextUserId, when, forGood: true });
        expect(await writer.write()).toBe('500 outcome_unknown'); // with one
        proxy.isAway = false;
        await until(async () => (await service.call('GET', '/api/ipdrcustomers')).status === 200);
        await writer.settle();
        await checkAll(writers, new FeedReader(send), admin, configuration);
      },
    );
  }
});

/** Where a database lies that can run out of room. */
interface Disk {
  readonly folder: string;
  fill(program: Program): Promise<void>;
  makeRoom(program: Program): Promise<void>;
  remove(): Promise<void>;
}

/** Limits how large the program's files may be: the same to SQLite as a full disk, and any user may do it. */
async function limitedDisk(): Promise<Disk> {
  const folder = await mkdtemp(join(tmpdir(), 'ipdr-limited-'));
  const limit = (program: Program, bytes: string): unknown =>
    execFileSync('prlimit', [`--pid=${program.pid}`, `--fsize=${bytes}:`]);
  return {
    folder,
    fill: async (program) => void limit(program, '8192'),
    makeRoom: async (program) => void limit(program, 'unlimited'),
    remove: () => rm(folder, { recursive: true }),
  };
}

/** A file system of its own. Mounting it takes root. */
async function smallDisk(): Promise<Disk> {
  const folder = await mkdtemp(join(tmpdir(), 'ipdr-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder], { stdio: 'pipe' });
  const filler = join(folder, 'filler');
  return {
    folder,
    fill: async () => {
      for (const size of [1 << 20, 1 << 12]) {
        const write = (): Promise<void> => writeFile(filler, Buffer.alloc(size), { flag: 'a' });
        for (let isFull = false; !isFull;) isFull = await write().then(() => false, isNoRoom);
      }
    },
    makeRoom: () => rm(filler),
    remove: async () => {
      execFileSync('umount', [folder]);
      await rm(folder, { recursive: true });
    },
  };
}

function isNoRoom(error: unknown): boolean {
  if ((error as { code?: unknown }).code !== 'ENOSPC') throw error as Error;
  return true;
}

async function canMount(): Promise<boolean> {
  try {
    await (await smallDisk()).remove();
    return true;
  } catch {
    return false;
  }
}

const disks = [{ fault: 'may not grow', newDisk: limitedDisk }];
if (IS_LONG && (await canMount())) disks.push({ fault: 'are on a full file system', newDisk: smallDisk });

describe.each(disks)('the service, whose SQLite files $fault,', ({ newDisk }) => {
  let disk: Disk;
  let configuration: { type: 'sqlite'; path: string };
  let program: Program;

  beforeAll(async () => {
    disk = await newDisk();
    configuration = { type: 'sqlite', path: join(disk.folder, 'ipdr.sqlite') };
    program = await Program.start({ DATABASE_URL: `sqlite:${configuration.path}` });
  });
  afterAll(async () => {
    await program.stop();
    await disk.remove();
  });

  it('does nothing that it cannot audit, breaks nothing, and works again once there is room', async () => {
    const [send, admin] = [program.call.bind(program), program.admin.bind(program)];
    const feed = new FeedReader(send);
    const writers = newWriters(send, 0);
    const writeAll = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n++) await Promise.all(writers.map((writer) => writer.write()));
    };
    await writeAll(10);
    expect(countOf(writers, /^200$/)).toBe(10 * WRITERS);
    await checkAll(writers, feed, admin, configuration);

    await disk.fill(program);
    // A few writes may still fit on the last page.
    await until(async () => {
      const before = countOf(writers, /^503 database_unavailable$/);
      await writeAll(1);
      return countOf(writers, /^503 database_unavailable$/) === before + WRITERS;
    });
    const reads: readonly (readonly [Send, string])[] = [
      [send, '/api/ipdrcustomers'],
      [send, '/api/ipdrcustomers?limit=1'],
      [send, '/api/ipdrcustomers/r0w0-0'],
      [send, '/api/ipdrcustomers/r0w0-0?recorded_at=1'],
      [send, '/api/ipdrcustomers/r0w0-0/history'],
      [send, '/api/ipdrcustomers_changes'],
      [admin, '/api/admin/audit'],
      [admin, '/api/admin/audit?limit=1'],
      [admin, '/api/admin/audit/export'],
    ];
    // Audit entries are smaller than writes, so a few may still fit.
    const statuses = new Set<number>();
    await until(async () => {
      const answers: Answer[] = await Promise.all(reads.map(([as, path]) => as('GET', path)));
      for (const { status } of answers) statuses.add(status);
      return answers.every(({ status }) => status === 503);
    });
    expect([200, 503]).toEqual(expect.arrayContaining([...statuses]));
    expect((await send('GET', '/health/live')).status).toBe(200);
    expect((await admin('GET', '/api/admin/audit/verify')).json).toMatchObject({ intact: true });
    expect(integrityOf(configuration.path)).toBe('ok');

    await disk.makeRoom(program);
    const before = countOf(writers, /^200$/);
    await writeAll(10);
    expect(countOf(writers, /^200$/)).toBe(before + 10 * WRITERS);
    await checkAll(writers, feed, admin, configuration);
    expect(integrityOf(configuration.path)).toBe('ok');
  });
});

function integrityOf(path: string): unknown {
  const database = new BetterSqlite3(path, { readonly: true });
  try {
    return database.pragma('integrity_check', { simple: true });
  } finally {
    database.close();
  }
}
