import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';
import { driverFailure } from './driver-errors.js';

const LOCK_SECONDS = 60;

/**
 * Migrates the database to the schema of this version. Takes a lock, so that only one of several starting instances
 * migrates.
 */
export async function migrate(dataSource: DataSource): Promise<void> {
  const run = async (): Promise<void> => {
    await dataSource.runMigrations({ transaction: 'none' });
  };
  if (dataSource.options.type !== 'mysql') return inSqliteTransaction(dataSource, run);
  await underMysqlLock(dataSource, async (queryRunner) => {
    await useBinaryCollation(queryRunner);
    await run();
  });
}

/** Whether the database has the schema of this version. */
export async function isMigrated(dataSource: DataSource): Promise<boolean> {
  const queryRunner = dataSource.createQueryRunner();
  try {
    return (await queryRunner.hasTable('migrations')) && !(await dataSource.showMigrations());
  } finally {
    await queryRunner.release();
  }
}

async function underMysqlLock(
  dataSource: DataSource,
  work: (queryRunner: QueryRunner) => Promise<void>,
): Promise<void> {
  const queryRunner = dataSource.createQueryRunner();
  try {
    // Lock names are global to the server, so include the database: other registers on it must not wait.
    const name = "CONCAT('ipdr-migrations:', LEFT(SHA2(DATABASE(), 256), 32))";
    const [row] = (await queryRunner.query(`SELECT GET_LOCK(${name}, ${LOCK_SECONDS}) AS locked`)) as [
      { locked: unknown },
    ];
    if (Number(row.locked) !== 1) {
      throw new Error(`another instance has been migrating the database for over ${LOCK_SECONDS} s`);
    }
    try {
      await work(queryRunner);
    } finally {
      await queryRunner.query(`SELECT RELEASE_LOCK(${name})`);
    }
  } finally {
    await queryRunner.release();
  }
}

/**
 * Sets the database's collation, which new tables inherit, to one that compares texts byte for byte, trailing spaces
 * included. MariaDB and MySQL name it differently.
 */
async function useBinaryCollation(queryRunner: QueryRunner): Promise<void> {
  const [{ wanted, current }] = (await queryRunner.query(
    `SELECT MAX(COLLATION_NAME) AS wanted, @@collation_database AS current
     FROM information_schema.COLLATIONS WHERE COLLATION_NAME IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')`,
  )) as [{ wanted: string; current: string }];
  if (current !== wanted) await queryRunner.query(`ALTER DATABASE CHARACTER SET utf8mb4 COLLATE ${wanted}`);
}

/** Uses the file's write lock. On failure, SQLite rolls back DDL as well. */
async function inSqliteTransaction(dataSource: DataSource, work: () => Promise<unknown>): Promise<void> {
  const queryRunner = dataSource.createQueryRunner();
  for (let tries = 1; ; tries++) {
    try {
      await queryRunner.query('BEGIN IMMEDIATE');
      break;
    } catch (error) {
      if (driverFailure(error) !== 'conflict' || tries > LOCK_SECONDS * 10) throw error;
      await delay(50);
    }
  }
  try {
    await work();
    await queryRunner.query('COMMIT');
  } catch (error) {
    await queryRunner.query('ROLLBACK');
    throw error;
  }
}
