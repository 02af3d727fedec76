import type { EntityManager, QueryRunner } from 'typeorm';

/** What a statement's `?` may stand for. The drivers build surprising SQL from anything else. */
export type SqlValue = string | number | Buffer | null;

/** A statement with its values. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

/** A view of the database as it stood at one moment, for long reads; close it. */
export interface Snapshot {
  query<Row>(sql: string, parameters: readonly SqlValue[]): Promise<Row[]>;
  close(): Promise<void>;
}

/**
 * The database, as repositories see it. Reads are SQL, straight from the driver: hydrating entities costs
 * more than reading them. Writes go through `manager`, and so exist inside `Transactions.run` alone.
 */
export abstract class Database {
  /** What a SELECT ends with to lock what it read until the transaction ends. */
  abstract readonly forUpdate: '' | ' FOR UPDATE';

  /**
   * Runs one reading statement: inside the transaction under way if there is one, else on committed data.
   *
   * @throws RegisterError `database_unavailable`
   */
  abstract query<Row>(sql: string, parameters: readonly SqlValue[]): Promise<Row[]>;

  /** What follows a table's name to have an index used, where the database would choose another. */
  abstract readonly useIndex: (name: string) => string;

  /**
   * A table of what one parameter holds, the JSON of its rows, in a FROM: the SQL is the same for however many.
   *
   * @param columns `hex` = bytes, which the JSON has in hexadecimal digits
   */
  abstract readonly jsonTable: (columns: Readonly<Record<string, 'hex' | 'integer'>>) => string;

  /** Joins a table that is to be read after the one before it, where the database would read it first. */
  abstract readonly thenJoin: string;

  /** What follows the values of an INSERT to have a row that has the key already changed instead; SET's list follows. */
  abstract readonly orUpdate: (key: string) => string;

  /** What follows a table's name to have the rows found by their ids, one by one, and in an UPDATE no others locked. */
  abstract readonly byPrimaryKey: string;

  /**
   * Runs one INSERT, UPDATE or DELETE that must be fast, as a prepared statement; others go through `manager`.
   *
   * @returns the id that an INSERT was given
   * @throws Error outside `Transactions.run`
   */
  abstract write(sql: string, parameters: readonly SqlValue[]): Promise<number>;

  /**
   * Says by which row the transaction under way is known, should the connection be lost while it commits: a row
   * that it alone has written. Asked by its primary key, so that the question waits for the answer.
   *
   * @param sql a SELECT that finds that row
   */
  abstract proveBy(sql: string, parameters: readonly SqlValue[]): void;

  /** TypeORM's manager of the transaction under way. @throws Error outside `Transactions.run` */
  abstract get manager(): EntityManager;

  /** Opens a view for a long read, which neither blocks writers nor sees half a transaction. */
  abstract snapshot(): Promise<Snapshot>;

  /** How many connections are in use and waited for, for the metrics. */
  abstract poolUse(): { open: number; idle: number; waiting: number };

  abstract close(): Promise<void>;
}

/** A transaction under way, as carried by AsyncLocalStorage. */
export interface OpenTransaction {
  readonly connection: QueryRunner;
  readonly manager: EntityManager;
  depth: number;
  /** What finds a row that is there if the transaction was committed, and not otherwise. */
  proof: Statement | undefined;
  /** The database undid the transaction by itself: it must not be committed, even if the error is swallowed. */
  broken: Error | undefined;
  /** Work that was not awaited must not write after the end. */
  ended: boolean;
  /** The statements that are being run. */
  readonly underway: Set<Promise<unknown>>;
}
