/** The names of the tables whose rows are sealed with the audit trail. */
export abstract class SealedTables {
  abstract readonly names: readonly string[];
}
