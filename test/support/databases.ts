import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import type { DatabaseConfiguration } from '../../src/shared/config/configuration.js';
import { makeFolder } from './folder.js';

/** An empty database for one test file. */
export interface TestDatabase {
  readonly configuration: DatabaseConfiguration;
  drop(): Promise<void>;
}

export interface DatabaseKind {
  readonly name: string;
  create(): Promise<TestDatabase>;
}

const sqlite: DatabaseKind = {
  name: 'SQLite',
  async create() {
    const folder = await makeFolder('ipdr-sqlite-');
    return {
      configuration: { type: 'sqlite', path: join(folder, 'ipdr.sqlite') },
      drop: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

function mysql(server: string): DatabaseKind {
  return {
    name: 'MySQL',
    async create() {
      const name = `ipdr_test_${randomUUID().replaceAll('-', '')}`;
      const administer = async (sql: string): Promise<void> => {
        const connection = await createConnection(server);
        await connection.query(sql);
        await connection.end();
      };
      // Use another collation on purpose: the service must set the one it needs.
      await administer(`CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`);
      const url = new URL(server);
      url.pathname = `/${name}`;
      return {
        configuration: { type: 'mysql', url: url.href },
        drop: () => administer(`DROP DATABASE ${name}`),
      };
    },
  };
}

/** The server that global-setup.js found or started, which warns if there is none. */
const server = process.env['TEST_MYSQL_URL'];

/** The kinds of database that the tests run on. */
export const databaseKinds: readonly DatabaseKind[] =
  server === undefined ? [sqlite] : [sqlite, mysql(server)];
