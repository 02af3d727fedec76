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
 * Connects to the database, and brings it to the schema of this version or expects it to have that.
 *
 * @throws ConfigurationError, or the driver's error when it can't be reached
 */
export async function openDatabase(
  configuration: DatabaseConfiguration,
  entities: Parameters<typeof createDataSource>[1],
  schema: 'migrate' | 'expect' = 'migrate',
): Promise<TypeOrmDatabase> {
  if (configuration.type === 'sqlite' && !existsSync(dirname(configuration.path))) {
    // Made here, a mistyped path would be a new, empty register.
    throw new ConfigurationError('DATABASE_URL names a file in a folder that does not exist');
  }
  const dataSource: DataSource = await createDataSource(configuration, entities).initialize();
  try {
    if (schema === 'migrate') await migrate(dataSource);
    else if (!(await isMigrated(dataSource))) {
      throw new ConfigurationError(
        'the database holds no register of this version yet; start the service once',
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
