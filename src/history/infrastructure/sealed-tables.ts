/** A table of versions, whose rows are sealed with the audit trail. */
export interface SealedTable {
  /** The table of versions. It has `id`, the columns of `VersionColumns`, `reference` and `columns`. */
  readonly name: string;
  /** The table of the current state, with `id`, `updated_at` and `columns`. */
  readonly currentTable: string;
  /** The column of the version that refers to `currentTable.id`. */
  readonly reference: string;
  /** The columns that both tables have. */
  readonly columns: readonly string[];
}

/** All tables whose rows are sealed. */
export abstract class SealedTables {
  abstract readonly all: readonly SealedTable[];
}
