import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { ContextId } from '../../identity/domain/principal.js';

/** The Idempotency-Key of a write, with its answer. Each user has separate keys in each context. */
@Entity('idempotency_keys')
@Index('idempotency_keys_key', ['contextId', 'userName', 'keyHash'], { unique: true })
@Index('idempotency_keys_created', ['createdAt'])
export class IdempotencyKeyEntity {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: number;

  @Column({ name: 'context_id', type: 'integer' })
  @ForeignKey('ContextEntity', { name: 'idempotency_keys_context_fk', onDelete: 'CASCADE' })
  contextId!: ContextId;

  @Column({ name: 'user_name', type: 'varchar', length: 64 })
  userName!: string;

  /** SHA-256 of the key, in hexadecimal. */
  @Column({ name: 'key_hash', type: 'varchar', length: 64 })
  keyHash!: string;

  /** SHA-256 of the request, in hexadecimal. */
  @Column({ name: 'request_hash', type: 'varchar', length: 64 })
  requestHash!: string;

  /** null until the write's transaction commits, which no other transaction sees. */
  @Column({ type: 'longtext', nullable: true })
  answer!: string | null;

  /** Unix milliseconds. */
  @Column({ name: 'created_at', type: 'bigint' })
  createdAt!: number;
}
