import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from './support/client.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { TestService } from './support/service.js';

const AT_ONCE = 16;
const CREATE_ROUNDS = 50;
const RENAME_ROUNDS = 5;

describe.each(databaseKinds)('concurrent requests on $name', (kind) => {
  // A SQLite file belongs to one instance. On MySQL, each of two instances gets half of the requests.
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

  /** Sends to instance `n`, with the token that the first one wrote. */
  const send = (n: number, method: string, path: string, body: object): Promise<Answer> => {
    const credentials = { api_token: services[0]?.tokens.user, username: 'user' };
    const service = services[n % instances] as TestService;
    return service.callAs(credentials, method, `/api/ipdrcustomers${path}`, { body });
  };
  const atOnce = (request: (n: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(Array.from({ length: AT_ONCE }, (_, n) => request(n)));

  /** Expects that a single request succeeded, and returns its answer. */
  const expectOneWinner = (answers: Answer[]): Answer => {
    const [winner, ...others] = answers.toSorted((a, b) => a.status - b.status) as [Answer, ...Answer[]];
    expect(winner.status).toBe(200);
    for (const { status, json } of others) {
      expect({ status, json }).toMatchObject({ status: 409, json: { code: 'customer_exists' } });
    }
    return winner;
  };

  it('create a UserID once', async () => {
    for (let round = 0; round < CREATE_ROUNDS; round++) {
      const UserID = `create-${round}`;
      const winner = expectOneWinner(await atOnce((n) => send(n, 'POST', '', { UserID, Name: `N${n}` })));
      expect((await send(round, 'GET', '', { UserID })).text).toBe(`[${winner.text}]`);
    }
  });

  it('give a UserID to one customer', async () => {
    for (let round = 0; round < RENAME_ROUNDS; round++) {
      const [target, before] = [`target-${round}`, (n: number) => `rename-${round}-${n}`];
      for (let n = 0; n < AT_ONCE; n++) await send(n, 'POST', '', { UserID: before(n), Name: `N${n}` });
      const winner = expectOneWinner(
        await atOnce((n) => send(n, 'PATCH', `/${before(n)}`, { UserID: target })),
      );
      expect((await send(round, 'GET', `/${target}`, {})).text).toBe(winner.text);
      const left = await atOnce((n) => send(n, 'GET', `/${before(n)}`, {}));
      const renamed = left.flatMap(({ status }, n) => (status === 404 ? [`N${n}`] : []));
      expect(renamed).toEqual([(winner.json as { Name: string }).Name]);
    }
  });
});
