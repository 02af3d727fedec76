import {
  ContextEntity,
  ContextNameEntity,
  GrantEntity,
  SignInEntity,
  TokenEntity,
  UserEntity,
} from './access/infrastructure/access.entities.js';
import { COLUMN_OF, CustomerEntity } from './customers/infrastructure/customer.entity.js';
import { CustomerVersionEntity } from './customers/infrastructure/customer-version.entity.js';
import { AuditBlockEntity, AuditEntryEntity } from './history/infrastructure/audit.entities.js';
import type { SealedTable } from './history/infrastructure/sealed-tables.js';
import {
  IpMappingEntity,
  IpMappingGuardEntity,
  IpMappingVersionEntity,
  WRITTEN_COLUMNS as MAPPING_COLUMNS,
} from './ip-mappings/infrastructure/ip-mapping.entity.js';
import { IdempotencyKeyEntity } from './idempotency/infrastructure/idempotency-key.entity.js';

export const sealedTables: readonly SealedTable[] = [
  {
    name: 'customer_versions',
    currentTable: 'customers',
    reference: 'customer_id',
    columns: ['context_id', ...Object.values(COLUMN_OF)],
  },
  {
    name: 'ip_mapping_versions',
    currentTable: 'ip_mappings',
    reference: 'mapping_id',
    columns: ['context_id', ...MAPPING_COLUMNS],
  },
];

/** All tables, for the DataSource of the application and of the TypeORM CLI. */
export const entities = [
  ContextEntity,
  ContextNameEntity,
  UserEntity,
  GrantEntity,
  TokenEntity,
  SignInEntity,
  CustomerEntity,
  CustomerVersionEntity,
  AuditEntryEntity,
  AuditBlockEntity,
  IdempotencyKeyEntity,
  IpMappingEntity,
  IpMappingVersionEntity,
  IpMappingGuardEntity,
];
