import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { COMMON_ERRORS, RegisterError } from '../errors.js';
import { Transactions } from '../transactions.js';
import { Database, type OpenTransaction, type Snapshot, type SqlValue, type Statement } from './database.js';
import { CommitInDoubt, driverFailure, endsTransaction, toClientError } from './driver-errors.js';

const MAX_TRIES = 5;
const MAX_RETRY_MS = 2000;
/** How long to look for the outcome of a commit whose answer was lost. */
const MAX_IN_DOUBT_MS = 10_000;
const IN_DOUBT_PAUSE_MS = 100;
/** The most concurrent long reads. Each keeps a connection for as long as its client takes to read. */
export const MAX_SNAPSHOTS = 16;

/**
 * The common part of both databases: nesting, retrying and finding the current transaction. Subclasses define how to
 * get a connection, begin and read.
 */
export abstract class TypeOrmDatabase extends Database implements Transactions {
  /** The number of open snapshots. */
  private snapshots = 0;
  private readonly scope = new AsyncLocalStorage<OpenTransaction>();

  constructor(protected readonly dataSource: DataSource) {
    super();
  }

  protected abstract readonly begin: string;
  /** Runs `work` on a connection of its own. */
  protected abstract withConnection<T>(work: (connection: QueryRunner) => Promise<T>): Promise<T>;
  protected abstract read<Row>(sql: string, parameters: readonly SqlValue[]): Promise<Row[]>;
  protected abstract readInside<Row>(
    connection: QueryRunner,
    sql: string,
    parameters: readonly SqlValue[],
  ): Promise<Row[]>;
  protected abstract writeInside(
    connection: QueryRunner,
    sql: string,
    parameters: readonly SqlValue[],
  ): Promise<number>;
  /** Runs BEGIN, COMMIT and the like, bypassing TypeORM where possible. */
  protected abstract command(connection: QueryRunner, sql: string): Promise<unknown>;
  protected abstract openSnapshot(): Promise<Snapshot>;

  async query<Row>(sql: string, parameters: readonly SqlValue[]): Promise<Row[]> {
    const transaction = this.scope.getStore();
    if (transaction !== undefined && !transaction.ended) {
      return inside(transaction, () => this.readInside<Row>(transaction.connection, sql, parameters));
    }
    try {
      return await this.read<Row>(sql, parameters);
    } catch (error) {
      throw toClientError(error);
    }
  }

  get manager(): EntityManager {
    return this.current().manager;
  }

  async write(sql: string, parameters: readonly SqlValue[]): Promise<number> {
    const transaction = this.current();
    return inside(transaction, () => this.writeInside(transaction.connection, sql, parameters));
  }

  proveBy(sql: string, parameters: readonly SqlValue[]): void {
    this.current().proof = { sql, parameters };
  }

  async snapshot(): Promise<Snapshot> {
    if (this.snapshots >= MAX_SNAPSHOTS) {
      throw new RegisterError(
        COMMON_ERRORS.database_busy,
        'Too many long lists are being read at once; try again',
        {
          headers: { 'Retry-After': '5' },
        },
      );
    }
    this.snapshots++;
    try {
      const snapshot = await this.openSnapshot();
      return {
        query: (sql, parameters) =>
          snapshot.query<never>(sql, parameters).catch((error: unknown) => {
            throw toClientError(error);
          }),
        close: async () => {
          this.snapshots--;
          await snapshot.close();
        },
      };
    } catch (error) {
      this.snapshots--;
      throw toClientError(error);
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
        if (error instanceof CommitInDoubt && (await this.wasCommitted(error))) return error.result as T;
        const failure = driverFailure(error);
        // The server rolls back a lost connection, and a commit in doubt was handled above.
        const again = failure === 'conflict' || failure === 'lost';
        const pause = Math.random() * 20 * 2 ** tries;
        if (!again || tries >= MAX_TRIES || performance.now() + pause > giveUpAt) throw toClientError(error);
        await delay(pause);
      }
    }
  }

  private current(): OpenTransaction {
    const transaction = this.scope.getStore();
    if (transaction === undefined || transaction.ended) {
      throw new Error('a write was attempted outside Transactions.run');
    }
    return transaction;
  }

  private async outermost<T>(connection: QueryRunner, work: () => Promise<T>): Promise<T> {
    const transaction = this.open(connection);
    await this.command(connection, this.begin);
    try {
      const result = await this.scope.run(transaction, work);
      if (transaction.broken) throw transaction.broken;
      await end(transaction);
      await this.commit(transaction, connection, result);
      return result;
    } catch (error) {
      await end(transaction);
      await this.rollBack(connection);
      throw transaction.broken ?? error;
    }
  }

  /** A transaction that refuses statements once it has ended or was rolled back: they would autocommit. */
  private open(connection: QueryRunner): OpenTransaction {
    const queryRunner = Object.create(connection) as QueryRunner;
    const manager = this.dataSource.createEntityManager(queryRunner);
    const transaction: OpenTransaction = {
      connection,
      manager,
      depth: 0,
      proof: undefined,
      broken: undefined,
      ended: false,
      pending: new Set(),
    };
    queryRunner.query = (...statement: Parameters<QueryRunner['query']>) =>
      inside(transaction, () => connection.query(...statement));
    return transaction;
  }

  private async nested<T>(transaction: OpenTransaction, work: () => Promise<T>): Promise<T> {
    const savepoint = `nested_${++transaction.depth}`;
    const { proof } = transaction;
    const query = (sql: string): Promise<unknown> =>
      inside(transaction, () => this.command(transaction.connection, `${sql} ${savepoint}`));
    try {
      await query('SAVEPOINT');
      const result = await work();
      await query('RELEASE SAVEPOINT');
      return result;
    } catch (error) {
      if (transaction.broken === undefined) await query('ROLLBACK TO SAVEPOINT');
      transaction.proof = proof;
      throw error;
    } finally {
      transaction.depth--;
    }
  }

  private async commit(
    transaction: OpenTransaction,
    connection: QueryRunner,
    result: unknown,
  ): Promise<void> {
    try {
      await this.command(connection, 'COMMIT');
    } catch (error) {
      if (driverFailure(error) !== 'lost') throw error;
      throw new CommitInDoubt(transaction.proof, result, error);
    }
  }

  /**
   * Whether a commit without an answer succeeded.
   *
   * @throws RegisterError `outcome_unknown` if that can't be determined
   */
  private async wasCommitted({ proof, cause }: CommitInDoubt): Promise<boolean> {
    const giveUpAt = performance.now() + MAX_IN_DOUBT_MS;
    let isGivenUp = proof === undefined;
    while (proof !== undefined && !isGivenUp) {
      try {
        return await this.withConnection((connection) => this.findsProof(connection, proof));
      } catch (error) {
        const again = ['lost', 'conflict'].includes(driverFailure(error) ?? '');
        isGivenUp = !again || performance.now() > giveUpAt;
        await delay(IN_DOUBT_PAUSE_MS);
      }
    }
    throw new RegisterError(
      COMMON_ERRORS.outcome_unknown,
      'The connection to the database was lost during the commit; check whether the change was made before repeating it',
      { cause },
    );
  }

  /** Uses a locking read, which waits while the server still processes the commit or the lost connection. */
  private async findsProof(connection: QueryRunner, { sql, parameters }: Statement): Promise<boolean> {
    await this.command(connection, `${this.begin} /* was it kept? */`);
    const rows = await this.readInside(connection, `${sql}${this.forUpdate}`, parameters);
    await this.rollBack(connection);
    return rows.length > 0;
  }

  private async rollBack(connection: QueryRunner): Promise<void> {
    try {
      await this.command(connection, 'ROLLBACK');
    } catch {
      // The connection is lost, and the transaction with it. The caller throws the original error.
    }
  }
}

/** Refuses further statements, which would autocommit, and waits for the running ones. */
async function end(transaction: OpenTransaction): Promise<void> {
  transaction.ended = true;
  if (transaction.pending.size > 0) await Promise.allSettled(transaction.pending);
}

/** Runs a statement of a transaction. @throws Error if the transaction has ended or was rolled back */
async function inside<T>(transaction: OpenTransaction, statement: () => Promise<T>): Promise<T> {
  if (transaction.ended) throw new Error('a statement was not awaited: its transaction has ended');
  if (transaction.broken) throw transaction.broken;
  const running = statement();
  transaction.pending.add(running);
  try {
    return await running;
  } catch (error) {
    if (endsTransaction(error)) transaction.broken ??= error as Error;
    throw error;
  } finally {
    transaction.pending.delete(running);
  }
}
