import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { customer, type CustomerFields } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { describeOn } from './support/describe-on.js';
import { fillCustomers } from './support/fill.js';
import { Program, type Ended } from './support/program.js';
import { Reading } from './support/reading.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const run = promisify(execFile);

/** The requests of the reference document, word for word. */
const REFERENCE = {
  list: `curl -X GET 'http://192.168.1.77:8000/api/ipdrcustomers' -H 'Content-Type: application/json' -d '{"api_token": "GiXwBWWv5g2Fs6QeaTlx",  "contextname" : "default", "username":"user"}'`,
  create: `curl -X POST 'http://192.168.1.77:8000/api/ipdrcustomers' -H 'Content-Type: application/json' -d '{ "api_token": "GiXwBWWv5g2Fs6QeaTlx",  "contextname" : "default", "username": "user", "Name": "Trisul", "Address": "Chennai", "Email": "demo@gmail.com", "PhoneNumber": "1234567890", "AltPhoneNumber": "9999999999", "UserID": "B68t19"}'`,
  update: `curl -X PUT 'http://192.168.1.77:8000/api/ipdrcustomers/B68t19' -H 'Content-Type: application/json' -d '{ "api_token": "GiXwBWWv5g2Fs6QeaTlx", "contextname" : "default", "username":"user", "Name": "Trisul Network Analyzer", "Address": "India", "Email": "test@gmail.com", "PhoneNumber": "3333333333", "AltPhoneNumber": "5555555555", "UserID": "B68t19"}'`,
  partialUpdate: `curl -X PATCH 'http://192.168.1.77:8000/api/ipdrcustomers/B68t19' -H 'Content-Type: application/json' -d '{"api_token": "GiXwBWWv5g2Fs6QeaTlx", "contextname" : "default", "username":"user", "Address": "Partially Updated"}'`,
  delete: `curl -X DELETE 'http://192.168.1.77:8000/api/ipdrcustomers/B68t19' -H 'Content-Type: application/json' -d '{"api_token": "GiXwBWWv5g2Fs6QeaTlx", "contextname" : "default", "username":"user"}'`,
};

/** Runs a shell command in the program's folder. */
async function shell(command: string, { folder }: Program): Promise<string> {
  const { stdout } = await run('sh', ['-c', command], { cwd: folder });
  return stdout;
}

describe.each(databaseKinds)('the program on $name', (kind) => {
  let database: TestDatabase;
  let program: Program;

  beforeAll(async () => {
    database = await kind.create();
    program = await Program.over(database);
  });
  afterAll(async () => {
    await program.stop();
    await database.drop();
  });

  it('prints its address, its database, its API pages and where its tokens are, but never the tokens', async () => {
    const { stdout, url, folder, tokens } = program;
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(stdout).toMatch(new RegExp(`database +${kind.name}, \\S+\n`));
    const [, pages = ''] = /API pages +(\S+)/.exec(stdout) ?? [];
    expect((await fetch(pages)).status).toBe(200);
    for (const name of ['admin', 'user'] as const) {
      const [, file = ''] = new RegExp(`${name}: (\\S+)`).exec(stdout) ?? [];
      expect(existsSync(join(folder, file))).toBe(true);
      expect(stdout).not.toContain(tokens[name]);
    }
  });

  it('prints a request that works when pasted as it is', async () => {
    const [, command = ''] = /Try it:\n([^]*?)\n\n/.exec(program.stdout) ?? [];
    expect(command).toContain('curl');
    expect(await shell(`${command} -s`, program)).toBe('[]');
  });

  it('answers the requests of the reference document as documented', async () => {
    const curl = async (command: string): Promise<unknown> => {
      const own = command
        .replace('http://192.168.1.77:8000', program.url)
        .replace('GiXwBWWv5g2Fs6QeaTlx', program.tokens.user);
      const answer = await shell(`${own} -s -w '\\n%{http_code}'`, program);
      expect(answer).toMatch(/\n200$/);
      return JSON.parse(answer.replace(/\n200$/, '')) as unknown;
    };
    const created = { id: expect.any(Number), ...customer('B68t19') };
    const updated = {
      ...created,
      Name: 'Trisul Network Analyzer',
      Address: 'India',
      Email: 'test@gmail.com',
      PhoneNumber: '3333333333',
      AltPhoneNumber: '5555555555',
    };
    expect(await curl(REFERENCE.create)).toEqual(created);
    expect(await curl(REFERENCE.list)).toEqual([created]);
    expect(await curl(REFERENCE.update)).toEqual(updated);
    expect(await curl(REFERENCE.partialUpdate)).toEqual({ ...updated, Address: 'Partially Updated' });
    expect(await curl(REFERENCE.delete)).toEqual({ ...updated, Address: 'Partially Updated' });
    expect(await curl(REFERENCE.list)).toEqual([]);
  });

  it('logs each request as a JSON line with its id', async () => {
    const { headers } = await program.call('GET', '/api/ipdrcustomers/nobody');
    const id = headers['x-request-id'];
    await until(() => program.log.some((line) => line['request_id'] === id));
    const [, afterGreeting = ''] = program.stdout.split(/\n\n(?=\{)/);
    const lines = afterGreeting
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines.filter((line) => !('level' in line && 'time' in line && 'request_id' in line))).toEqual([]);
    expect(program.log.filter((line) => line['request_id'] === id)).toEqual([
      expect.objectContaining({
        msg: 'request',
        method: 'GET',
        route: '/api/ipdrcustomers/:UserID',
        status: 404,
      }),
    ]);
  });

  it('answers health checks and metrics', async () => {
    const live = await fetch(`${program.url}/health/live`);
    expect([live.status, await live.json()]).toEqual([200, { status: 'ok' }]);
    const ready = await fetch(`${program.url}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      expect.objectContaining({
        status: 'ok',
        details: { database: expect.objectContaining({ status: 'up' }) },
      }),
    ]);
    await program.call('GET', '/api/ipdrcustomers');
    const metrics = await fetch(`${program.url}/metrics`);
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/);
    const text = await metrics.text();
    const labels = 'method="GET",route="/api/ipdrcustomers",status="200"';
    expect(text).toMatch(new RegExp(`^http_request_duration_seconds_count{${labels}} [1-9]`, 'm'));
    expect(text).toMatch(
      new RegExp(`^http_request_duration_seconds_bucket{le="\\+Inf",${labels}} [1-9]`, 'm'),
    );
    for (const state of ['open', 'idle', 'waiting']) {
      expect(text).toMatch(new RegExp(`^database_connections{state="${state}"} \\d+$`, 'm'));
    }
    expect(text).toMatch(/^process_resident_memory_bytes [1-9]/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
  });

  it('finishes open requests on SIGTERM, accepts no new ones, and exits with 0', async () => {
    const COUNT = 20_000;
    await fillCustomers(database.configuration, COUNT, 1000); // more than all buffers hold
    const isRefused = (): Promise<boolean> =>
      fetch(`${program.url}/health/live`).then(
        () => false,
        (error: Error) => (error.cause as { code?: string }).code === 'ECONNREFUSED',
      );
    expect(await isRefused()).toBe(false); // The idle connection that this leaves must not delay the stop.
    const { length: logged } = program.log;
    const reading = new Reading(program, '/api/ipdrcustomers');
    await reading.begun();
    expect(reading.status).toBe(200);
    program.signal('SIGTERM');
    await until(isRefused);
    const list = JSON.parse(await reading.rest()) as CustomerFields[];
    expect(list).toHaveLength(COUNT);
    expect(list.at(-1)?.UserID).toBe(`filled-${COUNT - 1}`);
    expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
    const whole = expect.objectContaining({ route: '/api/ipdrcustomers', status: 200 });
    expect(program.log.slice(logged)).toEqual(expect.arrayContaining([whole]));
  });
});

describe.each(databaseKinds)('the readiness check on $name', (kind) => {
  const CALLS = 200;
  const { service } = useService(kind);

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each([200, 503])(
    'queries the database at most once in two seconds while it answers %d',
    async (expected) => {
      const { database } = service();
      let pings = 0;
      const query = database.query.bind(database);
      jest.spyOn(database, 'query').mockImplementation(async (sql, parameters) => {
        if (sql === 'SELECT 1') {
          pings++;
          if (expected === 503) throw new Error('away');
        }
        return query(sql, parameters);
      });
      // It caches the previous result for a while.
      await until(async () => (await service().call('GET', '/health/ready')).status === expected);
      pings = 0;
      const startedAt = performance.now();
      const answers = await Promise.all(
        Array.from({ length: CALLS }, () => service().call('GET', '/health/ready', { raw: '' })),
      );
      const seconds = (performance.now() - startedAt) / 1000;
      expect(answers.filter(({ status }) => status !== expected)).toEqual([]);
      expect(pings).toBeLessThanOrEqual(1 + seconds / 2);
      if (expected === 200) return;
      expect(answers[0]?.headers['retry-after']).toMatch(/^\d+$/);
      expect(answers[0]?.json).toMatchObject({ code: 'database_unavailable' });
      expect((await service().call('GET', '/health/live')).status).toBe(200);
    },
  );
});

describe('a wrong configuration', () => {
  const SECRET = 'a-secret-that-nobody-must-see';
  const AT_ONCE = 4;
  const busy = createServer();
  const ended = new Map<number, Ended>();
  let folder: string;

  const here = (name: string): string => join(folder, name);
  /** Faults that only a start finds. configuration.spec.ts checks every value of every variable. */
  const cases: readonly [variable: string, fault: string, env: () => Record<string, string>][] = [
    ['LOG_LEVEL', 'is unknown', () => ({ LOG_LEVEL: 'loud' })],
    ['PORT', 'is not a number', () => ({ PORT: 'abc' })],
    ['PORT', 'is in use', () => ({ PORT: String((busy.address() as AddressInfo).port) })],
    ['HOST', 'is another machine', () => ({ HOST: '192.0.2.1' })],
    ['HOST', 'is not a host name', () => ({ HOST: 'not a host' })],
    [
      'DATABASE_URL',
      'points where nothing answers',
      () => ({ DATABASE_URL: `mysql://user:${SECRET}@127.0.0.1:1/x` }),
    ],
    ['DATABASE_URL', 'is a file but no database', () => ({ DATABASE_URL: `sqlite:${here('text')}` })],
    [
      'DATABASE_URL',
      'is in a folder that does not exist',
      () => ({ DATABASE_URL: `sqlite:${here('a/b.sqlite')}` }),
    ],
    [
      'DATABASE_URL',
      'is in a folder that is a file',
      () => ({ DATABASE_URL: `sqlite:${here('text/below')}` }),
    ],
    [
      'DATABASE_URL_FILE',
      'is set together with DATABASE_URL',
      () => ({ DATABASE_URL: 'sqlite:x', DATABASE_URL_FILE: here('text') }),
    ],
    ['DATABASE_URL_FILE', 'does not exist', () => ({ DATABASE_URL_FILE: here('nothing') })],
    ['ADMIN_API_TOKEN', 'is too short', () => ({ ADMIN_API_TOKEN: SECRET.slice(0, 19) })],
    ['ADMIN_API_TOKEN', 'is mistyped', () => ({ ADMIN_API_TOKEN: `ipdr_${SECRET}` })],
    ['ADMIN_API_TOKEN', 'is in a file of two lines', () => ({ ADMIN_API_TOKEN_FILE: here('lines') })],
    ['ADMIN_API_TOKEN', 'is in an empty file', () => ({ ADMIN_API_TOKEN_FILE: here('empty') })],
    ['ADMIN_API_TOKEN_FILE', 'is a folder', () => ({ ADMIN_API_TOKEN_FILE: folder })],
    ['DATA_DIR', 'is a file', () => ({ DATA_DIR: here('text') })],
    [
      'TLS_CERT_FILE',
      'is not a certificate',
      () => ({ TLS_CERT_FILE: here('text'), TLS_KEY_FILE: here('text') }),
    ],
  ];

  beforeAll(async () => {
    await once(busy.listen(0, '127.0.0.1'), 'listening');
    folder = await mkdtemp(join(tmpdir(), 'ipdr-running-'));
    await writeFile(here('text'), SECRET);
    await writeFile(here('lines'), `${SECRET}\n${SECRET}`);
    await writeFile(here('empty'), '');
    const waiting = [...cases.entries()];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [number, [, , env]] = next;
        ended.set(number, await Program.fail(env()));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  });
  afterAll(async () => {
    busy.close();
    await rm(folder, { recursive: true });
  });

  const rows = cases.map(([variable, fault], number) => [variable, fault, number] as const);
  it.each(rows)('stops the start with one line when %s %s', (variable, _fault, number) => {
    const { code, stdout, stderr } = ended.get(number) ?? {};
    expect(stderr).toMatch(/^ipdr-customers: [^\n{]+\n$/);
    expect(stderr).toMatch(new RegExp(`\\b${variable}\\b`));
    expect(stderr).not.toContain(SECRET.slice(0, 19));
    expect([code, stdout]).toEqual([1, '']);
  });
});

describeOn('MySQL', 'a start', (kind) => {
  it.each([
    [
      'with a wrong password',
      (url: URL) => (url.password = 'a-secret-that-nobody-must-see'),
      'ER_ACCESS_DENIED',
    ],
    ['on a database that does not exist', (url: URL) => (url.pathname = '/not_there'), 'ER_'],
  ])('%s stops with one line', async (_what, change, reason) => {
    const database = await kind.create();
    const url = new URL((database.configuration as { url: string }).url);
    change(url);
    const { code, stdout, stderr } = await Program.fail({ DATABASE_URL: url.href });
    await database.drop();
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^ipdr-customers: [^\n{]*\bDATABASE_URL\b[^\n{]*\n$/);
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain(url.password || 'not_there');
  });
});

describe('the program', () => {
  let program: Program | undefined;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ipdr-running-'));
  });
  afterEach(async () => {
    await program?.stop();
    program = undefined;
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('serves HTTPS with the two TLS files, and the pasted request works there too', async () => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-keyout', key, '-out', cert];
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '1',
      ...subject,
      ...files,
    ]);
    program = await Program.start({ TLS_CERT_FILE: cert, TLS_KEY_FILE: key });
    const { url } = program;
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(await shell(`curl -s --cacert ${cert} ${url}/health/live`, program)).toBe('{"status":"ok"}');
    const [, command = ''] = /Try it:\n([^]*?)\n\n/.exec(program.stdout) ?? [];
    expect(await shell(`${command} -s`, program)).toBe('[]');
    await expect(shell(`curl -s ${url.replace('https', 'http')}/health/live`, program)).rejects.toThrow();
    await expect(shell(`curl -s ${url}/health/live`, program)).rejects.toThrow(); // signed by nobody that curl trusts
  });

  it('lists only the tokens that exist', async () => {
    const token = 'GiXwBWWv5g2Fs6QeaTlx';
    const file = join(folder, 'shared.sqlite');
    program = await Program.start({ DATABASE_URL: `sqlite:${file}`, ADMIN_API_TOKEN: token });
    expect(program.stdout).toMatch(
      /tokens +user: data\/user-token   admin: ADMIN_API_TOKEN   \(of the first start\)$/m,
    );
    await program.stop();
    program = await Program.start({ DATABASE_URL: `sqlite:${file}`, ADMIN_API_TOKEN: `${token}-changed` });
    expect(program.stdout).toMatch(/tokens +no token files; /);
    expect(program.stdout).toContain('ADMIN_API_TOKEN is not a token of this register');
    expect(program.stdout).not.toContain('data/user-token');
  });
});

describe('the program, started in a terminal without configuration,', () => {
  let program: Program;

  beforeAll(async () => {
    program = await Program.start({}, 'terminal');
  });
  afterAll(() => program.stop());

  it('keeps everything in data, readable by nobody else', async () => {
    expect((await program.call('GET', '/api/ipdrcustomers')).text).toBe('[]');
    expect(program.stdout).toContain('SQLite, data/ipdr.sqlite');
    const modes = await shell("find data -exec stat -c '%a %n' {} +", program);
    const open = modes
      .trim()
      .split('\n')
      .filter((line) => !/^[67]00 /.test(line));
    expect(open).toEqual([]);
  });

  it('logs readable lines', async () => {
    const { headers } = await program.call('GET', '/api/ipdrcustomers/nobody');
    await until(() => program.stdout.includes(String(headers['x-request-id'])));
    expect(program.log).toEqual([]);
    expect(program.stdout.replaceAll(/\x1b\[\d+m/g, '')).toMatch(/^\[[\d:.]+\] INFO: request\r?$/m);
  });
});
