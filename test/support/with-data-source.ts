import type { DataSource } from 'typeorm';
import type { DatabaseConfiguration } from '../../src/shared/config/configuration.js';
import { createDataSource } from '../../src/shared/database/data-source.js';

/** Accesses a database directly, bypassing the service that uses it. */
export async function withDataSource<T>(
  configuration: DatabaseConfiguration,
  work: (dataSource: DataSource) => Promise<T>,
): Promise<T> {
  const dataSource = await createDataSource(configuration, []).initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}
