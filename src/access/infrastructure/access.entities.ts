import { Column, Entity, ForeignKey, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** A separate set of customers, such as one of several ISPs on one server. Times are Unix milliseconds. */
@Entity('contexts')
@Index('contexts_name', ['name'], { unique: true })
export class ContextEntity {
  @PrimaryGeneratedColumn({ type: 'integer' })
  id!: number;

  @Column({ type: 'varchar', length: 64 })
  name!: string;

  @Column({ type: 'boolean' })
  enabled!: boolean;

  @Column({ name: 'created_at', type: 'bigint' })
  createdAt!: number;
}

/** A name or alias of a context. */
@Entity('context_names')
@Index('context_names_context', ['contextId'])
export class ContextNameEntity {
  @PrimaryColumn({ type: 'varchar', length: 64 })
  name!: string;

  @Column({ name: 'context_id', type: 'integer' })
  @ForeignKey(() => ContextEntity, { name: 'context_names_context_fk', onDelete: 'CASCADE' })
  contextId!: number;
}

/** A person or a CRM. */
@Entity('users')
@Index('users_name', ['name'], { unique: true })
export class UserEntity {
  @PrimaryGeneratedColumn({ type: 'integer' })
  id!: number;

  @Column({ type: 'varchar', length: 64 })
  name!: string;

  @Column({ type: 'varchar', length: 16 })
  role!: string;

  @Column({ type: 'boolean' })
  enabled!: boolean;

  @Column({ name: 'created_at', type: 'bigint' })
  createdAt!: number;
}

/** A context that a user may use. */
@Entity('grants')
@Index('grants_context', ['contextId'])
export class GrantEntity {
  @PrimaryColumn({ name: 'user_id', type: 'integer' })
  @ForeignKey(() => UserEntity, { name: 'grants_user_fk', onDelete: 'CASCADE' })
  userId!: number;

  @PrimaryColumn({ name: 'context_id', type: 'integer' })
  @ForeignKey(() => ContextEntity, { name: 'grants_context_fk', onDelete: 'CASCADE' })
  contextId!: number;
}

/** A token of a user. The token itself is not stored: `hash` is its SHA-256 in hexadecimal. */
@Entity('tokens')
@Index('tokens_hash', ['hash'], { unique: true })
@Index('tokens_user', ['userId'])
export class TokenEntity {
  @PrimaryGeneratedColumn({ type: 'integer' })
  id!: number;

  @Column({ name: 'user_id', type: 'integer' })
  @ForeignKey(() => UserEntity, { name: 'tokens_user_fk', onDelete: 'CASCADE' })
  userId!: number;

  @Column({ type: 'varchar', length: 64 })
  hash!: string;

  @Column({ type: 'varchar', length: 128 })
  label!: string;

  @Column({ type: 'varchar', length: 8 })
  scope!: string;

  @Column({ name: 'expires_at', type: 'bigint', nullable: true })
  expiresAt!: number | null;

  /** Addresses and CIDRs, separated by spaces; null = any address. */
  @Column({ name: 'allowed_ips', type: 'varchar', length: 4000, nullable: true })
  allowedIps!: string | null;

  @Column({ name: 'created_at', type: 'bigint' })
  createdAt!: number;

  @Column({ name: 'last_used_at', type: 'bigint', nullable: true })
  lastUsedAt!: number | null;

  /** The id of the token that replaced this one. */
  @Column({ name: 'replaced_by', type: 'integer', nullable: true })
  replacedBy!: number | null;
}

/**
 * A failed sign-in, or the first successful one of a token and address on a day. It has no foreign keys, since it
 * outlives its user and token.
 */
@Entity('sign_ins')
@Index('sign_ins_day', ['tokenId', 'address', 'day'], { unique: true })
@Index('sign_ins_at', ['at'])
@Index('sign_ins_user', ['userName'])
@Index('sign_ins_address', ['address'])
export class SignInEntity {
  @PrimaryGeneratedColumn({ type: 'integer' })
  id!: number;

  @Column({ type: 'bigint' })
  at!: number;

  /** The client's IPv4 or IPv6 address. */
  @Column({ type: 'varchar', length: 45 })
  address!: string;

  /** null = no user had the name sent. */
  @Column({ name: 'user_name', type: 'varchar', length: 64, nullable: true })
  userName!: string | null;

  /** null = the register did not know the token sent. */
  @Column({ name: 'token_id', type: 'integer', nullable: true })
  tokenId!: number | null;

  /** Why it failed; null = success. */
  @Column({ type: 'varchar', length: 32, nullable: true })
  failure!: string | null;

  /** Days since 1970-01-01 UTC; null = failure. */
  @Column({ type: 'integer', nullable: true })
  day!: number | null;
}
