/**
 * The floor: what `node:http` and `mysql2` alone cost for the SQL work and the answers of the service. It checks
 * the sign-in and nothing else. To be run with DATABASE_URL and PORT.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createPool, type Pool, type PoolConnection, type ResultSetHeader } from 'mysql2';

type Body = Record<string, string>;
type Value = string | number | null;

interface Customer {
  id: number;
  Name: string;
  Address: string | null;
  Email: string | null;
  PhoneNumber: string | null;
  AltPhoneNumber: string | null;
  UserID: string;
}

const SIGN_IN = `
  SELECT t.id AS tokenId, t.scope, t.expires_at AS expiresAt, t.allowed_ips AS allowedIps,
         t.last_used_at AS lastUsedAt, u.name AS userName, u.enabled AS userEnabled, u.role,
         c.id AS contextId, c.name AS contextName, c.enabled AS contextEnabled, g.user_id IS NOT NULL AS granted
  FROM tokens t
  JOIN users u ON u.id = t.user_id
  LEFT JOIN context_names n ON n.name = ?
  LEFT JOIN contexts c ON c.id = n.context_id
  LEFT JOIN grants g ON g.user_id = u.id AND g.context_id = c.id
  WHERE t.hash = ?`;
// The names and the order are those of the answer: a row is the answer.
const SELECT = `
  SELECT id, name AS Name, address AS Address, email AS Email, phone_number AS PhoneNumber,
         alt_phone_number AS AltPhoneNumber, user_id AS UserID
  FROM customers`;
const ONE = `${SELECT} WHERE context_id = ? AND user_id = ?`;
// Left to itself, MariaDB reads the index from the context's first customer on, however deep the page is.
const LIST = `${SELECT} FORCE INDEX (customers_id) WHERE context_id = ?`;
const INSERT = `
  INSERT INTO customers (user_id, name, address, email, phone_number, alt_phone_number, name_search,
                         email_search, updated_at, context_id)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const UPDATE = `
  UPDATE customers SET user_id = ?, name = ?, address = ?, email = ?, phone_number = ?, alt_phone_number = ?,
                       name_search = ?, email_search = ?, updated_at = ?
  WHERE context_id = ? AND id = ?`;
const BATCH = 1000;

/** Answers the text to send, or sends it itself. `key` is what the route's pattern captured. */
type Handler = (
  context: number,
  body: Body,
  key: string,
  response: ServerResponse,
) => Promise<string | undefined>;

const ROUTES: readonly (readonly [RegExp, Handler])[] = [
  [/^GET \/api\/ipdrcustomers\/(\w+)$/, readOne],
  [/^GET \/api\/ipdrcustomers\?limit=100&after=([\w-]+)$/, page],
  [/^GET \/api\/ipdrcustomers()$/, all],
  [/^POST \/api\/ipdrcustomers()$/, create],
  [/^PATCH \/api\/ipdrcustomers\/(\w+)$/, change],
];

// As many connections as the service has (data-source.ts, mysql-database.ts).
const database = { uri: process.env['DATABASE_URL'] ?? '', charset: 'utf8mb4_bin' };
const pool = createPool({ ...database, connectionLimit: 10 });
const snapshots = createPool({ ...database, connectionLimit: 4 });

async function readOne(context: number, _body: Body, userId: string): Promise<string> {
  const [customer] = await execute<Customer[]>(pool, ONE, [context, userId]);
  return JSON.stringify(customer);
}

/** One more than a page, as the service reads to know whether it is the last. */
async function page(context: number, _body: Body, cursor: string): Promise<string> {
  const after = Number(Buffer.from(cursor, 'base64url').toString().slice('id:'.length));
  const sql = `${LIST} AND id > ? ORDER BY id LIMIT 101`;
  const customers = await execute<Customer[]>(pool, sql, [context, after]);
  return JSON.stringify(customers.slice(0, 100));
}

/** Streamed, which is faster than asking for a thousand rows at a time. */
async function all(context: number, _body: Body, _key: string, response: ServerResponse): Promise<undefined> {
  const snapshot = await connect(snapshots);
  await query(snapshot, 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' });
  let batch: Customer[] = [];
  let before = '[';
  const send = (): boolean => {
    const text = before + JSON.stringify(batch).slice(1, -1);
    batch = [];
    before = ',';
    return response.write(text);
  };
  const rows = snapshot.execute(`${LIST} ORDER BY id`, [context]).stream({ highWaterMark: BATCH });
  rows.on('data', (row: Customer) => {
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
}

function create(context: number, body: Body): Promise<string> {
  const { Name = '', Address = null, Email = null, PhoneNumber = null, AltPhoneNumber = null } = body;
  const given = { Name, Address, Email, PhoneNumber, AltPhoneNumber, UserID: body['UserID'] ?? '' };
  return transaction(async (on) => {
    const { insertId: id } = await execute<ResultSetHeader>(on, INSERT, [...columns(given), context]);
    return JSON.stringify({ id, ...given });
  });
}

function change(context: number, body: Body, userId: string): Promise<string> {
  return transaction(async (on) => {
    const [before] = await execute<[Customer]>(on, `${ONE} FOR UPDATE`, [context, userId]);
    const after = { ...before, ...body };
    await execute(on, UPDATE, [...columns(after), context, after.id]);
    return JSON.stringify(after);
  });
}

/** What is written of a customer, with the keys for `search`, which are simple for ASCII. */
function columns(customer: Omit<Customer, 'id'>): Value[] {
  const { UserID, Name, Address, Email, PhoneNumber, AltPhoneNumber } = customer;
  const keys = [Name.slice(0, 64).toUpperCase(), Email?.slice(0, 64).toUpperCase() ?? null];
  return [UserID, Name, Address, Email, PhoneNumber, AltPhoneNumber, ...keys, Date.now()];
}

async function transaction<T>(work: (on: PoolConnection) => Promise<T>): Promise<T> {
  const on = await connect(pool);
  await query(on, 'START TRANSACTION');
  const result = await work(on);
  await query(on, 'COMMIT');
  on.release();
  return result;
}

// Promises by hand: those of mysql2/promise make an Error for every call, to have its stack.
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
  type Caller = { userName: string; contextId: number; granted: number };
  const [caller] = await execute<Caller[]>(pool, SIGN_IN, who);
  if (caller?.userName !== username || caller?.granted !== 1) {
    response.writeHead(401).end();
    return;
  }
  for (const [pattern, handle] of ROUTES) {
    const [, key] = pattern.exec(`${request.method} ${request.url}`) ?? [];
    if (key === undefined) continue;
    const text = await handle(caller.contextId, body, key, response);
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
