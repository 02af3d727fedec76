import type { DatabaseConfiguration } from '../../src/shared/config/configuration.js';
import { withDataSource } from './with-data-source.js';

/** Every row of every table of the service, except the sealer's lock: block 0, which changes whenever it looks for work. */
export async function dump(configuration: DatabaseConfiguration): Promise<Record<string, object[]>> {
  const catalogue =
    configuration.type === 'mysql'
      ? 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()'
      : "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
  return withDataSource(configuration, async (dataSource) => {
    const rows: Record<string, object[]> = {};
    for (const { name } of await dataSource.query<{ name: string }[]>(catalogue)) {
      const where = name === 'audit_blocks' ? ' WHERE number <> 0' : '';
      rows[name] = await dataSource.query<object[]>(`SELECT * FROM ${name}${where}`);
    }
    return rows;
  });
}
