import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DatabaseConfiguration } from '../src/shared/config/configuration.js';
import { customer, pathOf } from './support/customers.js';
import { GaleraCluster } from './support/galera.js';
import { expectOneHolder } from './support/mapping-check.js';
import { race } from './support/mapping-race.js';
import { TestService, type Answer } from './support/service.js';

const ROUNDS = 50;
const ATTEMPTS = 10_000;

describe('two instances on two nodes of a Galera cluster', () => {
  let cluster: GaleraCluster;
  const services: TestService[] = [];
  let configuration: DatabaseConfiguration;

  beforeAll(async () => {
    cluster = await GaleraCluster.start();
    await cluster.nodes[0]?.createDatabase('ipdr');
    for (const node of cluster.nodes.slice(0, 2)) {
      configuration = { type: 'mysql', url: `${node.url}ipdr` };
      services.push(await TestService.start(configuration));
    }
  }, 180_000);
  afterAll(async () => {
    for (const service of services) await service.stop();
    await cluster.remove();
  });

  /** Sends to instance `n`, with the token that the first one wrote. */
  const send = (n: number, method: string, path: string, body: object = {}): Promise<Answer> => {
    const service = services[n % services.length] as TestService;
    return service.callAs({ api_token: services[0]?.tokens.user, username: 'user' }, method, path, { body });
  };

  it('share a cluster of three nodes', async () => {
    expect(await cluster.sizes()).toEqual([3, 3, 3]);
  });

  it('read what the other one wrote, at once and under load', async () => {
    const inTurn = async (worker: number): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        const UserID = `read-${worker}-${round}`;
        const created = await send(worker, 'POST', '/api/ipdrcustomers', customer(UserID));
        const read = await send(worker + 1, 'GET', pathOf(UserID));
        expect([created.status, read.status, read.text]).toEqual([200, 200, created.text]);
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, worker) => inTurn(worker)));
  });

  it('refuse a token as soon as the other one has revoked it', async () => {
    const [here, there] = services as [TestService, TestService];
    for (let round = 0; round < ROUNDS; round++) {
      const made = await here.admin('POST', '/api/admin/tokens', { body: { user: 'user', label: 'short' } });
      const { id, token } = made.json as { id: number; token: string };
      const use = (): Promise<Answer> =>
        there.callAs({ api_token: token, username: 'user' }, 'GET', '/api/ipdrcustomers?limit=1');
      expect((await use()).status).toBe(200);
      expect((await here.admin('DELETE', `/api/admin/tokens/${id}`)).status).toBe(200);
      expect((await use()).status).toBe(401);
    }
  });

  it('create a UserID once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const fields = customer(`same-${round}`);
      const answers = await Promise.all(
        services.map((_, n) => send(n, 'POST', '/api/ipdrcustomers', { ...fields, Name: `N${n}` })),
      );
      const [winner, loser] = answers.toSorted((a, b) => a.status - b.status) as [Answer, Answer];
      expect([winner.status, loser.status, loser.json]).toEqual([
        200,
        409,
        expect.objectContaining({ code: 'customer_exists' }),
      ]);
      for (const n of services.keys()) {
        expect((await send(n, 'GET', pathOf(fields.UserID))).text).toBe(winner.text);
      }
    }
  });

  it(
    `give each address one holder at any second, in ${ATTEMPTS} attempts`,
    async () => {
      await expectOneHolder(configuration, await race(services, ATTEMPTS));
    },
    ATTEMPTS * 60,
  );
});
