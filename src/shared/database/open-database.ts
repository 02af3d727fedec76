import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DataSource } from 'typeorm';
import { ConfigurationError, type DatabaseConfiguration } from '../config/configuration.js';
import { createDataSource } from './data-source.js';
import { migrate } from './migrate.js';
import { MysqlDatabase } from './mysql-database.js';
import { SqliteDatabase } from './sqlite-database.js';
import type { TypeOrmDatabase } from './typeorm-database.js';

/**
 * Connects to the database and brings it to the schema of this version.
 *
 * @throws ConfigurationError, or the driver's error when it can't be reached
 */
export async function openDatabase(
  configuration: DatabaseConfiguration,
  entities: Parameters<typeof createDataSource>[1],
): Promise<TypeOrmDatabase> {
  if (configuration.type === 'sqlite' && !existsSync(dirname(configuration.path))) {
    // Made here, a mistyped path would be a new, empty register.
    throw new ConfigurationError('DATABASE_URL names a file in a folder that does not exist');
  }
  const dataSource: DataSource = await createDataSource(configuration, entities).initialize();
  try {
    await migrate(dataSource);
    return configuration.type === 'mysql'
      ? new MysqlDatabase(dataSource, configuration.url)
      : new SqliteDatabase(dataSource, configuration.path);
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}
