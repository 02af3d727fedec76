import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/**
 * Who did what, when and from where. It has names instead of foreign keys, since entries outlive users, tokens and
 * customers. The indexes serve sealing and verifying, the list by time, and the list by customer.
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

  /** The UserID of the customer concerned. */
  @Column({ name: 'user_id', type: 'varchar', length: 128, nullable: true })
  userId!: string | null;

  /** Further details, as JSON. */
  @Column({ type: 'text' })
  details!: string;

  /** Random, so that nobody can guess an erased entry and confirm it by its digest. */
  @Column({ type: 'varchar', length: 22 })
  nonce!: string;

  /** The block that seals it; null = not sealed yet. */
  @Column({ type: 'integer', nullable: true })
  block!: number | null;
}

/** A block of the hash chain. */
@Entity('audit_blocks')
@Index('audit_blocks_sealed_at', ['sealedAt'])
export class AuditBlockEntity {
  /** Counts from 1, without gaps. Row 0 is not a block: the sealer locks it. */
  @PrimaryColumn({ type: 'integer' })
  number!: number;

  /** Unix milliseconds, never earlier than the block before. */
  @Column({ name: 'sealed_at', type: 'bigint' })
  sealedAt!: number;

  /** The SHA-256 of each entry, 32 bytes each, by ascending id. */
  @Column({ type: 'blob' })
  digests!: Buffer;

  /** The SHA-256 of each version that it seals; null = from before versions were sealed. */
  @Column({ name: 'version_digests', type: 'blob', nullable: true })
  versionDigests!: Buffer | null;

  /** SHA-256 of the previous hash, the number, the time and the digests, in hexadecimal. */
  @Column({ type: 'varchar', length: 64 })
  hash!: string;
}
