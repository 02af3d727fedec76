import { createConnection, type Connection } from 'mysql2/promise';
import { mapping } from './mappings.js';
import { userId } from './scenarios.js';

/**
 * BENCH_DATABASE_URL, or a database on this machine. The databases of look-ups.ts have its name and a suffix. All of them
 * are dropped, before and after.
 */
export const DATABASE_URL = process.env['BENCH_DATABASE_URL'] ?? 'mysql://root@127.0.0.1:3306/ipdr_bench';

const BATCH = 1000;
const RECORDED_AT = 1_764_000_000_000;
const CUSTOMER = 'user_id, name, address, email, phone_number, alt_phone_number';
const MAPPING = 'customer_id, first_address, last_address, ip_subnet, valid_from, valid_to, terminal_id';

type Value = string | number | Buffer;

/** Drops the database if it exists, and creates it again, empty. @returns the server's version */
export async function recreate(url: string): Promise<string> {
  return onServerOf(url, async (server, name) => {
    await server.query(`DROP DATABASE IF EXISTS ${name}`);
    await server.query(`CREATE DATABASE ${name}`);
    const [rows] = await server.query('SELECT VERSION() AS version');
    return (rows as { version: string }[])[0]?.version ?? '';
  });
}

export async function drop(url: string): Promise<void> {
  await onServerOf(url, (server, name) => server.query(`DROP DATABASE IF EXISTS ${name}`));
}

async function onServerOf<T>(
  url: string,
  work: (server: Connection, name: string) => Promise<T>,
): Promise<T> {
  const server = new URL(url);
  const name = server.pathname.slice(1);
  server.pathname = '/';
  const connection = await createConnection(server.href);
  const result = await work(connection, name);
  await connection.end();
  return result;
}

/** Fills the context `default` of a database that the service has set up. */
export async function seed(url: string, customers: number, mappings: number): Promise<void> {
  const connection = await createConnection(url);
  const [contexts] = await connection.query("SELECT id FROM contexts WHERE name = 'default'");
  const context = (contexts as { id: number }[])[0]?.id ?? 0;
  const insert = async (into: string, count: number, row: (n: number) => Value[]): Promise<void> => {
    await connection.query('START TRANSACTION');
    for (let from = 0; from < count; from += BATCH) {
      const rows = Array.from({ length: BATCH }, (_, i) => [context, ...row(from + i)]);
      await connection.query(`INSERT INTO ${into} VALUES ?`, [rows]);
    }
    await connection.query('COMMIT');
  };
  // So MariaDB sorts what goes into an empty table, and builds its indexes at the end.
  await connection.query('SET unique_checks = 0, foreign_key_checks = 0');
  await insert(
    `customers (context_id, ${CUSTOMER}, name_search, email_search, updated_at, id)`,
    customers,
    customerRow,
  );
  await insert(`ip_mappings (context_id, ${MAPPING}, updated_at, id)`, mappings, (n) =>
    mappingRow(n, customers),
  );
  // As if sealed already: otherwise the service would seal them first.
  for (const [table, columns] of [
    ['customer', CUSTOMER],
    ['ip_mapping', MAPPING],
  ] as const) {
    const id = table === 'customer' ? 'customer_id' : 'mapping_id';
    await connection.query(`
      INSERT INTO ${table}_versions (context_id, ${id}, ${columns}, recorded_at, change_made, block)
      SELECT context_id, id, ${columns}, updated_at, 'created', 1 FROM ${table}s`);
  }
  await connection.query('ANALYZE TABLE customers, customer_versions, ip_mappings, ip_mapping_versions');
  await connection.end();
}

function customerRow(n: number): Value[] {
  const name = `Customer Number ${n}`;
  const email = `customer${n}@example.com`;
  const address = `${n % 500} Gandhi Street, T. Nagar, Chennai ${600_000 + (n % 100)}`;
  const phones = [`+91 ${9_800_000_000 + n}`, `044-${20_000_000 + n}`];
  const keys = [name.toUpperCase(), email];
  return [userId(n), name, address, email, ...phones, ...keys, RECORDED_AT + n, n + 1];
}

function mappingRow(n: number, customers: number): Value[] {
  const { holder, network, from, to } = mapping(n);
  const { first, last, text } = network;
  const validity = [from, to ?? Number.MAX_SAFE_INTEGER];
  return [1 + (holder % customers), first, last, text, ...validity, '', RECORDED_AT + n, n + 1];
}
