import type { Socket } from 'node:net';
import { createPool, type Pool, type PoolConnection, type QueryError, type ResultSetHeader } from 'mysql2';
import type { DataSource, QueryRunner } from 'typeorm';
import type { Database, Snapshot, SqlValue } from './database.js';
import { mysqlPoolOptions, withSession } from './data-source.js';
import { driverFailure } from './driver-errors.js';
import { MAX_SNAPSHOTS, TypeOrmDatabase } from './typeorm-database.js';

/** Longer than any of our statements takes, lock waits included. */
const MAX_SILENCE_MS = 10_000;

/** Longer writes aren't prepared: the driver keeps an object per value of each statement, for every connection. */
const MAX_PREPARED_VALUES = 1000;

/** MySQL 8 and MariaDB. */
export class MysqlDatabase extends TypeOrmDatabase {
  readonly forUpdate = ' FOR UPDATE';
  readonly useIndex = (name: string): string => ` FORCE INDEX (${name})`;
  readonly jsonTable: Database['jsonTable'] = (columns) => {
    const all = Object.entries(columns);
    const types = { hex: 'VARCHAR(64)', integer: 'BIGINT' };
    const read = all.map(([name, type], n) => `${name} ${types[type]} PATH '$[${n}]'`);
    const values = all.map(([name, type]) => (type === 'hex' ? `UNHEX(${name}) AS ${name}` : name));
    return `(SELECT ${values.join(', ')} FROM JSON_TABLE(?, '$[*]' COLUMNS (${read.join(', ')})) AS j)`;
  };
  readonly thenJoin = 'STRAIGHT_JOIN';
  readonly orUpdate = (): string => ' ON DUPLICATE KEY UPDATE';
  readonly byPrimaryKey = ' FORCE INDEX (PRIMARY)';
  protected readonly begin = 'START TRANSACTION';
  private readonly pool: Pool;
  /** Separate connections for long reads, so that slow clients don't make writers wait. */
  private readonly snapshotPool: Pool;

  constructor(dataSource: DataSource, url: string) {
    super(dataSource);
    this.pool = withLimitedSilence((dataSource.driver as unknown as { pool: Pool }).pool);
    const snapshotPool = createPool({ ...mysqlPoolOptions(url), connectionLimit: MAX_SNAPSHOTS });
    this.snapshotPool = withLimitedSilence(withSession(snapshotPool));
  }

  protected async withConnection<T>(work: (connection: QueryRunner) => Promise<T>): Promise<T> {
    const queryRunner = this.dataSource.createQueryRunner();
    const connection = (await queryRunner.connect()) as PoolConnection;
    try {
      return await work(queryRunner);
    } catch (error) {
      // Keep a broken connection out of the pool.
      if (driverFailure(error) === 'lost') connection.destroy();
      throw error;
    } finally {
      await queryRunner.release();
    }
  }

  protected read<Row>(sql: string, parameters: readonly SqlValue[]): Promise<Row[]> {
    return onceMoreIfLost(() => execute<Row>(this.pool, sql, parameters));
  }

  protected async readInside<Row>(
    queryRunner: QueryRunner,
    sql: string,
    parameters: readonly SqlValue[],
  ): Promise<Row[]> {
    return execute<Row>((await queryRunner.connect()) as PoolConnection, sql, parameters);
  }

  protected async writeInside(
    queryRunner: QueryRunner,
    sql: string,
    parameters: readonly SqlValue[],
  ): Promise<number> {
    const connection = (await queryRunner.connect()) as PoolConnection;
    return new Promise((resolve, reject) => {
      const done = (error: QueryError | null, result: ResultSetHeader): void => {
        if (error) reject(error);
        else resolve(result.insertId);
      };
      if (parameters.length > MAX_PREPARED_VALUES) connection.query(sql, [...parameters], done);
      else connection.execute(sql, [...parameters], done);
    });
  }

  protected async command(queryRunner: QueryRunner, sql: string): Promise<void> {
    const connection = (await queryRunner.connect()) as PoolConnection;
    await new Promise<void>((resolve, reject) => {
      connection.query(sql, (error) => (error ? reject(error) : resolve()));
    });
  }

  protected async openSnapshot(): Promise<Snapshot> {
    const connection = await onceMoreIfLost(() => this.connectionWithSnapshot());
    return {
      query: (sql, parameters) => execute(connection, sql, parameters),
      close: async () => {
        try {
          await connection.promise().query('COMMIT');
          connection.release();
        } catch {
          connection.destroy();
        }
      },
    };
  }

  private async connectionWithSnapshot(): Promise<PoolConnection> {
    const connection = await new Promise<PoolConnection>((resolve, reject) => {
      this.snapshotPool.getConnection((error, opened) => (error ? reject(error) : resolve(opened)));
    });
    try {
      await connection.promise().query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  poolUse(): { open: number; idle: number; waiting: number } {
    // mysql2 has no public API for these; the metrics fall back to zero if a release renames them.
    const pool = this.pool as unknown as Record<string, { length?: number } | undefined>;
    return {
      open: pool['_allConnections']?.length ?? 0,
      idle: pool['_freeConnections']?.length ?? 0,
      waiting: pool['_connectionQueue']?.length ?? 0,
    };
  }

  async close(): Promise<void> {
    await this.snapshotPool.promise().end();
    await this.dataSource.destroy();
  }
}

/**
 * Closes connections whose server stays silent during a statement, as when a firewall has dropped them: the statement
 * fails, and the next one gets another connection. Not for migrations, which may take longer.
 */
function withLimitedSilence(pool: Pool): Pool {
  const limited = new WeakSet<PoolConnection>();
  return pool.on('acquire', (connection) => {
    if (limited.has(connection)) return;
    limited.add(connection);
    const { stream } = connection as unknown as { stream: Socket };
    stream.setTimeout(MAX_SILENCE_MS, () => {
      const isBusy = Boolean((connection as unknown as { _command?: object })._command);
      if (isBusy) stream.destroy(Object.assign(new Error('the database is silent'), { code: 'ETIMEDOUT' }));
    });
  });
}

/** Repeats a read: the server may have closed idle connections of the pool, or was too busy to open one. */
async function onceMoreIfLost<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (driverFailure(error) !== 'lost') throw error;
    return read();
  }
}

/** Runs a prepared statement, which the driver caches per connection. */
function execute<Row>(
  on: Pick<Pool, 'execute'>,
  sql: string,
  parameters: readonly SqlValue[],
): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    on.execute(sql, [...parameters], (error, rows) => {
      if (error) reject(error);
      else resolve(rows as Row[]);
    });
  });
}
