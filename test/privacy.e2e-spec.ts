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

/** Texts that must not be found anywhere but in the register and its proper answers. */
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

/** The lines that betray a canary, however it was cut or encoded; a duration may hold any digits. */
function betraying(text: string): string[] {
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

type Request = [expected: number, method: string, path: string, call?: Call];

/** Every kind of request that a client may send, good and bad. */
const REQUESTS: readonly Request[] = [
  [200, 'POST', LIST, { body: CUSTOMER }],
  [200, 'POST', LIST, { body: OTHER }],
  [200, 'GET', ONE],
  [200, 'GET', LIST],
  [200, 'GET', LIST, { headers: { accept: 'application/x-ndjson' } }],
  [200, 'GET', LIST, { body: { Name: CANARY.name, Email: CANARY.email } }],
  [200, 'GET', `${LIST}?limit=1&${QUERY}`],
  [200, 'PUT', ONE, { body: CUSTOMER }],
  [200, 'PATCH', ONE, { body: { Address: CANARY.address } }],
  [200, 'GET', ONE, { raw: '', headers: asHeaders(CREDENTIALS) }],
  [409, 'POST', LIST, { body: CUSTOMER }],
  [409, 'PATCH', ONE, { body: { UserID: CANARY.otherId } }],
  [404, 'GET', pathOf('Canary nobody')],
  [404, 'DELETE', pathOf('Canary nobody')],
  [404, 'GET', `/canary/${CANARY.name.replaceAll(' ', '%20')}`],
  [400, 'GET', `${LIST}/Canary%ZZ`],
  [405, 'POST', ONE, { body: CUSTOMER }],
  [405, 'TRACE', ONE],
  [406, 'GET', ONE, { headers: { accept: 'text/canary' } }],
  [413, 'POST', LIST, { body: { ...CUSTOMER, Address: CANARY.address.repeat(50_000) } }],
  [415, 'POST', LIST, { raw: QUERY, headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
  [400, 'POST', LIST, { raw: JSON.stringify({ ...CREDENTIALS, ...CUSTOMER }).slice(0, -3) }],
  [400, 'POST', LIST, { raw: `{"Name":"${CANARY.name}",canary}` }],
  [400, 'POST', LIST, { raw: `{"Name":"${CANARY.name}","Name":"${CANARY.name}"}` }],
  [400, 'POST', LIST, { raw: JSON.stringify(CANARY.name) }],
  [
    422,
    'POST',
    LIST,
    {
      body: {
        UserID: `${CANARY.userId} `,
        Name: CANARY.name.repeat(99),
        Email: CANARY.name,
        PhoneNumber: CANARY.email,
        Address: { canary: 1 },
      },
    },
  ],
  [422, 'PATCH', ONE, { body: { Address: CANARY.address.repeat(99) } }],
  [422, 'GET', `${LIST}?limit=canary&after=canary&updated_since=canary&search=${'canary'.repeat(20)}`],
  [422, 'GET', `${LIST}?Email=canary&Name=${CANARY.name.replaceAll(' ', '+')}&Name=canary`],
  [401, 'GET', ONE, { body: { api_token: CANARY.wrongToken } }],
  [401, 'GET', LIST, { raw: '', headers: asHeaders({ ...CREDENTIALS, api_token: CANARY.wrongToken }) }],
  [401, 'GET', LIST, { body: { api_token: [CANARY.token] } }],
  [401, 'GET', LIST, { body: { username: CANARY.name } }],
  [400, 'GET', LIST, { headers: asHeaders({ api_token: CANARY.wrongToken }) }],
  [400, 'GET', `${ONE}?api_token=${CANARY.token}`],
  [
    200,
    'GET',
    LIST,
    {
      headers: {
        'x-request-id': `${CANARY.name}`,
        'user-agent': CANARY.name,
        cookie: 'canary=1',
        referer: `http://x${ONE}`,
      },
    },
  ],
  [403, 'GET', `/api/admin/users?${QUERY}`],
  [200, 'DELETE', pathOf(CANARY.otherId)],
];

/** Sends it as the user, whose token is a canary too. */
function send(client: Client, [, method, path, call]: Request): Promise<Answer> {
  return client.callAs(CREDENTIALS, method, path, call);
}

/** No error tells a client more than what the contract quotes: the UserID, where it exists already. */
function expectDiscreet({ status, text }: Answer): void {
  if (status < 400) return;
  const quoted = status === 409 ? text.replace(/Customer .* already exists/, '') : text;
  expect(betraying(quoted)).toEqual([]);
  expect(quoted).not.toMatch(/select |insert |update |sqlite|mysql|typeorm|node_modules|\.js:/i);
}

describe.each(databaseKinds)('personal data and tokens, over $name,', (kind) => {
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
    expect(betraying(stdout + stderr)).toEqual([]);
  });

  /** Waits for the line that ends what is logged of a request. */
  const logged = async (answer: Answer): Promise<Record<string, unknown>[]> => {
    const id = answer.headers['x-request-id'];
    const lines = (): Record<string, unknown>[] => program.log.filter((line) => line['request_id'] === id);
    await until(() => lines().some(({ msg }) => msg === 'request'));
    return lines();
  };
  const sent: { answer: Answer; line: object }[] = [];

  it.each(REQUESTS)('are not betrayed to a client: %d %s %s', async (...request) => {
    const [status, method] = request;
    const answer = await send(program, request);
    expect(answer.status).toBe(status);
    expectDiscreet(answer);
    sent.push({ answer, line: expect.objectContaining({ method, status }) });
  });

  it('are not betrayed by the log, which has a line for each of these requests', async () => {
    for (const { answer, line } of sent) expect(await logged(answer)).toEqual([line]);
    expect(betraying(program.stdout)).toEqual([]);
  });

  it('are not betrayed by an error that a database words with them', async () => {
    await withDataSource(database.configuration, async (dataSource) => {
      for (const event of ['INSERT', 'UPDATE']) {
        const name = `betray_${event}`;
        await dataSource.query(
          database.configuration.type === 'mysql'
            ? `CREATE TRIGGER ${name} BEFORE ${event} ON customers FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = NEW.address`
            : `CREATE TRIGGER ${name} BEFORE ${event} ON customers BEGIN SELECT RAISE(ABORT, NEW.address); END`,
        );
      }
    });
    for (const request of [
      [500, 'POST', LIST, { body: OTHER }],
      [500, 'PUT', ONE, { body: { ...CUSTOMER, Email: null } }],
      [500, 'PATCH', ONE, { body: { Email: null } }],
    ] satisfies Request[]) {
      const answer = await send(program, request);
      expect(answer).toMatchObject({ status: 500, json: { code: 'internal_error' } });
      expectDiscreet(answer);
      expect(await logged(answer)).toEqual([expect.objectContaining({ level: 50 }), expect.anything()]);
    }
    expect(betraying(program.stdout)).toEqual([]);
  });

  it('are not betrayed by the metrics, which know routes alone', async () => {
    const { text } = await program.call('GET', '/metrics', { raw: '' });
    expect(betraying(text)).toEqual([]);
    const routes = new Set([...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route));
    expect([...routes].sort()).toEqual(
      ['/api/admin/tokens', '/api/admin/users', LIST, `${LIST}/:UserID`, 'none'].sort(),
    );
  });

  it('are not betrayed by the OpenAPI document', async () => {
    expect(betraying((await program.call('GET', '/api/openapi.json', { raw: '' })).text)).toEqual([]);
  });

  it('are in the database, but no token is', async () => {
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

/** Fails as a database does, with the error that a test gives it. */
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

  /** Fails after the second batch: the answer is under way then. */
  override async *all(
    ...query: Parameters<CustomerRepository['all']>
  ): ReturnType<CustomerRepository['all']> {
    yield* super.all(...query);
    yield* super.all(...query);
    if (this.fault) throw this.fault;
  }
}

describe.each(databaseKinds)('an error of the driver, over $name,', (kind) => {
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
    expect((await send(service(), [200, 'POST', LIST, { body: CUSTOMER }])).status).toBe(200);
  });

  const sql = `INSERT INTO customers VALUES ('${CANARY.name}')`;
  const driverError = (fields: object): Error =>
    Object.assign(new Error(`Duplicate entry '${CANARY.address}' for key 'x'`), fields);
  const query = (driver: Error): Error => new QueryFailedError(sql, [CANARY.email, CANARY.token], driver);

  /** Its stack has been made by then, and keeps the message that it was made with. */
  const renamed = (error: Error): Error =>
    Object.assign(error, { stack: error.stack, message: 'another message' });

  it.each<[string, Error]>([
    [
      'of mysql2, by way of TypeORM',
      query(driverError({ code: 'ER_DATA_TOO_LONG', errno: 1406, sql, sqlMessage: CANARY.name })),
    ],
    [
      'of mysql2 itself',
      driverError({ code: 'ER_DATA_TOO_LONG', errno: 1406, sql, sqlMessage: CANARY.name }),
    ],
    ['of better-sqlite3, by way of TypeORM', query(driverError({ code: 'SQLITE_CONSTRAINT_CHECK' }))],
    ['without a code, by way of TypeORM', query(driverError({}))],
    ['of a type of its own, by way of TypeORM', query(new TypeError(`cannot bind ${CANARY.name}`))],
    ['that caused another', new Error('wrapped', { cause: query(driverError({ code: 'ER_X' })) })],
    ['that caused another, without a code', new Error('wrapped', { cause: query(driverError({})) })],
    ['with another message than its stack has', renamed(query(driverError({})))],
    ['that says that the database is away', query(driverError({ code: 'ECONNREFUSED', sql }))],
  ])('%s, is logged without what it holds', async (_what, fault) => {
    customers.fault = fault;
    const lines = service().log.length;
    const answers = [
      await send(service(), [500, 'GET', ONE]),
      await send(service(), [500, 'POST', LIST, { body: OTHER }]),
    ];
    const cut = send(service(), [200, 'GET', LIST]);
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
    expect(betraying(log)).toEqual([]);
    expect(betraying((await service().call('GET', '/metrics', { raw: '' })).text)).toEqual([]);
  });
});
