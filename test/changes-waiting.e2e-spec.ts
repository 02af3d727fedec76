import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ChangeNews } from '../src/changes/application/change-news.js';
import { newCaller } from './support/callers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { FEED, inWords, nextOf, useFeed } from './support/feed.js';
import { addMapping } from './support/mappings.js';
import { Reading } from './support/reading.js';
import { TestService } from './support/service.js';
import { until } from './support/until.js';

/** Shorter than a read waits when nothing happens. */
const PROMPTLY = 40_000;

/** Watches how a service's waits for changes end, in the order in which they begin. */
function watch(service: TestService): () => Promise<boolean>[] {
  const { mock } = jest.spyOn(service.app.get(ChangeNews), 'waitBeyond');
  return () => mock.results.map(({ value }) => value as Promise<boolean>);
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe.each(databaseKinds)('on $name, the change feed with wait', (kind) => {
  const { service, caller, ok, create, feed, fed } = useFeed(kind);

  /** A cursor after all changes so far. */
  const end = async (): Promise<string> => {
    await create('before');
    return `after=${(await fed(1)).at(-1)?.cursor}`;
  };

  it('returns at once what is there already', async () => {
    await create('there');
    const all = await fed(1);
    expect(await feed('wait=60')).toEqual(all);
  });

  it.each(['', 'wait=0', 'wait=1'])('returns [] when nothing happens: %j', async (wait) => {
    const after = await end();
    const answer = await ok('GET', `${FEED}?${after}&${wait}`);
    expect(answer.text).toBe('[]');
    expect(nextOf(answer)).toContain(after);
  });

  it(
    'returns a change as soon as it is there, to all who wait',
    async () => {
      const waits = watch(service());
      const after = await end();
      const waiting = Array.from({ length: 20 }, () => feed(`${after}&wait=60`));
      await until(() => waits().length >= 20);
      await create('news');
      for (const changes of await Promise.all(waiting)) expect(inWords(changes)).toEqual(['created news']);
    },
    PROMPTLY,
  );

  it(
    'returns a change of a mapping as soon as it is there',
    async () => {
      const waits = watch(service());
      const after = await end();
      const waiting = caller().call('GET', `${FEED}?${after}&wait=60`);
      await until(() => waits().length === 1);
      const mapping = await addMapping(caller(), 'before', '192.0.2.1');
      expect((await waiting).json).toMatchObject([{ change: 'created', mapping }]);
    },
    PROMPTLY,
  );

  it(
    'keeps waiting when something changes in another context',
    async () => {
      const waits = watch(service());
      const other = await newCaller(service());
      const after = await end();
      const waiting = feed(`${after}&wait=60`);
      await until(() => waits().length === 1);
      await create('theirs', other);
      await until(() => waits().length === 2);
      await create('mine');
      expect(inWords(await waiting)).toEqual(['created mine']);
    },
    PROMPTLY,
  );

  it(
    'returns nothing to a token that was revoked meanwhile',
    async () => {
      const waits = watch(service());
      const after = await end();
      const waiting = caller().call('GET', `${FEED}?${after}&wait=60`);
      await until(() => waits().length === 1);
      const colleague = await newCaller(service(), { contexts: [caller().credentials.contextname] });
      await service().admin('DELETE', `/api/admin/tokens/${caller().tokenId}`);
      await create('secret', colleague);
      expect(await waiting).toMatchObject({ status: 401, json: { code: 'invalid_token' } });
    },
    PROMPTLY,
  );

  it(
    'stops waiting when the client hangs up',
    async () => {
      const waits = watch(service());
      const after = await end();
      const readings = Array.from({ length: 5 }, () => new Reading(service(), `${FEED}?${after}&wait=60`));
      await until(() => waits().length === 5);
      for (const reading of readings) reading.abandon();
      expect(await Promise.all(waits())).toEqual([false, false, false, false, false]);
    },
    PROMPTLY,
  );
});

describe.each(databaseKinds)('on $name, the change feed of a service that stops', (kind) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await kind.create();
  });
  afterAll(() => database.drop());

  it(
    'answers all who wait',
    async () => {
      const service = await TestService.start(database);
      const waits = watch(service);
      const answers = Array.from({ length: 10 }, () => service.call('GET', `${FEED}?wait=60`));
      await until(() => waits().length === 10);
      await service.app.close();
      for (const answer of await Promise.all(answers))
        expect([answer.status, answer.text]).toEqual([200, '[]']);
      await service.stop();
    },
    PROMPTLY,
  );
});
