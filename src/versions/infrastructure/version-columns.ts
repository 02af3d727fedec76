import { Column } from 'typeorm';
import { nonce } from '../../shared/nonce.js';
import type { ChangeMade, RecordedVersion, Versioned } from '../domain/version.js';
import type { SqlValue } from '../../shared/database/database.js';

/** The columns of every table of versions besides the state. Its rows are sealed with the audit trail. */
export class VersionColumns {
  /** Unix milliseconds, greater in every later version. */
  @Column({ name: 'recorded_at', type: 'bigint' })
  recordedAt!: number;

  /** `created`, `updated` or `deleted`. */
  @Column({ name: 'change_made', type: 'varchar', length: 8 })
  change!: string;

  /** Who recorded it; null = a migration did. */
  @Column({ name: 'by_user', type: 'varchar', length: 64, nullable: true })
  byUser!: string | null;

  @Column({ name: 'by_token_id', type: 'integer', nullable: true })
  byTokenId!: number | null;

  @Column({ name: 'by_token', type: 'varchar', length: 128, nullable: true })
  byToken!: string | null;

  @Column({ name: 'by_address', type: 'varchar', length: 45, nullable: true })
  byAddress!: string | null;

  /** Random, so that nobody can guess an erased version and confirm it by its digest. */
  @Column({ type: 'varchar', length: 22, default: '' })
  nonce!: string;

  /** The block that seals it; null = not sealed yet. */
  @Column({ type: 'integer', nullable: true })
  block!: number | null;
}

/** The columns written when a version is recorded, in the order of `toRecord`. */
export const RECORD_COLUMNS = [
  'recorded_at',
  'change_made',
  'by_user',
  'by_token_id',
  'by_token',
  'by_address',
  'nonce',
];

/** The values of `RECORD_COLUMNS`. @param by the caller @param at Unix milliseconds */
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

/** A version without its state, as `RECORDED` reads it. */
interface VersionRow {
  readonly version: number;
  readonly changeMade: ChangeMade;
  readonly userName: string | null;
  readonly tokenId: number | null;
  readonly tokenLabel: string | null;
  readonly byAddress: string | null;
}

const RECORDED = {
  version: 'id',
  changeMade: 'change_made',
  userName: 'by_user',
  tokenId: 'by_token_id',
  tokenLabel: 'by_token',
  byAddress: 'by_address',
} as const satisfies Record<keyof VersionRow, string>;

/** The select list of a version without its state. @param table an alias */
export function recordedColumns(table: string): string {
  return aliasedColumns(table, RECORDED);
}

/** A select list. @param table an alias @param columns by the name in the row @param prefix of the names in the row */
export function aliasedColumns(
  table: string,
  columns: Readonly<Record<string, string>>,
  prefix = '',
): string {
  return Object.entries(columns)
    .map(([name, column]) => `${table}.${column} AS ${prefix}${name}`)
    .join(', ');
}

/** A version, with the previous one in members prefixed with `before_`, which are null for the first version. */
export type VersionAndBefore<Row> = VersionRow & Row & { readonly before_id: number | null };

/** @param names of the columns of a state @param read converts these columns to a state */
export function toVersion<Row extends object, Of extends Versioned>(
  row: VersionAndBefore<Row>,
  names: readonly (keyof Row & string)[],
  read: (row: Row) => Of,
): RecordedVersion<Of> {
  return {
    id: row.version,
    change: row.changeMade,
    userName: row.userName,
    tokenId: row.tokenId,
    tokenLabel: row.tokenLabel,
    address: row.byAddress,
    state: read(pick<Row>(row, names, '')),
    before: row.before_id === null ? undefined : read(pick<Row>(row, names, 'before_')),
  };
}

/** The members of a row with a prefix, without the prefix. */
function pick<Row>(row: object, names: readonly string[], prefix: string): Row {
  const picked: Record<string, unknown> = {};
  for (const name of names) picked[name] = (row as Record<string, unknown>)[prefix + name];
  return picked as Row;
}
