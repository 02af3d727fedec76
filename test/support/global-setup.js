import { createConnection } from 'mysql2/promise';
import { ThrowAwayMysql } from './mysql-server.js';

const LOCAL = 'mysql://root@127.0.0.1:3306/';

/**
 * Finds a database server for all test files: TEST_MYSQL_URL, else a temporary one, else the one on this machine.
 *
 * The temporary one is in memory, since every test database has a hundred files and every request waits for a commit.
 * A run of single files would end before it has started, so such runs prefer the server of this machine.
 *
 * @param {{ nonFlagArgs: string[], testPathPatterns: { isSet(): boolean } }} run Jest's configuration
 */
export default async function ({ nonFlagArgs, testPathPatterns }) {
  if (process.env.TEST_MYSQL_URL !== undefined) return;
  const isWhole = nonFlagArgs.length === 0 && !testPathPatterns.isSet();
  const url = isWhole ? ((await start()) ?? (await local())) : ((await local()) ?? (await start()));
  if (url !== undefined) {
    process.env.TEST_MYSQL_URL = url;
    return;
  }
  const message = 'no MySQL or MariaDB: set TEST_MYSQL_URL, or install mariadb-server';
  if (process.env.CI !== undefined) throw new Error(message);
  const rule = '!'.repeat(80);
  process.stderr.write(`\n${rule}\n! THE MYSQL HALF OF THESE TESTS IS SKIPPED: ${message}\n${rule}\n`);
}

async function start() {
  const server = await ThrowAwayMysql.create();
  globalThis.removeMysql = () => server?.remove();
  return server?.url;
}

async function local() {
  try {
    await (await createConnection(LOCAL)).end();
    return LOCAL;
  } catch {
    return undefined;
  }
}
