import { setImmediate } from 'node:timers/promises';
import { IdempotencyService } from '../src/idempotency/application/idempotency.service.js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import BetterSqlite3 from 'better-sqlite3';
import { DataSource } from 'typeorm';
import { Authority } from '../src/access/application/authority.js';
import { ContextsService } from '../src/access/application/contexts.service.js';
import { SeedService, TokenFiles } from '../src/access/application/seed.service.js';
import { TokensService } from '../src/access/application/tokens.service.js';
import { UsersService } from '../src/access/application/users.service.js';
import { AuditTrail } from '../src/history/application/audit-trail.js';
import { entities } from '../src/entities.js';
import { SystemClock } from '../src/shared/clock.js';
import { createDataSource } from '../src/shared/database/data-source.js';
import { migrate } from '../src/shared/database/migrate.js';
import { migrations } from '../src/shared/database/migrations/index.js';
import { openDatabase } from '../src/shared/database/open-database.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { describeOn } from './support/describe-on.js';
import { openRegister, type Register } from './support/register.js';

/** Opens the database as the TypeORM CLI does. */
async function withDataSource<T>(
  { configuration }: TestDatabase,
  work: (dataSource: DataSource) => Promise<T>,
): Promise<T> {
  const dataSource = await createDataSource(configuration, entities).initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

async function migrateUp({ configuration }: TestDatabase): Promise<void> {
  await (await openDatabase(configuration, entities)).close();
}

/** The SQL that would make the schema equal to the entities. */
function schemaDifference(database: TestDatabase): Promise<string[]> {
  return withDataSource(database, async (dataSource) => {
    // With type 'mysql', TypeORM reads MariaDB's "no default" as a default to be dropped.
    if (await isMariaDb(dataSource)) Object.assign(dataSource.driver.options, { type: 'mariadb' });
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  });
}

async function isMariaDb(dataSource: DataSource): Promise<boolean> {
  if (dataSource.options.type !== 'mysql') return false;
  const [row] = await dataSource.query<[{ version: string }]>('SELECT VERSION() AS version');
  return row.version.includes('MariaDB');
}

const countRows = async (dataSource: DataSource): Promise<Record<string, number>> => {
  const count = async (table: string): Promise<[string, number]> => {
    const [row] = await dataSource.query<[{ n: string }]>(`SELECT COUNT(*) AS n FROM ${table}`);
    return [table, Number(row.n)];
  };
  return Object.fromEntries(
    await Promise.all(['users', 'tokens', 'contexts', 'grants', 'migrations'].map(count)),
  );
};

class RememberedTokens extends TokenFiles {
  readonly written: string[] = [];

  async read(): Promise<undefined> {
    return undefined;
  }

  async write(name: string): Promise<void> {
    this.written.push(name);
  }
}

function seedService(
  { users, contexts, tokens, audit, keys, transactions }: Register,
  files: TokenFiles,
): SeedService {
  const clock = new SystemClock();
  const trail = new AuditTrail(audit, transactions, clock);
  const authority = new Authority(tokens, trail, transactions);
  const idempotency = new IdempotencyService(keys, trail, transactions, clock);
  return new SeedService(
    new ContextsService(contexts, authority, clock),
    new UsersService(users, idempotency, authority, clock),
    new TokensService(tokens, users, authority, clock),
    files,
    transactions,
  );
}

describe.each(databaseKinds)('the migrations on $name', (kind) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await kind.create();
  });
  afterEach(() => database.drop());

  it('create every table and column of the entities', async () => {
    expect(await schemaDifference(database)).not.toEqual([]);
    await migrateUp(database);
    expect(await schemaDifference(database)).toEqual([]);
  });

  it('change nothing when run again', async () => {
    await migrateUp(database);
    await migrateUp(database);
    expect(await schemaDifference(database)).toEqual([]);
    expect(await withDataSource(database, countRows)).toMatchObject({ migrations: migrations.length });
  });

  it('can be undone and run again', async () => {
    await migrateUp(database);
    const tables = await withDataSource(database, async (dataSource) => {
      for (let n = 0; n < dataSource.migrations.length; n++) await dataSource.undoLastMigration();
      return dataSource
        .createQueryRunner()
        .getTables(dataSource.entityMetadatas.map(({ tableName }) => tableName));
    });
    expect(tables).toEqual([]);
    await migrateUp(database);
    expect(await schemaDifference(database)).toEqual([]);
  });

  it('give each existing customer a first version, still to be sealed', async () => {
    await migrateUp(database);
    const versions = await withDataSource(database, async (dataSource) => {
      const columns = 'context_id, user_id, name, name_search, updated_at';
      await dataSource.query(`INSERT INTO contexts (name, enabled, created_at) VALUES ('default', 1, 0)`);
      for (const name of ['A', 'B']) {
        await dataSource.query(`INSERT INTO customers (${columns}) SELECT id, ?, ?, ?, 7 FROM contexts`, [
          name,
          name,
          name,
        ]);
      }
      // Go back to the schema without versions.
      for (let n = 2; n < migrations.length; n++) await dataSource.undoLastMigration();
      await migrate(dataSource);
      return dataSource.query<Record<string, unknown>[]>('SELECT * FROM customer_versions ORDER BY id');
    });
    const known = { change_made: 'created', recorded_at: 7, by_user: null, block: null };
    expect(versions).toEqual(
      ['A', 'B'].map((name) => expect.objectContaining({ ...known, user_id: name, name })),
    );
    const nonces = versions.map(({ nonce }) => String(nonce));
    expect(nonces).toEqual([expect.stringMatching(/^\w{22}$/), expect.stringMatching(/^\w{22}$/)]);
    expect(nonces[0]).not.toBe(nonces[1]);
  });

  it('and the first start happen once, however many instances start together', async () => {
    const files = new RememberedTokens();
    const five = Array.from({ length: 5 });
    const registers = await Promise.all(five.map(() => openRegister(database.configuration)));
    const seeds = await Promise.allSettled(
      registers.map((register) => seedService(register, files).seed(undefined)),
    );
    for (const register of registers) await register.close();
    expect(seeds.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(files.written).toEqual(['admin-token', 'user-token']);
    expect(await withDataSource(database, countRows)).toEqual({
      users: 2,
      tokens: 2,
      contexts: 1,
      grants: 1,
      migrations: migrations.length,
    });
  });
});

describeOn('SQLite', 'the migrations', (kind) => {
  it('wait for another process that is changing the file', async () => {
    const database = await kind.create();
    await withDataSource(database, async (dataSource) => {
      const other = new BetterSqlite3((database.configuration as { path: string }).path);
      other.exec('BEGIN IMMEDIATE');
      const migrated = migrate(dataSource);
      for (let turn = 0; turn < 50; turn++) await setImmediate(); // far enough to find the file locked
      other.exec('COMMIT');
      other.close();
      await migrated;
    });
    expect(await schemaDifference(database)).toEqual([]);
    await database.drop();
  });
});

describeOn('MySQL', 'the migrations', (kind) => {
  it("compare text byte for byte, whatever the database's collation", async () => {
    const database = await kind.create();
    await migrateUp(database);
    const collations = await withDataSource(database, (dataSource) =>
      dataSource.query<{ collation: string }[]>(
        `SELECT @@collation_database AS collation
         UNION SELECT collation_name FROM information_schema.columns
         WHERE table_schema = DATABASE() AND collation_name IS NOT NULL`,
      ),
    );
    expect(collations).toEqual([{ collation: expect.stringMatching(/^utf8mb4_\w*bin$/) }]);
    await database.drop();
  });
});
