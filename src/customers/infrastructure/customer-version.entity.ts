import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { ContextId } from '../../access/application/principal.js';
import { CustomerColumns } from './customer.entity.js';

/**
 * A state that a customer was in, from `recordedAt` until its next version. Rows are added, never changed but for
 * `block`, and outlive the customer: nothing refers to users, tokens or customers but by what they were called.
 * The indexes serve, in this order: a customer as of a moment, a UserID as of a moment, the change feed, and sealing.
 */
@Entity('customer_versions')
@Index('customer_versions_customer', ['customerId', 'recordedAt'], { unique: true })
@Index('customer_versions_user_id', ['contextId', 'userId', 'recordedAt'])
@Index('customer_versions_feed', ['contextId', 'block'])
@Index('customer_versions_block', ['block'])
export class CustomerVersionEntity extends CustomerColumns {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: number;

  @Column({ name: 'context_id', type: 'integer' })
  @ForeignKey('ContextEntity', { name: 'customer_versions_context_fk' })
  contextId!: ContextId;

  @Column({ name: 'customer_id', type: 'integer' })
  customerId!: number;

  /** Unix milliseconds; of two versions of a customer, the later one has the greater. */
  @Column({ name: 'recorded_at', type: 'bigint' })
  recordedAt!: number;

  /** `created`, `updated` or `deleted`. */
  @Column({ name: 'change_made', type: 'varchar', length: 8 })
  change!: string;

  /** Who recorded it; null = it was there before there were versions. */
  @Column({ name: 'by_user', type: 'varchar', length: 64, nullable: true })
  byUser!: string | null;

  @Column({ name: 'by_token_id', type: 'integer', nullable: true })
  byTokenId!: number | null;

  @Column({ name: 'by_token', type: 'varchar', length: 128, nullable: true })
  byToken!: string | null;

  @Column({ name: 'by_address', type: 'varchar', length: 45, nullable: true })
  byAddress!: string | null;

  /** Keeps the digest from telling what the version is, once it was erased. */
  @Column({ type: 'varchar', length: 22, default: '' })
  nonce!: string;

  /** The block of the audit trail that it is sealed in; null = not yet. */
  @Column({ type: 'integer', nullable: true })
  block!: number | null;
}
