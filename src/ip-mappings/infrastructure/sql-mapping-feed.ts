import { Injectable } from '@nestjs/common';
import { Database } from '../../shared/database/database.js';
import { SqlVersionFeed } from '../../versions/infrastructure/sql-version-feed.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';
import { pastColumns, toMapping, type MappingRow } from './ip-mapping.entity.js';

@Injectable()
export class SqlMappingFeed extends SqlVersionFeed<MappingRow, RecordedMapping> {
  constructor(database: Database) {
    super(database, { table: 'ip_mapping_versions', columns: pastColumns('v') }, toMapping);
  }
}
