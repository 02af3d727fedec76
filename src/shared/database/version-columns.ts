import { Column } from 'typeorm';
import { nonce } from '../nonce.js';
import type { SqlValue } from './database.js';

/** What every table of versions has besides what the versions are of. Its rows are sealed with the audit trail. */
export class VersionColumns {
  /** Unix milliseconds; of two versions of the same, the later one has the greater. */
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

/** What is written of a version when it is recorded, in the order of `toRecord`. */
export const RECORD_COLUMNS = [
  ...['recorded_at', 'change_made', 'by_user', 'by_token_id', 'by_token', 'by_address', 'nonce'],
];

/** @param by who records it @param at Unix milliseconds */
export function toRecord(
  by: {
    readonly userName: string;
    readonly tokenId: number;
    readonly tokenLabel: string;
    readonly address: string;
  },
  change: string,
  at: number,
): SqlValue[] {
  return [at, change, by.userName, by.tokenId, by.tokenLabel, by.address, nonce()];
}
