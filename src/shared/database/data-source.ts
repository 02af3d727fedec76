import * as mysql2 from 'mysql2';
import type { Pool, PoolOptions } from 'mysql2';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { DatabaseConfiguration } from '../config/configuration.js';
import { migrations } from './migrations/index.js';

type Entities = NonNullable<DataSourceOptions['entities']>;

const POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS = 3000;
/** Prepared statements that a connection keeps: the server has room for some 16,000 in all. */
export const MAX_STATEMENTS = 200;

/**
 * The one maker of DataSources: the application's and the TypeORM CLI's (ormconfig.ts) are the same.
 *
 * TypeORM logs nothing: its query and error logs hold values, and values are personal data.
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
        // Waiting blocks the process: short, since a transaction that finds the file busy is tried again.
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
    ...{ host, port, username: user, password, database: name },
    poolSize: POOL_SIZE,
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    // TypeORM asks for the contrary, and MySQL answers a comparison as BIGINT: '1' is not 1.
    bigNumberStrings: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    extra: { maxPreparedStatements: MAX_STATEMENTS },
  } as DataSourceOptions);
}

/** Has TypeORM take, on SQLite, the types of MySQL that entities need for what is large; to SQLite they are names. */
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

/** What `mysql://user:password@host:port/name` says, for the driver. */
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
 * Sets on every new connection what correctness rests on, whatever the server's defaults are: no silent
 * truncation, backslash escapes as the driver writes them, snapshots that stand still, short waits for locks.
 */
export function withSession(pool: Pool): Pool {
  return pool.on('connection', (connection) => {
    // A failure here comes again at the first statement, where somebody waits for it.
    const ignore = (): void => undefined;
    connection.query(
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', " +
        'innodb_lock_wait_timeout = 5',
      ignore,
    );
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ', ignore);
    // Galera: what another node committed is seen by the next read on this one. MySQL does not know the variable.
    connection.query('SET SESSION wsrep_sync_wait = 1', ignore);
  });
}
