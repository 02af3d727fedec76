import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { QueryFailedError } from 'typeorm';
import { CustomerRepository } from '../src/customers/application/customer.repository.js';
import { TypeOrmCustomerRepository } from '../src/customers/infrastructure/typeorm-customer.repository.js';
import { asHeaders } from './support/callers.js';
import type { Answer, Call, Client } from './support/client.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { dump } from './support/dump.js';
import { Program } from './support/program.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';
import { withDataSource } from './support/with-data-source.js';

const LIST = '/api/ipdrcustomers';

/** Texts that must appear nowhere but in the register and its proper answers. */
const CANARY = {
  token: 'canary-token-GiXwBWWv5g2Fs6QeaTlx',
  wrongToken: 'canary-wrong-0123456789abcdef',
  userId: 'Canary/userid@realm',
  otherId: 'Canary-other-id',
  name: 'Canary Asha Name',
  address: 'Canary Address 12\n    at Canary Road 7 (/flat:1:2)\nChennai',
  email: 'canary.mail@example.in',
  phone: '+91 98400 55501',
  altPhone: '98400-55502',
  search: 'Canary search',
} as const;

/** The lines that hold a part of a canary. A bare number may be a duration, so phones need their punctuation. */
function linesWithCanary(text: string): string[] {
  return text.split('\n').filter((line) => /canary|98400.555/i.test(line));
}

const CUSTOMER = customer(CANARY.userId, {
  Name: CANARY.name,
  Address: CANARY.address,
  Email: CANARY.email,
  PhoneNumber: CANARY.phone,
  AltPhoneNumber: CANARY.altPhone,
});
const OTHER = { ...CUSTOMER, UserID: CANARY.otherId };
const CREDENTIALS = { api_token: CANARY.token, username: 'user', contextname: 'default' };
const ONE = pathOf(CANARY.userId);
const QUERY = new URLSearchParams({
  Name: CANARY.name,
  Email: CANARY.email,
  search: CANARY.search,
}).toString();

interface Request {
  readonly status: number;
  readonly method: string;
  readonly path: string;
  readonly call?: Call;
}

/** Every kind of request that a client may send, good and bad. */
const REQUESTS: readonly Request[] = [
  { status: 200, method: 'POST', path: LIST, call: { body: CUSTOMER } },
  { status: 200, method: 'POST', path: LIST, call: { body: OTHER } },
  { status: 200, method: 'GET', path: ONE },
  { status: 200, method: 'GET', path: LIST },
  { status: 200, method: 'GET', path: LIST, call: { headers: { accept: 'application/x-ndjson' } } },
  { status: 200, method: 'GET', path: LIST, call: { body: { Name: CANARY.name, Email: CANARY.email } } },
  { status: 200, method: 'GET', path: `${LIST}?limit=1&${QUERY}` },
  { status: 200, method: 'PUT', path: ONE, call: { body: CUSTOMER } },
  { status: 200, method: 'PATCH', path: ONE, call: { body: { Address: CANARY.address } } },
  { status: 200, method: 'GET', path: ONE, call: { raw: '', headers: asHeaders(CREDENTIALS) } },
  { status: 409, method: 'POST', path: LIST, call: { body: CUSTOMER } },
  { status: 409, method: 'PATCH', path: ONE, call: { body: { UserID: CANARY.otherId } } },
  { status: 404, method: 'GET', path: pathOf('Canary nobody') },
  { status: 404, method: 'DELETE', path: pathOf('Canary nobody') },
  { status: 404, method: 'GET', path: `/canary/${CANARY.name.replaceAll(' ', '%20')}` },
  { status: 400, method: 'GET', path: `${LIST}/Canary%ZZ` },
  { status: 405, method: 'POST', path: ONE, call: { body: CUSTOMER } },
  { status: 405, method: 'TRACE', path: ONE },
  { status: 406, method: 'GET', path: ONE, call: { headers: { accept: 'text/canary' } } },
  {
    status: 413,
    method: 'POST',
    path: LIST,
    call: { body: { ...CUSTOMER, Address: CANARY.address.repeat(50_000) } },
  },
  {
    status: 415,
    method: 'POST',
    path: LIST,
    call: { raw: QUERY, headers: { 'content-type': 'application/x-www-form-urlencoded' } },
  },
  {
    status: 400,
    method: 'POST',
    path: LIST,
    call: { raw: JSON.stringify({ ...CREDENTIALS, ...CUSTOMER }).slice(0, -3) },
  },
  { status: 400, method: 'POST', path: LIST, call: { raw: `{"Name":"${CANARY.name}",canary}` } },
  {
    status: 400,
    method: 'POST',
    path: LIST,
    call: { raw: `{"Name":"${CANARY.name}","Name":"${CANARY.name}"}` },
  },
  { status: 400, method: 'POST', path: LIST, call: { raw: JSON.stringify(CANARY.name) } },
  {
    status: 422,
    method: 'POST',
    path: LIST,
    call: {
      body: {
        UserID: `${CANARY.userId} `,
        Name: CANARY.name.repeat(99),
        Email: CANARY.name,
        PhoneNumber: CANARY.email,
        Address: { canary: 1 },
      },
    },
  },
  { status: 422, method: 'PATCH', path: ONE, call: { body: { Address: CANARY.address.repeat(99) } } },
  {
    status: 422,
    method: 'GET',
    path: `${LIST}?limit=canary&after=canary&updated_since=canary&search=${'canary'.repeat(20)}`,
  },
  {
    status: 422,
    method: 'GET',
    path: `${LIST}?Email=canary&Name=${CANARY.name.replaceAll(' ', '+')}&Name=canary`,
  },
  { status: 401, method: 'GET', path: ONE, call: { body: { api_token: CANARY.wrongToken } } },
  {
    status: 401,
    method: 'GET',
    path: LIST,
    call: { raw: '', headers: asHeaders({ ...CREDENTIALS, api_token: CANARY.wrongToken }) },
  },
  { status: 401, method: 'GET', path: LIST, call: { body: { api_token: [CANARY.token] } } },
  { status: 401, method: 'GET', path: LIST, call: { body: { username: CANARY.name } } },
  { status: 400, method: 'GET', path: LIST, call: { headers: asHeaders({ api_token: CANARY.wrongToken }) } },
  { status: 400, method: 'GET', path: `${ONE}?api_token=${CANARY.token}` },
  {
    status: 200,
    method: 'GET',
    path: LIST,
    call: {
      headers: {
        'x-request-id': `${CANARY.name}`,
        'user-agent': CANARY.name,
        cookie: 'canary=1',
        referer: `http://x${ONE}`,
      },
    },
  },
  { status: 403, method: 'GET', path: `/api/admin/users?${QUERY}` },
  { status: 200, method: 'DELETE', path: pathOf(CANARY.otherId) },
];

/** Sends a request as the user, whose token is a canary too. */
function send(client: Client, { method, path, call }: Omit<Request, 'status'>): Promise<Answer> {
  return client.callAs(CREDENTIALS, method, path, call);
}

/** An error holds no personal data but the UserID of `customer_exists`, which the contract quotes. */
function expectDiscreet({ status, text }: Answer): void {
  if (status < 400) return;
  const quoted = status === 409 ? text.replace(/Customer .* already exists/, '') : text;
  expect(linesWithCanary(quoted)).toEqual([]);
  expect(quoted).not.toMatch(/select |insert |update |sqlite|mysql|typeorm|node_modules|\.js:/i);
}

describe.each(databaseKinds)('personal data and tokens on $name', (kind) => {
  let database: TestDatabase;
  let program: Program;

  beforeAll(async () => {
    database = await kind.create();
    program = await Program.over(database, { LOG_LEVEL: 'trace' });
    const body = { user: 'user', token: CANARY.token };
    expect((await program.admin('POST', '/api/admin/tokens', { body })).status).toBe(200);
  });
  afterAll(async () => {
    const { stdout, stderr } = await program.stop();
    await database.drop();
    expect(linesWithCanary(stdout + stderr)).toEqual([]);
  });

  /** Waits until a request is logged in full. */
  const logged = async (answer: Answer): Promise<Record<string, unknown>[]> => {
    const id = answer.headers['x-request-id'];
    const lines = (): Record<string, unknown>[] => program.log.filter((line) => line['request_id'] === id);
    await until(() => lines().some(({ msg }) => msg === 'request'));
    return lines();
  };
  const sent: { answer: Answer; line: object }[] = [];

  it.each(REQUESTS)('do not leak through the answer $status to $method $path', async (request) => {
    const { status, method } = request;
    const answer = await send(program, request);
    expect(answer.status).toBe(status);
    expectDiscreet(answer);
    sent.push({ answer, line: expect.objectContaining({ method, status }) });
  });

  it('do not leak through the log, which has a line for each of these requests', async () => {
    for (const { answer, line } of sent) expect(await logged(answer)).toEqual([line]);
    expect(linesWithCanary(program.stdout)).toEqual([]);
  });

  it('do not leak through a database error whose text quotes them', async () => {
    await withDataSource(database.configuration, async (dataSource) => {
      for (const event of ['INSERT', 'UPDATE']) {
        const name = `leak_${event}`;
        await dataSource.query(
          database.configuration.type === 'mysql'
            ? `CREATE TRIGGER ${name} BEFORE ${event} ON customers FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = NEW.address`
            : `CREATE TRIGGER ${name} BEFORE ${event} ON customers BEGIN SELECT RAISE(ABORT, NEW.address); END`,
        );
      }
    });
    for (const request of [
      { method: 'POST', path: LIST, call: { body: OTHER } },
      { method: 'PUT', path: ONE, call: { body: { ...CUSTOMER, Email: null } } },
      { method: 'PATCH', path: ONE, call: { body: { Email: null } } },
    ]) {
      const answer = await send(program, request);
      expect(answer).toMatchObject({ status: 500, json: { code: 'internal_error' } });
      expectDiscreet(answer);
      expect(await logged(answer)).toEqual([expect.objectContaining({ level: 50 }), expect.anything()]);
    }
    expect(linesWithCanary(program.stdout)).toEqual([]);
  });

  it('do not leak through the metrics, which hold routes alone', async () => {
    const { text } = await program.call('GET', '/metrics', { raw: '' });
    expect(linesWithCanary(text)).toEqual([]);
    const routes = new Set([...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route));
    expect([...routes].sort()).toEqual(
      ['/api/admin/tokens', '/api/admin/users', LIST, `${LIST}/:UserID`, 'none'].sort(),
    );
  });

  it('do not leak through the OpenAPI document', async () => {
    expect(linesWithCanary((await program.call('GET', '/api/openapi.json', { raw: '' })).text)).toEqual([]);
  });

  it('are in the database, except that tokens are hashed', async () => {
    const rows = await dump(database.configuration);
    const text = JSON.stringify(rows);
    expect(text).toContain(CANARY.name);
    expect(rows['tokens']).toHaveLength(3);
    for (const token of [CANARY.token, program.tokens.admin, program.tokens.user]) {
      expect(text).not.toContain(token);
      expect(text).toContain(createHash('sha256').update(token).digest('hex'));
      if (database.configuration.type !== 'sqlite') continue;
      const { path } = database.configuration;
      for (const file of (await readdir(dirname(path))).filter((name) => name.startsWith(basename(path)))) {
        expect((await readFile(join(dirname(path), file))).includes(token)).toBe(false);
      }
    }
  });
});

/** Throws the test's error, as a failing database does. */
class FailingCustomerRepository extends TypeOrmCustomerRepository {
  fault: Error | undefined;

  override async find(
    ...query: Parameters<CustomerRepository['find']>
  ): ReturnType<CustomerRepository['find']> {
    if (this.fault) throw this.fault;
    return super.find(...query);
  }

  override async insert(
    ...write: Parameters<CustomerRepository['insert']>
  ): ReturnType<CustomerRepository['insert']> {
    if (this.fault) throw this.fault;
    return super.insert(...write);
  }

  /** Fails after the second batch, when the answer has begun. */
  override async *all(
    ...query: Parameters<CustomerRepository['all']>
  ): ReturnType<CustomerRepository['all']> {
    yield* super.all(...query);
    yield* super.all(...query);
    if (this.fault) throw this.fault;
  }
}

describe.each(databaseKinds)('on $name, a driver error', (kind) => {
  let customers: FailingCustomerRepository;
  const { service } = useService(kind, {
    adapt: (builder, database) => {
      customers = new FailingCustomerRepository(database);
      return builder.overrideProvider(CustomerRepository).useValue(customers);
    },
  });

  beforeAll(async () => {
    const body = { user: 'user', token: CANARY.token };
    expect((await service().admin('POST', '/api/admin/tokens', { body })).status).toBe(200);
    expect((await send(service(), { method: 'POST', path: LIST, call: { body: CUSTOMER } })).status).toBe(
      200,
    );
  });

  const sql = `INSERT INTO customers VALUES ('${CANARY.name}')`;
  const driverError = (fields: object): Error =>
    Object.assign(new Error(`Duplicate entry '${CANARY.address}' for key 'x'`), fields);
  const queryFailed = (driver: Error): Error =>
    new QueryFailedError(sql, [CANARY.email, CANARY.token], driver);

  /** The stack keeps the original message. */
  const withOtherMessage = (error: Error): Error =>
    Object.assign(error, { stack: error.stack, message: 'another message' });

  it.each<[string, Error]>([
    [
      'of mysql2, through TypeORM',
      queryFailed(driverError({ code: 'ER_DATA_TOO_LONG', errno: 1406, sql, sqlMessage: CANARY.name })),
    ],
    [
      'of mysql2 itself',
      driverError({ code: 'ER_DATA_TOO_LONG', errno: 1406, sql, sqlMessage: CANARY.name }),
    ],
    ['of better-sqlite3, through TypeORM', queryFailed(driverError({ code: 'SQLITE_CONSTRAINT_CHECK' }))],
    ['without a code, through TypeORM', queryFailed(driverError({}))],
    ['of another type, through TypeORM', queryFailed(new TypeError(`cannot bind ${CANARY.name}`))],
    ['wrapped in another error', new Error('wrapped', { cause: queryFailed(driverError({ code: 'ER_X' })) })],
    [
      'without a code, wrapped in another error',
      new Error('wrapped', { cause: queryFailed(driverError({})) }),
    ],
    ['whose message differs from its stack', withOtherMessage(queryFailed(driverError({})))],
    ['that means that the database is away', queryFailed(driverError({ code: 'ECONNREFUSED', sql }))],
  ])('%s is logged without personal data', async (_what, fault) => {
    customers.fault = fault;
    const lines = service().log.length;
    const answers = [
      await send(service(), { method: 'GET', path: ONE }),
      await send(service(), { method: 'POST', path: LIST, call: { body: OTHER } }),
    ];
    const cut = send(service(), { method: 'GET', path: LIST });
    await expect(cut).rejects.toThrow(/other side closed|terminated|aborted/);
    customers.fault = undefined;

    for (const answer of answers) {
      expect([500, 503]).toContain(answer.status);
      expectDiscreet(answer);
    }
    await until(
      () =>
        service()
          .log.slice(lines)
          .filter((line) => line.includes('"level":50')).length >= 3,
    );
    const log = service().log.slice(lines).join('');
    expect(log).toMatch(/"code":|"type":"(Query|Type)/);
    expect(linesWithCanary(log)).toEqual([]);
    expect(linesWithCanary((await service().call('GET', '/metrics', { raw: '' })).text)).toEqual([]);
  });
});
