/** A table whose rows are sealed with the audit trail: the versions of what another table holds now. */
export interface SealedTable {
  /** Besides its own columns it has `id`, those of `VersionColumns`, and those of `columns`. */
  readonly name: string;
  /** The table of what is there now, with the id of each, and `updated_at` as its last version has it. */
  readonly present: string;
  /** The column that says what a version is of. */
  readonly of: string;
  /** The columns that both have. */
  readonly columns: readonly string[];
}

/** The tables whose rows are sealed with the audit trail. */
export abstract class SealedTables {
  abstract readonly all: readonly SealedTable[];
}
