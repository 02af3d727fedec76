import * as mysql2 from 'mysql2';
import type { Pool, PoolOptions } from 'mysql2';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { DatabaseConfiguration } from '../config/configuration.js';
import { migrations } from './migrations/index.js';

type Entities = NonNullable<DataSourceOptions['entities']>;

const POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS = 3000;
/** Prepared statements per connection. The server allows about 16,000 in all. */
export const MAX_STATEMENTS = 200;

/**
 * Creates the DataSource of the application and of the TypeORM CLI (ormconfig.ts).
 *
 * TypeORM's logging is off, since its logs contain values, which are personal data.
 */
export function createDataSource(database: DatabaseConfiguration, entities: Entities): DataSource {
  const common = {
    entities,
    migrations,
    migrationsTableName: 'migrations',
    synchronize: false,
    logging: false,
  };
  if (database.type === 'sqlite') {
    return withMysqlTypes(
      new DataSource({
        ...common,
        type: 'better-sqlite3',
        database: database.path,
        enableWAL: true,
        // Keep it short: waiting blocks the process, and a transaction that finds the file busy is retried anyway.
        timeout: 100,
        prepareDatabase: (connection: { pragma(text: string): unknown }) => {
          connection.pragma('synchronous = FULL');
        },
      }),
    );
  }
  const { host, port, user, password, database: name } = mysqlPoolOptions(database.url);
  return new DataSource({
    ...common,
    type: 'mysql',
    driver: { ...mysql2, createPool: (options: PoolOptions) => withSession(mysql2.createPool(options)) },
    host,
    port,
    username: user,
    password,
    database: name,
    poolSize: POOL_SIZE,
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    // TypeORM's default returns BIGINT as strings, and MySQL returns comparisons as BIGINT.
    bigNumberStrings: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    extra: { maxPreparedStatements: MAX_STATEMENTS },
  } as DataSourceOptions);
}

/** Lets TypeORM accept MySQL's types for large columns on SQLite, which accepts any type name. */
function withMysqlTypes(dataSource: DataSource): DataSource {
  const { driver } = dataSource;
  driver.supportedDataTypes.push('longtext', 'varbinary');
  driver.withLengthColumnTypes.push('varbinary');
  const normalizeType = driver.normalizeType.bind(driver);
  driver.normalizeType = (column) =>
    column.type === 'bigint' && 'isGenerated' in column && column.isGenerated
      ? 'integer'
      : normalizeType(column);
  return dataSource;
}

/** Converts `mysql://user:password@host:port/name` to options of the driver. */
export function mysqlPoolOptions(url: string): PoolOptions {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxPreparedStatements: MAX_STATEMENTS,
  };
}

/**
 * Makes every new connection independent of the server's defaults: no silent truncation, backslash escapes as the
 * driver writes them, repeatable reads, short lock waits.
 */
export function withSession(pool: Pool): Pool {
  return pool.on('connection', (connection) => {
    // Ignore failures: the first statement fails too, and its caller handles it.
    const ignore = (): void => undefined;
    connection.query(
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', " +
        'innodb_lock_wait_timeout = 5',
      ignore,
    );
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ', ignore);
    // Galera: reads see what other nodes have committed. MySQL rejects the unknown variable.
    connection.query('SET SESSION wsrep_sync_wait = 1', ignore);
  });
}
