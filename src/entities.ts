import {
  ContextEntity,
  ContextNameEntity,
  GrantEntity,
  SignInEntity,
  TokenEntity,
  UserEntity,
} from './access/infrastructure/access.entities.js';
import { CustomerEntity } from './customers/infrastructure/customer.entity.js';
import { CustomerVersionEntity } from './customers/infrastructure/customer-version.entity.js';
import { AuditBlockEntity, AuditEntryEntity } from './history/infrastructure/audit.entities.js';
import {
  IpMappingEntity,
  IpMappingGuardEntity,
  IpMappingVersionEntity,
} from './ip-mappings/infrastructure/ip-mapping.entity.js';
import { IdempotencyKeyEntity } from './idempotency/infrastructure/idempotency-key.entity.js';

/** The tables whose rows are sealed with the audit trail. They have the columns id, block and nonce. */
export const sealedTables = ['customer_versions', 'ip_mapping_versions'];

/** Every table of the register, for the application's DataSource and the TypeORM CLI's. */
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
