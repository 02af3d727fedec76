import { afterAll, beforeAll } from '@jest/globals';
import type { DatabaseKind, TestDatabase } from './databases.js';
import { TestService, type ServiceOptions } from './service.js';

/** Starts a service on an empty database for the tests of a `describe`. */
export function useService(
  kind: DatabaseKind,
  options?: ServiceOptions,
): { service: () => TestService; database: () => TestDatabase } {
  let database: TestDatabase;
  let service: TestService;

  beforeAll(async () => {
    database = await kind.create();
    service = await TestService.start(database, options);
  });
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });
  return { service: () => service, database: () => database };
}
