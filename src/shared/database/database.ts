import type { EntityManager, QueryRunner } from 'typeorm';

/** A parameter of a statement. From other types, the drivers build unexpected SQL. */
export type SqlValue = string | number | Buffer | null;

/** A statement with its parameters. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

/** A consistent view of the database for long reads. The caller MUST close it. */
export interface Snapshot {
  query<Row>(sql: string, parameters: readonly SqlValue[]): Promise<Row[]>;
  close(): Promise<void>;
}

/**
 * The database, as repositories use it. Reads are SQL, straight from the driver, since hydrating entities costs more
 * than reading them. Writes go through `manager` or `write`, which only work inside `Transactions.run`.
 */
export abstract class Database {
  /** The end of a SELECT that locks the rows read until the transaction ends. */
  abstract readonly forUpdate: '' | ' FOR UPDATE';

  /**
   * Runs a SELECT in the current transaction, or on committed data if there is none.
   *
   * @throws RegisterError `database_unavailable`
   */
  abstract query<Row>(sql: string, parameters: readonly SqlValue[]): Promise<Row[]>;

  /** Follows a table's name to force an index. */
  abstract readonly useIndex: (name: string) => string;

  /**
   * A derived table for one parameter, the JSON of an array of rows. Thus the SQL is the same for any number of rows.
   *
   * @param columns `hex` = bytes, which the JSON contains as hexadecimal digits
   */
  abstract readonly jsonTable: (columns: Readonly<Record<string, 'hex' | 'integer'>>) => string;

  /** Joins a table that must be read after the one before it, against the optimizer's choice. */
  abstract readonly thenJoin: string;

  /** Follows the values of an INSERT to update an existing row with the same key instead. Assignments follow it. */
  abstract readonly orUpdate: (key: string) => string;

  /** Follows a table's name to find rows by primary key, so that an UPDATE locks no others. */
  abstract readonly byPrimaryKey: string;

  /**
   * Runs an INSERT, UPDATE or DELETE as a prepared statement, which is faster than `manager`.
   *
   * @returns the id of an inserted row, the first of several
   * @throws Error outside `Transactions.run`
   */
  abstract write(sql: string, parameters: readonly SqlValue[]): Promise<number>;

  /**
   * Declares a row that proves the commit of the current transaction, in case the connection is lost during it. Only
   * this transaction may have written the row.
   *
   * @param sql a SELECT of the row by its primary key, so that a locking read waits for a commit in progress
   */
  abstract proveBy(sql: string, parameters: readonly SqlValue[]): void;

  /** TypeORM's manager of the current transaction. @throws Error outside `Transactions.run` */
  abstract get manager(): EntityManager;

  /**
   * Opens a view for a long read, which does not block writers.
   *
   * @throws RegisterError `database_busy` if too many are open
   */
  abstract snapshot(): Promise<Snapshot>;

  /** The numbers of open and idle connections and of waiting requests, for the metrics. */
  abstract poolUse(): { open: number; idle: number; waiting: number };

  abstract close(): Promise<void>;
}

/** The current transaction, carried by AsyncLocalStorage. */
export interface OpenTransaction {
  readonly connection: QueryRunner;
  readonly manager: EntityManager;
  depth: number;
  /** Finds a row that exists only if the transaction was committed. */
  proof: Statement | undefined;
  /** Set once the database has rolled the transaction back: it must not commit, even if the error is swallowed. */
  broken: Error | undefined;
  /** Refuses writes of work that was not awaited. */
  ended: boolean;
  /** The running statements. */
  readonly pending: Set<Promise<unknown>>;
}
