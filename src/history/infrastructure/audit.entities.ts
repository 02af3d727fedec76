import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/**
 * Who did what, when and from where. Nothing refers to users, tokens and customers but by what they were called:
 * the record outlives them. The indexes serve sealing and verifying, the list by time, and the list by customer.
 */
@Entity('audit_entries')
@Index('audit_entries_block', ['block'])
@Index('audit_entries_at', ['at'])
@Index('audit_entries_user_id', ['userId', 'at'])
export class AuditEntryEntity {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: number;

  /** Unix milliseconds. */
  @Column({ type: 'bigint' })
  at!: number;

  @Column({ type: 'varchar', length: 32 })
  action!: string;

  @Column({ name: 'user_name', type: 'varchar', length: 64, nullable: true })
  userName!: string | null;

  @Column({ name: 'token_id', type: 'integer', nullable: true })
  tokenId!: number | null;

  @Column({ name: 'token_label', type: 'varchar', length: 128, nullable: true })
  tokenLabel!: string | null;

  @Column({ type: 'varchar', length: 45, nullable: true })
  address!: string | null;

  @Column({ name: 'context_name', type: 'varchar', length: 64, nullable: true })
  contextName!: string | null;

  /** The UserID of the customer that it is about. */
  @Column({ name: 'user_id', type: 'varchar', length: 128, nullable: true })
  userId!: string | null;

  /** What else is to be known, as JSON. */
  @Column({ type: 'text' })
  details!: string;

  /** Keeps the digest from telling what is in the entry, once that was erased. */
  @Column({ type: 'varchar', length: 22 })
  nonce!: string;

  /** The block that it was sealed in; null = not yet. */
  @Column({ type: 'integer', nullable: true })
  block!: number | null;
}

/** A link of the chain that the audit trail hangs on. */
@Entity('audit_blocks')
@Index('audit_blocks_sealed_at', ['sealedAt'])
export class AuditBlockEntity {
  /** From 1 on, without a gap. 0 is no block: who seals locks it. */
  @PrimaryColumn({ type: 'integer' })
  number!: number;

  /** Unix milliseconds, never less than that of the block before. */
  @Column({ name: 'sealed_at', type: 'bigint' })
  sealedAt!: number;

  /** The SHA-256 of each entry, 32 bytes each, by ascending id. */
  @Column({ type: 'blob' })
  digests!: Buffer;

  /** The SHA-256 of each version that was sealed with them; null = it was sealed before versions were. */
  @Column({ name: 'version_digests', type: 'blob', nullable: true })
  versionDigests!: Buffer | null;

  /** SHA-256 of the hash before, the number, the time and the digests; in hexadecimal. */
  @Column({ type: 'varchar', length: 64 })
  hash!: string;
}
