import { createConnection } from 'mysql2/promise';
import { CUSTOMERS, userId } from './scenarios.js';

/** BENCH_DATABASE_URL, or a database of its own on this machine. It is dropped, before and after. */
export const DATABASE_URL = process.env['BENCH_DATABASE_URL'] ?? 'mysql://root@127.0.0.1:3306/ipdr_bench';

const BATCH = 1000;
const COLUMNS =
  'id, context_id, user_id, name, address, email, phone_number, alt_phone_number, name_search, email_search, updated_at';

/** Drops the database and makes it anew, empty, or `no more`. @returns the server's version */
export async function recreate(or?: 'no more'): Promise<string> {
  const server = new URL(DATABASE_URL);
  const name = server.pathname.slice(1);
  server.pathname = '/';
  const connection = await createConnection(server.href);
  await connection.query(`DROP DATABASE IF EXISTS ${name}`);
  if (or === undefined) await connection.query(`CREATE DATABASE ${name}`);
  const [rows] = await connection.query('SELECT VERSION() AS version');
  await connection.end();
  return (rows as { version: string }[])[0]?.version ?? '';
}

/** Fills the context `default` of a database that the service has set up. */
export async function seed(): Promise<void> {
  const connection = await createConnection(DATABASE_URL);
  const [contexts] = await connection.query("SELECT id FROM contexts WHERE name = 'default'");
  const context = (contexts as { id: number }[])[0]?.id ?? 0;
  for (let from = 0; from < CUSTOMERS; from += BATCH) {
    const rows = Array.from({ length: BATCH }, (_, i) => row(context, from + i));
    await connection.query(`INSERT INTO customers (${COLUMNS}) VALUES ?`, [rows]);
  }
  await connection.query('ANALYZE TABLE customers');
  await connection.end();
}

function row(context: number, n: number): (string | number)[] {
  const name = `Customer Number ${n}`;
  const email = `customer${n}@example.com`;
  const address = `${n % 500} Gandhi Street, T. Nagar, Chennai ${600_000 + (n % 100)}`;
  const phones = [`+91 ${9_800_000_000 + n}`, `044-${20_000_000 + n}`];
  const keys = [name.toUpperCase(), email];
  return [n + 1, context, userId(n), name, address, email, ...phones, ...keys, 1_764_000_000_000 + n];
}
