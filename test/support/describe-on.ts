import { describe } from '@jest/globals';
import { databaseKinds, type DatabaseKind } from './databases.js';

/** Describes tests for one kind of database only. global-setup.js warns if it is not available. */
export function describeOn(
  name: 'SQLite' | 'MySQL',
  what: string,
  tests: (kind: DatabaseKind) => void,
): void {
  for (const kind of databaseKinds.filter((each) => each.name === name)) {
    describe(`${what} on ${name}`, () => tests(kind));
  }
}
