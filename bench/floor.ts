/**
 * The floor: what the service's SQL and answers cost with nothing but `node:http` and `mysql2`. It checks the sign-in and
 * nothing else. Run it with DATABASE_URL and PORT.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createPool, type Pool, type PoolConnection, type ResultSetHeader } from 'mysql2';

import { IpAddress } from '../src/ip-mappings/domain/ip-network.js';
import { parts } from '../src/shared/database/batches.js';
import {
  conflicting,
  COUNT,
  COUNT_MAPPINGS,
  ENTRY,
  GUARD,
  GUARDED,
  HOLDER,
  INSERT,
  INSERT_ENTRY,
  INSERT_MAPPING,
  INSERT_MAPPING_VERSION,
  INSERT_VERSION,
  LIST,
  LIST_MAPPINGS,
  mappingAt,
  ONE,
  OPEN,
  SIGN_IN,
  UPDATE,
} from './sql.js';

type Body = Record<string, string>;
type Value = string | number | Buffer | null;

interface Customer {
  id: number;
  Name: string;
  Address: string | null;
  Email: string | null;
  PhoneNumber: string | null;
  AltPhoneNumber: string | null;
  UserID: string;
}

const BATCH = 1000;
const MAX_READS = 64;

interface Caller {
  readonly userName: string;
  readonly tokenId: number;
  readonly tokenLabel: string;
  readonly contextId: number;
  readonly contextName: string;
  readonly granted: number;
}

/** Returns the text to send, or sends the answer itself. `key` is what the route's pattern captured. */
type Handler = (
  caller: Caller,
  body: Body,
  key: string,
  response: ServerResponse,
) => Promise<string | undefined>;

const ROUTES: readonly (readonly [RegExp, Handler])[] = [
  [/^GET \/api\/ipdrcustomers\/(\w+)$/, readOne],
  [/^GET \/api\/ipdrcustomers\?limit=100&after=([\w-]+)$/, page(LIST, 'customers.listed')],
  [/^GET \/api\/ipdrcustomers()$/, all(LIST, COUNT, 'customers.listed')],
  [/^POST \/api\/ipdrcustomers()$/, create],
  [/^PATCH \/api\/ipdrcustomers\/(\w+)$/, change],
  [/^GET \/api\/ipdrcustomers_mapping\?limit=100&after=([\w-]+)$/, page(LIST_MAPPINGS, 'mappings.listed')],
  [/^GET \/api\/ipdrcustomers_mapping()$/, all(LIST_MAPPINGS, COUNT_MAPPINGS, 'mappings.listed')],
  [/^POST \/api\/ipdrcustomers_mapping()$/, map],
  [/^GET \/api\/ipdrlookup\?ip=(.*)$/, lookUp],
];

// As many connections as the service has (data-source.ts, mysql-database.ts).
const database = { uri: process.env['DATABASE_URL'] ?? '', charset: 'utf8mb4_bin' };
const pool = createPool({ ...database, connectionLimit: 10 });
const snapshots = createPool({ ...database, connectionLimit: 4 });

async function readOne(caller: Caller, _body: Body, userId: string): Promise<string> {
  const [customer] = await execute<Customer[]>(pool, ONE, [caller.contextId, userId]);
  await recordRead(entry(caller, 'customer.read', userId, { records: 1 }));
  return JSON.stringify(customer);
}

/** Reads one row more than a page, as the service does to know whether the page is the last. */
function page(list: string, action: string): Handler {
  const sql = `${list} AND id > ? ORDER BY id LIMIT 101`;
  return async (caller, _body, cursor) => {
    const after = Number(Buffer.from(cursor, 'base64url').toString().slice('id:'.length));
    const rows = await execute<object[]>(pool, sql, [caller.contextId, after]);
    await recordRead(entry(caller, action, null, { filter: { after: cursor }, records: 100 }));
    return JSON.stringify(rows.slice(0, 100));
  };
}

/** Streams the rows, which is faster than a query for each thousand. */
function all(list: string, count: string, action: string): Handler {
  return async (caller, _body, _key, response) => {
    const snapshot = await connect(snapshots);
    await query(snapshot, 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    const [found] = await execute<[{ count: number }]>(snapshot, count, [caller.contextId]);
    await recordRead(entry(caller, action, null, { filter: {}, records: found.count }));
    response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' });
    let batch: object[] = [];
    let before = '[';
    const send = (): boolean => {
      const text = before + JSON.stringify(batch).slice(1, -1);
      batch = [];
      before = ',';
      return response.write(text);
    };
    const rows = snapshot.execute(`${list} ORDER BY id`, [caller.contextId]).stream({ highWaterMark: BATCH });
    rows.on('data', (row: object) => {
      batch.push(row);
      if (batch.length < BATCH || send()) return;
      rows.pause();
      response.once('drain', () => rows.resume());
    });
    await once(rows, 'end');
    if (batch.length > 0) send();
    response.end(']');
    await query(snapshot, 'COMMIT');
    snapshot.release();
    return undefined;
  };
}

async function lookUp(caller: Caller, _body: Body, key: string): Promise<string> {
  const [ip = '', digits] = key.split('&time=');
  const time = Number(digits);
  const address = IpAddress.parse(ip);
  const [starts = []] = parts(address.coveringStarts(), 128);
  const { contextId } = caller;
  const [mapping] = await execute<{ ipdr_customer_id: number }[]>(pool, mappingAt(starts.length), [
    contextId,
    ...starts,
    address.bytes,
    time,
    time,
  ]);
  let holder: Customer | undefined;
  if (mapping !== undefined) {
    const id = mapping.ipdr_customer_id;
    [holder] = await execute<[Customer]>(pool, HOLDER, [contextId, id, id, time * 1000 + 999, id]);
  }
  const details = { ip, time, records: holder === undefined ? 0 : 1 };
  await recordRead(entry(caller, 'holder.looked_up', holder?.UserID ?? null, details));
  return JSON.stringify({ ip, time, holder: holder ?? null, mapping: mapping ?? null });
}

/** Creates a mapping of a single address, without an end. */
function map(caller: Caller, body: Body): Promise<string> {
  const { UserID = '', ipsubnet = '', terminalid = '' } = body;
  const starttime = Number(body['starttime']);
  const address = IpAddress.parse(ipsubnet);
  const [starts = []] = parts(address.coveringStarts(), 128);
  const { contextId } = caller;
  return transaction(async (on) => {
    const now = Date.now();
    await execute(on, GUARD, [contextId, now, now, now]);
    const [{ at }] = await execute<[{ at: number }]>(on, GUARDED, [contextId]);
    const [{ id: holder }] = await execute<[Customer]>(on, `${ONE} FOR UPDATE`, [contextId, UserID]);
    await execute(on, conflicting(starts.length), [
      contextId,
      ...starts,
      address.bytes,
      OPEN,
      starttime,
      holder,
    ]);
    const written = [holder, address.bytes, address.bytes, ipsubnet, starttime, OPEN, terminalid];
    const { insertId: id } = await execute<ResultSetHeader>(on, INSERT_MAPPING, [contextId, ...written, at]);
    await execute(on, INSERT_MAPPING_VERSION, [contextId, id, ...written, at, 'created', ...by(caller)]);
    await execute(on, INSERT_ENTRY + ENTRY, entry(caller, 'mapping.created', UserID, { id }));
    const times = { starttime, endtime: null };
    return JSON.stringify({ id, ipdr_customer_id: holder, ipsubnet, ...times, terminalid });
  });
}

function create(caller: Caller, body: Body): Promise<string> {
  const { Name = '', Address = null, Email = null, PhoneNumber = null, AltPhoneNumber = null } = body;
  const given = { Name, Address, Email, PhoneNumber, AltPhoneNumber, UserID: body['UserID'] ?? '' };
  return transaction(async (on) => {
    const at = Date.now();
    const { insertId: id } = await execute<ResultSetHeader>(on, INSERT, [
      ...columns(given, at),
      caller.contextId,
    ]);
    await record(on, caller, 'created', { id, ...given }, at);
    return JSON.stringify({ id, ...given });
  });
}

function change(caller: Caller, body: Body, userId: string): Promise<string> {
  return transaction(async (on) => {
    const [before] = await execute<[Customer]>(on, `${ONE} FOR UPDATE`, [caller.contextId, userId]);
    const after = { ...before, ...body };
    const at = Date.now();
    await execute(on, UPDATE, [...columns(after, at), caller.contextId, after.id]);
    await record(on, caller, 'updated', after, at);
    return JSON.stringify(after);
  });
}

/** Adds the version and the audit entry of a write. */
async function record(
  on: PoolConnection,
  caller: Caller,
  made: string,
  customer: Customer,
  at: number,
): Promise<void> {
  const { UserID, Name, Address, Email, PhoneNumber, AltPhoneNumber } = customer;
  await execute(on, INSERT_VERSION, [
    caller.contextId,
    customer.id,
    at,
    made,
    UserID,
    Name,
    Address,
    Email,
    PhoneNumber,
    AltPhoneNumber,
    ...by(caller),
  ]);
  const values = entry(caller, `customer.${made}`, UserID, { id: customer.id });
  await execute(on, INSERT_ENTRY + ENTRY, values);
}

/** Who recorded a version, and its nonce. */
function by({ userName, tokenId, tokenLabel }: Caller): Value[] {
  return [userName, tokenId, tokenLabel, '127.0.0.1', nonce()];
}

function nonce(): string {
  return randomBytes(16).toString('base64url');
}

function entry(caller: Caller, action: string, userId: string | null, details: object): Value[] {
  const { userName, tokenId, tokenLabel, contextName } = caller;
  return [
    Date.now(),
    action,
    userName,
    tokenId,
    tokenLabel,
    '127.0.0.1',
    contextName,
    userId,
    JSON.stringify(details),
    nonce(),
  ];
}

const reads: { values: Value[]; done: () => void; failed: (error: Error) => void }[] = [];
let isRecording = false;

/** Records a read together with those that arrive meanwhile, as the service does. */
function recordRead(values: Value[]): Promise<void> {
  return new Promise((done, failed) => {
    reads.push({ values, done, failed });
    if (!isRecording) void recordReads();
  });
}

async function recordReads(): Promise<void> {
  isRecording = true;
  while (reads.length > 0) {
    const batch = reads.splice(0, MAX_READS);
    const sql = INSERT_ENTRY + batch.map(() => ENTRY).join(', ');
    const inserted = execute(
      pool,
      sql,
      batch.flatMap(({ values }) => values),
    );
    await inserted.then(
      () => batch.forEach(({ done }) => done()),
      (error: Error) => batch.forEach(({ failed }) => failed(error)),
    );
  }
  isRecording = false;
}

/** The columns of a customer, with the search keys, which are simple for ASCII. */
function columns(customer: Omit<Customer, 'id'>, at: number): Value[] {
  const { UserID, Name, Address, Email, PhoneNumber, AltPhoneNumber } = customer;
  const keys = [Name.slice(0, 64).toUpperCase(), Email?.slice(0, 64).toUpperCase() ?? null];
  return [UserID, Name, Address, Email, PhoneNumber, AltPhoneNumber, ...keys, at];
}

async function transaction<T>(work: (on: PoolConnection) => Promise<T>): Promise<T> {
  const on = await connect(pool);
  await query(on, 'START TRANSACTION');
  const result = await work(on);
  await query(on, 'COMMIT');
  on.release();
  return result;
}

// Not mysql2/promise, which creates an Error for every call, to have its stack.
function execute<Result>(on: Pool | PoolConnection, sql: string, values: Value[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    on.execute(sql, values, (error, result) => (error ? reject(error) : resolve(result as Result)));
  });
}

function query(on: PoolConnection, sql: string): Promise<void> {
  return new Promise((resolve, reject) => on.query(sql, (error) => (error ? reject(error) : resolve())));
}

function connect(to: Pool): Promise<PoolConnection> {
  return new Promise((resolve, reject) => {
    to.getConnection((error, connection) => (error ? reject(error) : resolve(connection)));
  });
}

function read(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString()));
    request.on('error', reject);
  });
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { api_token, username, contextname, ...body } = JSON.parse(await read(request)) as Body;
  const hash = createHash('sha256')
    .update(api_token ?? '')
    .digest('hex');
  const who = [contextname ?? 'default', hash];
  const [caller] = await execute<Caller[]>(pool, SIGN_IN, who);
  if (caller?.userName !== username || caller?.granted !== 1) {
    response.writeHead(401).end();
    return;
  }
  for (const [pattern, handle] of ROUTES) {
    const [, key] = pattern.exec(`${request.method} ${request.url}`) ?? [];
    if (key === undefined) continue;
    const text = await handle(caller, body, key, response);
    if (text === undefined) return;
    const length = Buffer.byteLength(text);
    response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': length });
    response.end(text);
    return;
  }
  response.writeHead(404).end();
}

createServer((request, response) => {
  if (request.url === '/health/ready') {
    response.end();
    return;
  }
  answer(request, response).catch((error: unknown) => {
    console.error(error);
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end();
  });
}).listen(Number(process.env['PORT']), '127.0.0.1');
