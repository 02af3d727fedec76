/** The result of inserting rows that have a unique key: all of them were inserted, or none. */
export interface Inserted<Row> {
  /** In the order of the rows; none if there is a duplicate. */
  readonly ids: readonly number[];
  /** The first row whose key another one has, in the database or earlier in the list. */
  readonly duplicate?: Row;
}
