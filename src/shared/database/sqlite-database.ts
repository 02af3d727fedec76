import { setImmediate } from 'node:timers/promises';
import BetterSqlite3 from 'better-sqlite3';
import type { DataSource, QueryRunner } from 'typeorm';
import { MAX_STATEMENTS } from './data-source.js';
import type { Database, Snapshot, SqlValue } from './database.js';
import { TypeOrmDatabase } from './typeorm-database.js';

/**
 * The embedded database. All callers share TypeORM's one connection, so transactions queue for it, and reads use
 * another one, which sees committed data only.
 */
export class SqliteDatabase extends TypeOrmDatabase {
  readonly forUpdate = '';
  readonly useIndex = (name: string): string => ` INDEXED BY ${name}`;
  readonly jsonTable: Database['jsonTable'] = (columns) => {
    const values = Object.entries(columns).map(([name, type], n) =>
      type === 'hex' ? `unhex(value ->> ${n}) AS ${name}` : `value ->> ${n} AS ${name}`,
    );
    return `(SELECT ${values.join(', ')} FROM json_each(?))`;
  };
  readonly thenJoin = 'CROSS JOIN';
  readonly orUpdate = (key: string): string => ` ON CONFLICT (${key}) DO UPDATE SET`;
  readonly byPrimaryKey = '';
  protected readonly begin = 'BEGIN IMMEDIATE';
  private readonly reader: BetterSqlite3.Database;
  private readonly statements = new Map<string, BetterSqlite3.Statement>();
  /** Resolves when the last queued transaction has ended; never rejects. */
  private queue: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(
    dataSource: DataSource,
    private readonly path: string,
  ) {
    super(dataSource);
    this.reader = new BetterSqlite3(path, { readonly: true });
  }

  protected withConnection<T>(work: (connection: QueryRunner) => Promise<T>): Promise<T> {
    this.waiting++;
    const result = this.queue.then(() => work(this.dataSource.createQueryRunner()));
    this.queue = result
      .catch(() => undefined)
      // SQLite answers synchronously: let other requests run between queued transactions.
      .then(() => setImmediate())
      .finally(() => this.waiting--);
    return result;
  }

  protected async read<Row>(sql: string, parameters: readonly SqlValue[]): Promise<Row[]> {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.reader.prepare(sql);
      if (this.statements.size >= MAX_STATEMENTS) this.statements.clear();
      this.statements.set(sql, statement);
    }
    return statement.all(...parameters) as Row[];
  }

  protected async readInside<Row>(
    queryRunner: QueryRunner,
    sql: string,
    parameters: readonly SqlValue[],
  ): Promise<Row[]> {
    return (await queryRunner.query(sql, [...parameters])) as Row[];
  }

  protected async writeInside(
    queryRunner: QueryRunner,
    sql: string,
    parameters: readonly SqlValue[],
  ): Promise<number> {
    return Number(await queryRunner.query(sql, [...parameters]));
  }

  protected command(queryRunner: QueryRunner, sql: string): Promise<unknown> {
    return queryRunner.query(sql);
  }

  protected async openSnapshot(): Promise<Snapshot> {
    const connection = new BetterSqlite3(this.path, { readonly: true });
    connection.exec('BEGIN');
    return {
      query: async <Row>(sql: string, parameters: readonly SqlValue[]) => {
        await setImmediate(); // as above: let other requests run between batches
        return connection.prepare(sql).all(...parameters) as Row[];
      },
      close: async () => {
        connection.close();
      },
    };
  }

  poolUse(): { open: number; idle: number; waiting: number } {
    return { open: 1, idle: this.waiting === 0 ? 1 : 0, waiting: Math.max(0, this.waiting - 1) };
  }

  async close(): Promise<void> {
    await this.queue;
    this.reader.close();
    await this.dataSource.destroy();
  }
}
