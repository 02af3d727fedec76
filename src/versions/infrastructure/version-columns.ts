import { Column } from 'typeorm';
import { nonce } from '../../shared/nonce.js';
import type { ChangeMade, RecordedVersion, Versioned } from '../domain/version.js';
import type { SqlValue } from '../../shared/database/database.js';

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

/** A version as it is read, besides what it is of: `RECORDED`. */
interface VersionRow {
  readonly version: number;
  readonly changeMade: ChangeMade;
  readonly userName: string | null;
  readonly tokenId: number | null;
  readonly tokenLabel: string | null;
  readonly byAddress: string | null;
}

const RECORDED = {
  ...{ version: 'id', changeMade: 'change_made', userName: 'by_user', tokenId: 'by_token_id' },
  ...{ tokenLabel: 'by_token', byAddress: 'by_address' },
} as const satisfies Record<keyof VersionRow, string>;

/** What is read of a version besides what it is of. @param table an alias */
export function recordedColumns(table: string): string {
  return namedColumns(table, RECORDED);
}

/** Columns under the names that a row is to have for them. @param table an alias @param prefix before each name */
export function namedColumns(table: string, columns: Readonly<Record<string, string>>, prefix = ''): string {
  return Object.entries(columns)
    .map(([name, column]) => `${table}.${column} AS ${prefix}${name}`)
    .join(', ');
}

/** A version with the one before it, whose names have `before_` before them; null where there was none. */
export type VersionAndBefore<Row> = VersionRow & Row & { readonly before_id: number | null };

/** @param names of what is read of a state @param read makes a state of that */
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

/** What a row has under names with `prefix` before them. */
function pick<Row>(row: object, names: readonly string[], prefix: string): Row {
  const picked: Record<string, unknown> = {};
  for (const name of names) picked[name] = (row as Record<string, unknown>)[prefix + name];
  return picked as Row;
}
