import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { newCaller } from './support/callers.js';
import { customer } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { TestService } from './support/service.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const REQUESTS = 400;
const EVERY_MS = 10;

describe.each(databaseKinds)('a token rotated under load on $name', (kind) => {
  const { service, database } = useService(kind, { env: { RATE_LIMIT: '6000', SIGNIN_LIMIT: '20' } });
  let second: TestService | undefined;

  afterAll(() => second?.stop());

  it('fails no request while a CRM with a hundred requests a second moves to the new one', async () => {
    // A SQLite file belongs to one instance. On MySQL, each of two instances gets half of the requests.
    second = kind.name === 'MySQL' ? await TestService.start(database()) : undefined;
    const caller = await newCaller(service());
    const { api_token: before, ...user } = caller.credentials;
    let after: string | undefined;
    const rotate = async (): Promise<void> => {
      const body = { grace_seconds: 600 };
      const answer = await service().admin('POST', `/api/admin/tokens/${caller.tokenId}/rotate`, { body });
      expect(answer.status).toBe(200);
      after = (answer.json as { token: string }).token;
    };
    /** The CRM's workers switch to the new token one after the other. */
    const tokenOf = (n: number): string => (after !== undefined && n % 4 < n / 100 - 1 ? after : before);

    const send = async (n: number): Promise<string> => {
      const at = n % 2 === 1 && second !== undefined ? second : service();
      const credentials = { ...user, api_token: tokenOf(n) };
      const answer = await (n % 3 === 0
        ? at.callAs(credentials, 'POST', LIST, { body: customer(`U${n}`) })
        : at.callAs(credentials, 'GET', `${LIST}?limit=10`));
      return `${answer.status} ${credentials.api_token === before ? 'old' : 'new'}`;
    };
    const answers: Promise<string>[] = [];
    let rotated: Promise<void> | undefined;
    for (let n = 0; n < REQUESTS; n++) {
      if (n === REQUESTS / 2) rotated = rotate();
      answers.push(send(n));
      await delay(EVERY_MS);
    }
    await rotated;
    const outcomes = await Promise.all(answers);
    expect(new Set(outcomes)).toEqual(new Set(['200 old', '200 new']));
    expect(outcomes.filter((outcome) => outcome === '200 new').length).toBeGreaterThan(50);
  });
});
