import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DataSource } from 'typeorm';
import { ConfigurationError, type DatabaseConfiguration } from '../config/configuration.js';
import { createDataSource } from './data-source.js';
import { isMigrated, migrate } from './migrate.js';
import { MysqlDatabase } from './mysql-database.js';
import { SqliteDatabase } from './sqlite-database.js';
import type { TypeOrmDatabase } from './typeorm-database.js';

/**
 * Connects to the database.
 *
 * @param schema whether to migrate to the schema of this version, or to require it
 * @throws ConfigurationError, or the driver's error if the database can't be reached
 */
export async function openDatabase(
  configuration: DatabaseConfiguration,
  entities: Parameters<typeof createDataSource>[1],
  schema: 'migrate' | 'expect' = 'migrate',
): Promise<TypeOrmDatabase> {
  if (configuration.type === 'sqlite' && !existsSync(dirname(configuration.path))) {
    // Don't create the folder: a mistyped path would become a new, empty register.
    throw new ConfigurationError('the folder of DATABASE_URL does not exist');
  }
  const dataSource: DataSource = await createDataSource(configuration, entities).initialize();
  try {
    if (schema === 'migrate') await migrate(dataSource);
    else if (!(await isMigrated(dataSource))) {
      throw new ConfigurationError(
        'the database does not have the schema of this version yet; start the service once',
      );
    }
    return configuration.type === 'mysql'
      ? new MysqlDatabase(dataSource, configuration.url)
      : new SqliteDatabase(dataSource, configuration.path);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}
