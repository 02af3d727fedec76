import 'reflect-metadata';
import { entities } from './src/entities.js';
import { loadConfiguration } from './src/shared/config/configuration.js';
import { createDataSource } from './src/shared/database/data-source.js';

/** For the TypeORM CLI (`npm run typeorm -- migration:show`): the application's own DataSource. */
export default createDataSource(loadConfiguration(process.env).database, entities);
