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

/** All rows, except those that any request adds, and without what the background sets. */
export async function lastingRows(configuration: DatabaseConfiguration): Promise<Record<string, object[]>> {
  const { tokens = [], ...rows } = await dump(configuration);
  for (const table of ['sign_ins', 'audit_entries', 'audit_blocks', 'ip_mapping_guards']) delete rows[table];
  for (const table of ['customer_versions', 'ip_mapping_versions'])
    rows[table] = (rows[table] ?? []).map((row) => ({ ...row, block: undefined }));
  return { ...rows, tokens: tokens.map((row) => ({ ...row, last_used_at: undefined })) };
}
