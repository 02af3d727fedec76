import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { TestService } from './support/service.js';

describe.each(databaseKinds)('customers on $name', (kind) => {
  let database: TestDatabase;
  let service: TestService;

  beforeAll(async () => {
    database = await kind.create();
    service = await TestService.start(database);
  });
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  const create = (fields: object) => service.call('POST', '/api/ipdrcustomers', { body: fields });

  it('creates, reads, lists, updates and deletes', async () => {
    const trisul = {
      Name: 'Trisul',
      Address: 'Chennai',
      Email: 'demo@gmail.com',
      PhoneNumber: '1234567890',
      AltPhoneNumber: '9999999999',
      UserID: 'B68t19',
    };
    const created = await create(trisul);
    expect(created.status).toBe(200);
    expect(created.json).toEqual({ id: 1, ...trisul });
    expect((await service.call('GET', '/api/ipdrcustomers')).json).toEqual([{ id: 1, ...trisul }]);
  });
});
