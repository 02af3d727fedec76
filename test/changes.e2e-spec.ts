import { beforeAll, describe, expect, it } from '@jest/globals';
import { sealNow } from './support/audit.js';
import { newCaller, type Caller } from './support/callers.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { FEED, inWords, LIST, nextOf, useFeed, type Change } from './support/feed.js';
import { addCustomer, addMapping, mappingPath, type Mapping } from './support/mappings.js';
import { withoutSealing, type Answer } from './support/service.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

describe.each(databaseKinds)('on $name, the change feed', (kind) => {
  const { service, caller, ok, create, feed, fed } = useFeed(kind);

  it('is [] with a link to what follows while nothing has happened', async () => {
    const answer = await ok('GET', FEED);
    expect(answer.text).toBe('[]');
    expect(nextOf(answer)).toMatch(/^after=[\w-]+$/);
    await create('first');
    await until(async () => (await feed(nextOf(answer))).length === 1);
  });

  it('returns creations, updates and deletions in their order, with the customer as it was then', async () => {
    const created = (await create('B68t19')).json;
    const renamed = (await ok('PUT', pathOf('B68t19'), customer('a/b', { Address: null }))).json;
    const deleted = (await ok('DELETE', pathOf('a/b'))).json;
    const again = (await create('B68t19')).json;
    const changes = await fed(4);
    const [cursor, at] = [expect.stringMatching(/^[\w-]+$/), expect.stringMatching(/^\d{4}-.*T.*\.\d{3}Z$/)];
    expect(changes).toEqual([
      { cursor, at, change: 'created', customer: created },
      { cursor, at, change: 'updated', customer: renamed },
      { cursor, at, change: 'deleted', customer: deleted },
      { cursor, at, change: 'created', customer: again },
    ]);
    expect(Object.keys(changes[0]?.customer ?? {})).toEqual(Object.keys(created as object));
    const { json } = await ok('GET', `${pathOf('a/b')}/history`);
    const recorded = (json as { recorded_at: string }[]).map((version) => version.recorded_at);
    expect(changes.slice(0, 3).map((change) => change.at)).toEqual(recorded.toReversed());
  });

  it('returns the same again, and the rest after every cursor', async () => {
    for (const userId of ['1', '2', '3', '4', '5']) await create(userId);
    const all = await fed(5);
    expect(await feed()).toEqual(all);
    expect(new Set(all.map(({ cursor }) => cursor)).size).toBe(5);
    for (const [n, { cursor }] of all.entries()) {
      const answer = await ok('GET', `${FEED}?after=${cursor}`);
      expect(answer.json).toEqual(all.slice(n + 1));
      expect(nextOf(answer)).toBe(`after=${all.at(-1)?.cursor}`);
    }
  });

  it.each([1, 2, 3, 5, 10000])('returns pages of %i that the Link header connects', async (limit) => {
    for (const userId of ['1', '2', '3']) await create(userId);
    await fed(3);
    for (const userId of ['4', '5']) await create(userId);
    const all = await fed(5);
    const pages: Change[][] = [];
    for (let query = `limit=${limit}`; pages.at(-1)?.length !== 0;) {
      const answer = await ok('GET', `${FEED}?${query}`);
      pages.push(answer.json as Change[]);
      query = nextOf(answer);
      expect(query).toContain(`limit=${limit}`);
    }
    expect(pages.flat()).toEqual(all);
    expect(pages.slice(0, -2).every((page) => page.length === limit)).toBe(true);
  });

  it.each([
    ['wait', ['-1', '61', '100', '1.5', 'x', '', '1s']],
    ['limit', ['0', '10001', 'x']],
    [
      'after',
      ['x', '0', Buffer.from('id:1').toString('base64url'), Buffer.from('id:1.2.3').toString('base64url')],
    ],
    ['updated_since', ['0']],
  ])('refuses a %s of any of %j', async (name, values) => {
    for (const value of values) {
      const answer = await caller().call('GET', `${FEED}?${name}=${value}`);
      expect([value, answer.status]).toEqual([value, 422]);
      expect(answer.json).toMatchObject({ code: 'validation_failed', errors: [{ field: name }] });
    }
  });

  it('refuses cursors of other lists, as those refuse its own', async () => {
    for (const userId of ['1', '2']) await create(userId);
    const [{ cursor } = { cursor: '' }] = await fed(2);
    const { headers } = await ok('GET', `${LIST}?limit=1`);
    const [, listCursor] = /[?&]after=([^&>]+)/.exec(String(headers['link'])) ?? [];
    for (const path of [
      `${FEED}?after=${listCursor}`,
      `${LIST}?after=${cursor}`,
      `${pathOf('1')}/history?after=${cursor}`,
    ]) {
      const answer = await caller().call('GET', path);
      expect([path, answer.status]).toEqual([path, 422]);
      expect(answer.json).toMatchObject({ errors: [{ field: 'after' }] });
    }
  });

  it('is open to a reader and to a read-only token', async () => {
    await create('1');
    const all = await fed(1);
    const contexts = [caller().credentials.contextname];
    for (const more of [{ role: 'reader' }, { token: { scope: 'read' } }] as const) {
      expect(await feed('', await newCaller(service(), { contexts, ...more }))).toEqual(all);
    }
  });

  it('returns the changes of its own context alone', async () => {
    const other = await newCaller(service());
    await create('theirs', other);
    await create('mine');
    await create('theirs too', other);
    expect(inWords(await fed(2, other))).toEqual(['created theirs', 'created theirs too']);
    const mine = await fed(1);
    expect(inWords(mine)).toEqual(['created mine']);
    const [theirs] = await feed('', other);
    expect(inWords(await feed(`after=${theirs?.cursor}`))).not.toContain('created theirs too');
  });
});

describe.each(databaseKinds)('on $name, the change feed with mappings', (kind) => {
  // The tests seal.
  const { service } = useService(kind, { adapt: withoutSealing });
  let caller: Caller;
  /** The changes of two customers and their mappings, in three blocks. */
  let expected: object[];

  const send = async (method: string, path: string, body: object = {}): Promise<Answer> => {
    const answer = await caller.call(method, path, { body });
    expect([method, path, answer.status]).toEqual([method, path, 200]);
    return answer;
  };
  const feed = async (query = ''): Promise<(Change & { mapping?: Mapping })[]> =>
    (await send('GET', `${FEED}?${query}`)).json as Change[];
  const inShort = (changes: readonly (Change & { mapping?: Mapping })[]): object[] =>
    changes.map(({ change, customer: ofCustomer, mapping }) => ({ change, customer: ofCustomer, mapping }));
  const cursor = (...place: number[]): string => Buffer.from(`id:${place.join('.')}`).toString('base64url');

  beforeAll(async () => {
    caller = await newCaller(service());
    const other = await newCaller(service());
    const created = async (path: string, body: object): Promise<object> =>
      (await send('POST', path, body)).json as object;
    const u0 = await created(LIST, customer('U0'));
    const u1 = await created(LIST, customer('U1'));
    const a = await addMapping(caller, 'U1', '192.0.2.0/24', 100, 199);
    const u2 = await created(LIST, customer('U2'));
    const b = await addMapping(caller, 'U1', '198.51.100.1', 0);
    const renamed = (await send('PATCH', pathOf('U1'), { UserID: 'U9' })).json;
    await addCustomer(other, 'theirs');
    await addMapping(other, 'theirs', '192.0.2.0/24');
    await sealNow(service());
    const moved = await send('POST', `${mappingPath('U9', a)}/reassign`, { UserID: 'U2', starttime: 150 });
    const { ended, created: c } = moved.json as { ended: Mapping; created: Mapping };
    await send('POST', `${mappingPath('U2', c)}/reassign?dry_run=true`, { UserID: 'U9', starttime: 160 });
    await send('PATCH', mappingPath('U2', c), { terminalid: '' }); // as it is already
    const changed = (await send('PATCH', mappingPath('U2', c), { terminalid: 'T' })).json;
    const u2b = (await send('PATCH', pathOf('U2'), { Address: null })).json;
    await sealNow(service());
    await send('DELETE', mappingPath('U2', c));
    await send('DELETE', pathOf('U9'));
    const { json } = await send('GET', `/api/ipdrcustomers_mapping`);
    const [, released] = json as Mapping[];
    await sealNow(service());
    expected = [
      // A mapping appears after its customer's creation and before its deletion.
      { change: 'created', customer: u0 },
      { change: 'created', customer: u1 },
      { change: 'created', mapping: a },
      { change: 'created', mapping: b },
      { change: 'created', customer: u2 },
      { change: 'updated', customer: renamed },
      { change: 'updated', mapping: ended },
      { change: 'created', mapping: c },
      { change: 'updated', mapping: changed },
      { change: 'updated', customer: u2b },
      { change: 'deleted', mapping: changed },
      { change: 'updated', mapping: released },
      { change: 'deleted', customer: renamed },
    ];
    expect(released).toMatchObject({ id: b.id, endtime: expect.any(Number) });
  });

  it('returns changes in a final order, each with the state of the time', async () => {
    const changes = await feed();
    expect(inShort(changes)).toEqual(expected);
    const [at] = changes.filter(({ mapping }) => mapping !== undefined).slice(-1);
    expect(Object.keys(at ?? {})).toEqual(['cursor', 'at', 'change', 'mapping']);
    expect(JSON.stringify(at?.mapping)).toBe(
      JSON.stringify(expected.at(-2)).replace(/^.*"mapping":|}$/g, ''),
    );
    const { headers } = await send('GET', mappingPath('U2', await addMapping(caller, 'U2', '203.0.113.1')));
    await sealNow(service());
    const [newest] = (await feed()).slice(-1);
    expect(String(headers['etag'])).toBe(`"${newest?.mapping?.id}-${Date.parse(newest?.at ?? '')}"`);
    await send('DELETE', mappingPath('U2', newest?.mapping ?? { id: 0 }));
    await sealNow(service());
  });

  it.each([1, 2, 3, 100])('returns pages of %i that neither miss nor repeat a change', async (limit) => {
    const all = await feed();
    const ways: ((answer: Answer, page: Change[]) => string)[] = [
      (_answer, page) => `limit=${limit}&after=${page.at(-1)?.cursor}`,
      nextOf,
    ];
    for (const next of ways) {
      const read: Change[] = [];
      for (let query = `limit=${limit}`; ;) {
        const answer = await send('GET', `${FEED}?${query}`);
        const page = answer.json as Change[];
        if (page.length === 0) break;
        read.push(...page);
        query = next(answer, page);
      }
      expect(read).toEqual(all);
    }
    for (const [n, { cursor: after }] of all.entries()) {
      expect(await feed(`limit=${limit}&after=${after}`)).toEqual(all.slice(n + 1, n + 1 + limit));
    }
  });

  it('refuses a cursor of another register or one newer than a restored backup', async () => {
    const all = await feed();
    const numbersOf = ({ cursor: text }: Change): number[] =>
      /\d.*/.exec(Buffer.from(text, 'base64url').toString())?.[0].split('.').map(Number) ?? [];
    const [block = 0, of = 0, mapping = 0, check = 0] = numbersOf(all.at(-1) as Change);
    expect(await feed(`after=${cursor(block, of, mapping, check)}`)).toEqual([]);
    expect(await feed(`after=${cursor(0, 0, 0, 0)}`)).toEqual(all);
    for (const other of [
      cursor(block, of, mapping, check + 1),
      cursor(block + 1000, of, mapping, check),
      cursor(block + 1000, 0, 0, 0),
      cursor(0, 0, 0, 1),
      cursor(block, of, mapping, 0),
    ]) {
      for (const wait of ['', '&wait=60']) {
        const answer = await caller.call('GET', `${FEED}?after=${other}${wait}`);
        expect([answer.status, answer.json]).toEqual([
          409,
          expect.objectContaining({ code: 'cursor_unknown' }),
        ]);
      }
    }
    for (const bad of [
      cursor(1, 2, 3),
      cursor(1, 2),
      cursor(1),
      cursor(1, 0, 2, 3, 4),
      cursor(1, 0, 0, -1),
    ]) {
      const answer = await caller.call('GET', `${FEED}?after=${bad}`);
      expect(answer).toMatchObject({ status: 422, json: { errors: [{ field: 'after' }] } });
    }
  });

  it('returns changes once they are sealed and no sooner', async () => {
    const last = (await feed()).at(-1)?.cursor;
    const mapping = await addMapping(caller, 'U2', '203.0.113.7');
    expect(await feed(`after=${last}`)).toEqual([]);
    await sealNow(service());
    expect(inShort(await feed(`after=${last}`))).toEqual([{ change: 'created', mapping }]);
  });
});
