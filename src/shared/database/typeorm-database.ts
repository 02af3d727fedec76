import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { RegisterError } from '../errors.js';
import { Transactions } from '../transactions.js';
import { Database, type OpenTransaction, type Snapshot, type SqlValue } from './database.js';
import { driverFailure, tellable } from './driver-errors.js';

const MAX_TRIES = 5;
const MAX_RETRY_MS = 2000;

/**
 * What both databases share: how a transaction nests, is tried again, and is found by the code inside it.
 * The two subclasses say how to get a connection, how to begin and how to read.
 */
export abstract class TypeOrmDatabase extends Database implements Transactions {
  private readonly scope = new AsyncLocalStorage<OpenTransaction>();

  constructor(protected readonly dataSource: DataSource) {
    super();
  }

  protected abstract readonly begin: string;
  /** Runs `work` on a connection that nobody else uses meanwhile. */
  protected abstract withConnection<T>(work: (connection: QueryRunner) => Promise<T>): Promise<T>;
  protected abstract read<Row>(sql: string, parameters: readonly SqlValue[]): Promise<Row[]>;
  protected abstract readInside<Row>(
    connection: QueryRunner,
    sql: string,
    parameters: readonly SqlValue[],
  ): Promise<Row[]>;
  protected abstract openSnapshot(): Promise<Snapshot>;

  async query<Row>(sql: string, parameters: readonly SqlValue[]): Promise<Row[]> {
    const transaction = this.scope.getStore();
    if (transaction !== undefined && !transaction.ended) {
      return this.readInside<Row>(transaction.queryRunner, sql, parameters);
    }
    try {
      return await this.read<Row>(sql, parameters);
    } catch (error) {
      throw tellable(error);
    }
  }

  get manager(): EntityManager {
    const transaction = this.scope.getStore();
    if (transaction === undefined || transaction.ended) {
      throw new Error('a write was attempted outside Transactions.run');
    }
    return transaction.queryRunner.manager;
  }

  async snapshot(): Promise<Snapshot> {
    try {
      return await this.openSnapshot();
    } catch (error) {
      throw tellable(error);
    }
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const transaction = this.scope.getStore();
    if (transaction !== undefined && !transaction.ended) return this.nested(transaction, work);
    const giveUpAt = performance.now() + MAX_RETRY_MS;
    for (let tries = 1; ; tries++) {
      try {
        return await this.withConnection((connection) => this.outermost(connection, work));
      } catch (error) {
        const failure = driverFailure(error);
        // A lost connection was rolled back by the server, and COMMIT had not been sent (see `commit`).
        const again = failure === 'conflict' || failure === 'lost';
        const pause = Math.random() * 20 * 2 ** tries;
        if (!again || tries >= MAX_TRIES || performance.now() + pause > giveUpAt) throw tellable(error);
        await delay(pause);
      }
    }
  }

  private async outermost<T>(queryRunner: QueryRunner, work: () => Promise<T>): Promise<T> {
    const transaction: OpenTransaction = { queryRunner, depth: 0, broken: undefined, ended: false };
    await queryRunner.query(this.begin);
    try {
      const result = await this.scope.run(transaction, work);
      if (transaction.broken) throw transaction.broken;
      await commit(queryRunner);
      return result;
    } catch (error) {
      await rollBack(queryRunner);
      throw error;
    } finally {
      transaction.ended = true;
    }
  }

  private async nested<T>(transaction: OpenTransaction, work: () => Promise<T>): Promise<T> {
    const savepoint = `nested_${++transaction.depth}`;
    try {
      await transaction.queryRunner.query(`SAVEPOINT ${savepoint}`);
      const result = await work();
      await transaction.queryRunner.query(`RELEASE SAVEPOINT ${savepoint}`);
      return result;
    } catch (error) {
      // A deadlock or a lost connection undid the whole transaction, not just our part of it.
      const failure = driverFailure(error);
      if (failure === 'conflict' || failure === 'lost') transaction.broken ??= error as Error;
      else await transaction.queryRunner.query(`ROLLBACK TO SAVEPOINT ${savepoint}`);
      throw error;
    } finally {
      transaction.depth--;
    }
  }
}

async function commit(queryRunner: QueryRunner): Promise<void> {
  try {
    await queryRunner.query('COMMIT');
  } catch (error) {
    if (driverFailure(error) !== 'lost') throw error;
    throw new RegisterError(
      'outcome_unknown',
      'The database was lost while the change was being kept; read before you repeat it',
      { cause: error },
    );
  }
}

async function rollBack(queryRunner: QueryRunner): Promise<void> {
  try {
    await queryRunner.query('ROLLBACK');
  } catch {
    // The connection is gone, and the transaction with it: the error that brought us here tells.
  }
}
