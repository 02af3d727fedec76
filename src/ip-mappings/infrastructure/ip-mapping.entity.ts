import { Column, Entity, ForeignKey, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import type { ContextId } from '../../identity/domain/principal.js';
import type { SqlValue } from '../../shared/database/database.js';
import { aliasedColumns, VersionColumns } from '../../versions/infrastructure/version-columns.js';
import type { IpMappingDetails, RecordedMapping, TerminalId } from '../domain/ip-mapping.js';
import { IpNetwork } from '../domain/ip-network.js';
import { Validity } from '../domain/validity.js';

/** `valid_to` of an open mapping. Not NULL: a unique key allows any number of those. */
const OPEN = Number.MAX_SAFE_INTEGER;

/** The columns that mappings and their versions share. */
abstract class IpMappingColumns {
  /** The holder's id. No foreign key: mappings outlive their customer, since look-ups must still find them. */
  @Column({ name: 'customer_id', type: 'integer' })
  customerId!: number;

  /** 16 bytes, IPv4 as IPv4-mapped IPv6; both databases compare bytewise. */
  @Column({ name: 'first_address', type: 'varbinary', length: 16 })
  firstAddress!: Buffer;

  /** Inclusive. */
  @Column({ name: 'last_address', type: 'varbinary', length: 16 })
  lastAddress!: Buffer;

  /** The network as it was given. */
  @Column({ name: 'ip_subnet', type: 'varchar', length: 64 })
  ipSubnet!: string;

  /** Unix seconds; 0 = always. */
  @Column({ name: 'valid_from', type: 'bigint' })
  validFrom!: number;

  /** Unix seconds, exclusive; 2^53 - 1 = still open. */
  @Column({ name: 'valid_to', type: 'bigint' })
  validTo!: number;

  @Column({ name: 'terminal_id', type: 'varchar', length: 64 })
  terminalId!: string;
}

/**
 * Who holds which network, and when. The indexes serve, in this order: look-ups, with a probe for each address at which a
 * covering network can begin; the mappings of a customer; the list.
 */
@Entity('ip_mappings')
@Index(
  'ip_mappings_network',
  ['contextId', 'firstAddress', 'lastAddress', 'validFrom', 'validTo', 'customerId'],
  { unique: true },
)
@Index('ip_mappings_customer', ['contextId', 'customerId'])
@Index('ip_mappings_id', ['contextId', 'id'])
export class IpMappingEntity extends IpMappingColumns {
  @PrimaryGeneratedColumn({ type: 'integer' })
  id!: number;

  @Column({ name: 'context_id', type: 'integer' })
  @ForeignKey('ContextEntity', { name: 'ip_mappings_context_fk' })
  contextId!: ContextId;

  /** Unix milliseconds, greater in every later version. */
  @Column({ name: 'updated_at', type: 'bigint' })
  updatedAt!: number;
}

/**
 * A state of a mapping, from `recordedAt` until its next version. Rows are only added; `block` alone is set later. The
 * indexes serve, in this order: a mapping at an instant, a look-up at an instant, the history of a customer's mappings or of
 * one of them, the change feed, sealing.
 */
@Entity('ip_mapping_versions')
@Index('ip_mapping_versions_mapping', ['mappingId', 'version.recordedAt'], { unique: true })
@Index('ip_mapping_versions_network', ['contextId', 'firstAddress', 'lastAddress', 'version.recordedAt'])
@Index('ip_mapping_versions_customer', ['contextId', 'customerId', 'mappingId'])
@Index('ip_mapping_versions_feed', ['contextId', 'version.block'])
@Index('ip_mapping_versions_block', ['version.block'])
export class IpMappingVersionEntity extends IpMappingColumns {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: number;

  @Column({ name: 'context_id', type: 'integer' })
  @ForeignKey('ContextEntity', { name: 'ip_mapping_versions_context_fk' })
  contextId!: ContextId;

  @Column({ name: 'mapping_id', type: 'integer' })
  mappingId!: number;

  @Column(() => VersionColumns, { prefix: false })
  version!: VersionColumns;
}

/** The guard row of a context, which every change of its mappings writes first. */
@Entity('ip_mapping_guards')
export class IpMappingGuardEntity {
  @PrimaryColumn({ name: 'context_id', type: 'integer' })
  @ForeignKey('ContextEntity', { name: 'ip_mapping_guards_context_fk', onDelete: 'CASCADE' })
  contextId!: ContextId;

  /** When the last change was recorded: Unix milliseconds. */
  @Column({ name: 'changed_at', type: 'bigint' })
  changedAt!: number;
}

/** The columns that both tables have, in the order of `toValues`. */
export const WRITTEN_COLUMNS = [
  'customer_id',
  'first_address',
  'last_address',
  'ip_subnet',
  'valid_from',
  'valid_to',
  'terminal_id',
];

export function toValues({ customerId, network, validity, terminalId }: IpMappingDetails): SqlValue[] {
  const { first, last, text } = network;
  return [customerId, first, last, text, validity.from, validity.to ?? OPEN, terminalId];
}

/** A mapping as the database returns it. */
export interface MappingRow {
  readonly id: number;
  readonly customerId: number;
  readonly ipSubnet: string;
  readonly validFrom: number;
  readonly validTo: number;
  readonly terminalId: TerminalId; // checked when it was written
  readonly updatedAt: number;
}

/** The columns that both tables have, under the names of `MappingRow`. */
const COLUMN_OF = {
  customerId: 'customer_id',
  ipSubnet: 'ip_subnet',
  validFrom: 'valid_from',
  validTo: 'valid_to',
  terminalId: 'terminal_id',
} as const;

export const ROW_NAMES = ['id', ...Object.keys(COLUMN_OF), 'updatedAt'] as (keyof MappingRow)[];

/** The columns of `MappingRow` in `ip_mappings`. @param table an alias */
export function presentColumns(table: string): string {
  return aliasedColumns(table, { id: 'id', ...COLUMN_OF, updatedAt: 'updated_at' });
}

/** The columns of `MappingRow` in `ip_mapping_versions`. @param prefix of each name */
export function pastColumns(table: string, prefix = ''): string {
  return aliasedColumns(table, { id: 'mapping_id', ...COLUMN_OF, updatedAt: 'recorded_at' }, prefix);
}

export function toMapping(row: MappingRow): RecordedMapping {
  const { id, customerId, ipSubnet, validFrom, validTo, terminalId, updatedAt } = row;
  const validity = Validity.between(validFrom, toOrOpen(validTo));
  return { id, customerId, network: IpNetwork.parse(ipSubnet), validity, terminalId, updatedAt };
}

export function toOrOpen(validTo: number): number | null {
  return validTo === OPEN ? null : validTo;
}

/** The end of a period, to be compared with `valid_to`. */
export function endOf({ to }: Validity): number {
  return to ?? OPEN;
}
