import { entities } from './entities.js';
import type { DatabaseConfiguration } from './shared/config/configuration.js';
import { openDatabase } from './shared/database/open-database.js';
import type { TypeOrmDatabase } from './shared/database/typeorm-database.js';
import { during } from './start-failure.js';

/** Opens the database of the register. @throws ConfigurationError if that fails */
export function openRegister(
  configuration: DatabaseConfiguration,
  schema: 'migrate' | 'expect',
): Promise<TypeOrmDatabase> {
  return during('the database of DATABASE_URL cannot be used', () =>
    openDatabase(configuration, entities, schema),
  );
}
