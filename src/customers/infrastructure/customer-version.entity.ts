import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { ContextId } from '../../identity/domain/principal.js';
import { aliasedColumns, VersionColumns } from '../../versions/infrastructure/version-columns.js';
import { COLUMN_OF, CustomerColumns } from './customer.entity.js';

/**
 * A state of a customer, from `recordedAt` until its next version. Rows are added, and only their `block` is updated
 * later. They outlive the customer, so they have no foreign keys to users, tokens or customers. The indexes serve, in
 * this order: a customer as of a moment, a UserID as of a moment, the change feed, and sealing.
 */
@Entity('customer_versions')
@Index('customer_versions_customer', ['customerId', 'version.recordedAt'], { unique: true })
@Index('customer_versions_user_id', ['contextId', 'userId', 'version.recordedAt'])
@Index('customer_versions_feed', ['contextId', 'version.block'])
@Index('customer_versions_block', ['version.block'])
export class CustomerVersionEntity extends CustomerColumns {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: number;

  @Column({ name: 'context_id', type: 'integer' })
  @ForeignKey('ContextEntity', { name: 'customer_versions_context_fk' })
  contextId!: ContextId;

  @Column({ name: 'customer_id', type: 'integer' })
  customerId!: number;

  @Column(() => VersionColumns, { prefix: false })
  version!: VersionColumns;
}

/** The columns of a version's customer, with the domain's names as aliases. @param prefix precedes each alias */
export function customerColumns(table: string, prefix = ''): string {
  return aliasedColumns(table, { id: 'customer_id', updatedAt: 'recorded_at', ...COLUMN_OF }, prefix);
}
