import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { expectOneHolder } from './support/mapping-check.js';
import { race } from './support/mapping-race.js';
import { TestService } from './support/service.js';

/** The long form takes some minutes: `npm run test:faults`. */
const ATTEMPTS = process.env['FAULTS'] === 'long' ? 10_000 : 1500;

describe.each(databaseKinds)('a race for addresses on $name', (kind) => {
  // A SQLite file belongs to one instance.
  const instances = kind.name === 'MySQL' ? 2 : 1;
  let database: TestDatabase;
  const services: TestService[] = [];

  beforeAll(async () => {
    database = await kind.create();
    while (services.length < instances) services.push(await TestService.start(database));
  });
  afterAll(async () => {
    for (const service of services) await service.stop();
    await database.drop();
  });

  it(
    `leaves each one holder at any second, in ${ATTEMPTS} attempts`,
    async () => {
      await expectOneHolder(database.configuration, await race(services, ATTEMPTS));
    },
    60_000 + ATTEMPTS * 50,
  );
});
