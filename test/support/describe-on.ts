import { describe } from '@jest/globals';
import { databaseKinds, type DatabaseKind } from './databases.js';

/** Tests of what only one kind of database does; databases.ts tells if that is not at hand. */
export function describeOn(
  name: 'SQLite' | 'MySQL',
  what: string,
  tests: (kind: DatabaseKind) => void,
): void {
  for (const kind of databaseKinds.filter((each) => each.name === name)) {
    describe(`${what} on ${name}`, () => tests(kind));
  }
}
