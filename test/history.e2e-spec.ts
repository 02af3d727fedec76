import { beforeEach, describe, expect, it } from '@jest/globals';
import { newCaller, newContext, type Caller } from './support/callers.js';
import { customer, pathOf, toJson, type CustomerFields } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import type { Answer, Call } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const FEED = '/api/ipdrcustomers_changes';
const START = Date.parse('2026-11-24T00:00:00Z');
const TEN_MINUTES = 600_000;

interface Version {
  readonly recorded_at: string;
  readonly change: string;
  readonly changes: readonly { field: string; from: string | null; to: string | null }[];
  readonly customer: CustomerFields & { id: number };
}

describe.each(databaseKinds)('the history of a customer on $name', (kind) => {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: clock.adapt });
  let caller: Caller;

  beforeEach(async () => {
    clock.at = START;
    caller = await newCaller(service(), { token: { label: 'CRM of Chennai' } });
  });

  const ok = async (method: string, path: string, body: object = {}, by = caller): Promise<Answer> => {
    const answer = await by.call(method, path, { body });
    expect([method, path, answer.status]).toEqual([method, path, 200]);
    return answer;
  };
  /** Returns the id. */
  const create = async (userId: string, fields: Partial<CustomerFields> = {}): Promise<number> =>
    ((await ok('POST', LIST, customer(userId, fields))).json as { id: number }).id;
  const patch = (userId: string, body: object): Promise<Answer> => ok('PATCH', pathOf(userId), body);
  const remove = (userId: string): Promise<Answer> => ok('DELETE', pathOf(userId));
  const history = async (userId: string): Promise<Version[]> =>
    (await ok('GET', `${pathOf(userId)}/history`)).json as Version[];
  /** The change and the UserID of each version. */
  const changesOf = async (userId: string): Promise<string[]> =>
    (await history(userId)).map((version) => `${version.change} ${version.customer.UserID}`);
  /** The Name that the register recorded at that moment, or the status if it isn't 200. */
  const nameAsOf = async (userId: string, at: number | string, call: Call = {}): Promise<unknown> => {
    const moment = typeof at === 'number' ? new Date(at).toISOString() : at;
    const answer = await caller.call('GET', `${pathOf(userId)}?recorded_at=${moment}`, call);
    return answer.status === 200 ? (answer.json as CustomerFields).Name : answer.status;
  };

  it('lists every version, newest first, with its time, its author and its changes', async () => {
    const other = await newCaller(service(), { contexts: [caller.credentials.contextname] });
    const first = customer('B68t19', { Address: null });
    const id = await create('B68t19', { Address: null });
    clock.at += TEN_MINUTES;
    const changed = { ...first, Name: 'Trisul Network Analyzer', Address: 'MG Road 1\nChennai', Email: null };
    await ok('PUT', pathOf('B68t19'), changed, other);
    clock.at += 1;
    await remove('B68t19');

    const authored = ({ credentials, tokenId }: Caller, token: string) => ({
      user: credentials.username,
      token_id: tokenId,
      token,
      address: '127.0.0.1',
    });
    const answer = await ok('GET', `${pathOf('B68t19')}/history`);
    expect(answer.json).toEqual([
      {
        recorded_at: '2026-11-24T00:10:00.001Z',
        change: 'deleted',
        ...authored(caller, 'CRM of Chennai'),
        changes: [],
        customer: { id, ...changed },
      },
      {
        recorded_at: '2026-11-24T00:10:00.000Z',
        change: 'updated',
        ...authored(other, ''),
        changes: expect.arrayContaining([
          { field: 'Name', from: 'Trisul', to: 'Trisul Network Analyzer' },
          { field: 'Address', from: null, to: 'MG Road 1\nChennai' },
          { field: 'Email', from: 'demo@gmail.com', to: null },
        ]),
        customer: { id, ...changed },
      },
      {
        recorded_at: '2026-11-24T00:00:00.000Z',
        change: 'created',
        ...authored(caller, 'CRM of Chennai'),
        changes: [],
        customer: { id, ...first },
      },
    ]);
    expect((answer.json as Version[])[1]?.changes).toHaveLength(3);
    expect(answer.text).toContain(`"customer":${toJson(id, first)}`);
    expect(answer.headers['link']).toBeUndefined();
  });

  it('uses the field names of the API', async () => {
    await create('names');
    const all = {
      Name: 'N',
      Address: 'A',
      Email: 'e@x.in',
      PhoneNumber: '1',
      AltPhoneNumber: '2',
      UserID: 'renamed',
    };
    await ok('PUT', pathOf('names'), all);
    const [{ changes } = { changes: [] }] = await history('renamed');
    expect(Object.fromEntries(changes.map(({ field, to }) => [field, to]))).toEqual(all);
    expect(Object.fromEntries(changes.map(({ field, from }) => [field, from]))).toEqual(customer('names'));
  });

  it('is the same under every UserID that the customer has had', async () => {
    await create('one');
    await patch('one', { UserID: 'two' });
    await ok('PUT', pathOf('two'), customer('three/x', { Name: 'N' }));
    const versions = await history('one');
    expect(versions.map(({ changes }) => changes)).toEqual([
      expect.arrayContaining([
        { field: 'UserID', from: 'two', to: 'three/x' },
        { field: 'Name', from: 'Trisul', to: 'N' },
      ]),
      [{ field: 'UserID', from: 'one', to: 'two' }],
      [],
    ]);
    expect(await history('two')).toEqual(versions);
    expect(await history('three/x')).toEqual(versions);
  });

  it('covers all customers who have had the UserID, one after the other', async () => {
    const first = await create('again');
    await remove('again');
    const second = await create('again', { Name: 'Second' });
    await patch('again', { Name: 'Renamed' });
    const versions = await history('again');
    expect(versions.map((version) => [version.change, version.customer.id, version.customer.Name])).toEqual([
      ['updated', second, 'Renamed'],
      ['created', second, 'Second'],
      ['deleted', first, 'Trisul'],
      ['created', first, 'Trisul'],
    ]);
    // The second customer does not continue the first.
    expect(versions.map(({ changes }) => changes.length)).toEqual([1, 0, 0, 0]);
  });

  it('outlives the user and the token that wrote it', async () => {
    const leaver = await newCaller(service(), { contexts: [caller.credentials.contextname] });
    await ok('POST', LIST, customer('stays'), leaver);
    await service().admin('DELETE', `/api/admin/users/${leaver.credentials.username}`);
    expect(await history('stays')).toMatchObject([
      { user: leaver.credentials.username, token_id: leaver.tokenId, address: '127.0.0.1' },
    ]);
  });

  it.each(['a/b', '../admin', 'history', 'a b', 'é', '名前😀', '%2F', '?x=1'])(
    'is found under the UserID %s',
    async (userId) => {
      await create(userId);
      await create('history/history');
      await remove(userId);
      expect(await changesOf(userId)).toEqual([`deleted ${userId}`, `created ${userId}`]);
      expect(await changesOf(userId.normalize('NFD'))).toHaveLength(2);
    },
  );

  it.each(['nobody', 'B68T19', 'B68t1', 'B68t19 '])('does not exist for the UserID %j', async (userId) => {
    await create('B68t19');
    const answer = await caller.call('GET', `${pathOf(userId)}/history`);
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({ code: 'customer_not_found', message: 'IPDR Customer not found' });
  });

  it('never shows versions of another context', async () => {
    const other = await newCaller(service());
    await ok('POST', LIST, customer('only there'), other);
    await ok('POST', LIST, customer('same', { Name: 'theirs' }), other);
    await ok('PATCH', pathOf('same'), { UserID: 'mine' }, other);
    clock.at += TEN_MINUTES;
    for (const path of [
      `${pathOf('only there')}/history`,
      `${pathOf('only there')}?recorded_at=${START / 1000}`,
    ]) {
      expect((await caller.call('GET', path)).status).toBe(404);
    }
    await create('mine');
    await create('same');
    expect(await changesOf('mine')).toEqual(['created mine']);
    expect(await changesOf('same')).toEqual(['created same']);
    expect(await nameAsOf('mine', START)).toBe(404);
    expect(await nameAsOf('same', START)).toBe(404);
  });

  describe('read page by page', () => {
    beforeEach(async () => {
      await create('p', { Name: '0' });
      for (const Name of ['1', '2', '3', '4', '5']) await patch('p', { Name });
    });

    it.each<[number, string[][]]>([
      [1, [['5'], ['4'], ['3'], ['2'], ['1'], ['0']]],
      [
        4,
        [
          ['5', '4', '3', '2'],
          ['1', '0'],
        ],
      ],
      [6, [['5', '4', '3', '2', '1', '0']]],
      [10000, [['5', '4', '3', '2', '1', '0']]],
    ])('follows the Link header through pages of %i', async (limit, expected) => {
      const pages: string[][] = [];
      for (let path: string | undefined = `${pathOf('p')}/history?limit=${limit}`; path !== undefined;) {
        const answer: Answer = await ok('GET', path);
        pages.push((answer.json as Version[]).map((version) => version.customer.Name));
        path = /^<(.*)>; rel="next"$/.exec(String(answer.headers['link']))?.[1];
      }
      expect(pages).toEqual(expected);
    });

    it('shows changes across a page border and is not shifted by new versions', async () => {
      const { headers } = await ok('GET', `${pathOf('p')}/history?limit=2`);
      await patch('p', { Name: '6' });
      const [, next = ''] = /^<(.*)>/.exec(String(headers['link'])) ?? [];
      const [version] = (await ok('GET', next)).json as Version[];
      expect(version?.changes).toEqual([{ field: 'Name', from: '2', to: '3' }]);
    });

    it.each(['limit=0', 'limit=10001', 'limit=x', 'after=x', 'after=aWQ6MS4x', 'before=1', 'recorded_at=0'])(
      'refuses ?%s',
      async (query) => {
        const answer = await caller.call('GET', `${pathOf('p')}/history?${query}`);
        expect(answer.status).toBe(422);
        expect(answer.json).toMatchObject({ errors: [{ field: query.split('=')[0] }] });
      },
    );
  });

  describe('read as of a moment', () => {
    it('answers with the version that was current then, or 404', async () => {
      const id = await create('v', { Name: 'first' });
      clock.at = START + 1000;
      await patch('v', { Name: 'second' });
      clock.at = START + 2000;
      await remove('v');
      clock.at = START + 3000;
      const next = await create('v', { Name: 'next' });
      expect(next).toBeGreaterThan(id);
      const moments = [-1, 0, 999, 1000, 1999, 2000, 2999, 3000, 86_400_000];
      const found = await Promise.all(moments.map((moment) => nameAsOf('v', START + moment)));
      expect(found).toEqual([404, 'first', 'first', 'second', 'second', 404, 404, 'next', 'next']);
      const then = await ok('GET', `${pathOf('v')}?recorded_at=${new Date(START).toISOString()}`);
      expect(then.text).toBe(toJson(id, customer('v', { Name: 'first' })));
    });

    it('finds a customer under the UserID that it had then', async () => {
      const id = await create('before');
      clock.at = START + 1000;
      await patch('before', { UserID: 'after', Name: 'renamed' });
      clock.at = START + 2000;
      await create('before', { Name: 'another' });
      clock.at = START + 3000;
      await remove('after');
      const moments = [0, 1000, 2000, 3000];
      const under = (userId: string): Promise<unknown[]> =>
        Promise.all(moments.map((moment) => nameAsOf(userId, START + moment)));
      expect(await under('before')).toEqual(['Trisul', 404, 'another', 'another']);
      expect(await under('after')).toEqual([404, 'renamed', 'renamed', 404]);
      const { json } = await ok('GET', `${pathOf('after')}?recorded_at=${START / 1000 + 1}`);
      expect(json).toMatchObject({ id });
    });

    it.each([
      ['2026-11-24T00:00:00Z', 'first'],
      ['2026-11-24T05:30:00%2B05:30', 'first'],
      ['2026-11-24T05:30:00+05:30', 'first'],
      ['2026-11-23T20:00:00-04:00', 'first'],
      ['2026-11-23T23:59:59.999Z', 404],
      ['1795478400', 'first'],
      ['1795478399', 404],
      ['0', 404],
      ['2026-11-24T00:00:01.500Z', 'second'],
      ['2026-11-24T00:00:01.499Z', 'first'],
      ['9999-12-31T23:59:59Z', 'second'],
    ])('takes %s and answers %p', async (moment, found) => {
      await create('m/é', { Name: 'first' });
      clock.at = START + 1500;
      await patch('m/é', { Name: 'second' });
      expect(await nameAsOf('m/é', moment)).toBe(found);
    });

    it.each(['', 'now', '-1', '1.5', '2026-11-24', '2026-11-24T00:00:00', '2026-02-30T00:00:00Z', '1e3'])(
      'refuses the moment %j',
      async (moment) => {
        await create('bad');
        const answer = await caller.call('GET', `${pathOf('bad')}?recorded_at=${moment}`);
        expect(answer.status).toBe(422);
        expect(answer.json).toMatchObject({
          code: 'validation_failed',
          errors: [
            {
              field: 'recorded_at',
              message: 'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
            },
          ],
        });
      },
    );

    it('answers with the ETag of that version', async () => {
      await create('tagged');
      const { headers: before } = await ok('GET', pathOf('tagged'));
      clock.at += 1000;
      await patch('tagged', { Name: 'N' });
      const { headers: then } = await ok('GET', `${pathOf('tagged')}?recorded_at=${START / 1000}`);
      expect(then['etag']).toBe(before['etag']);
      expect((await ok('GET', pathOf('tagged'))).headers['etag']).not.toBe(before['etag']);
    });
  });

  describe('after a write that changes nothing', () => {
    const same = customer('same', { Address: null, Email: '' });

    it.each<[string, object]>([
      ['PUT', same],
      ['PATCH', same],
      ['PATCH', { Name: 'Trisul' }],
      ['PATCH', { Address: null }],
      ['PATCH', { Email: '' }],
      ['PATCH', { UserID: 'same' }],
    ])('has no new version, ETag or change in the feed: %s %j', async (method, body) => {
      const id = await create('same', same);
      const { headers } = await ok('GET', pathOf('same'));
      clock.at += 1000;
      const answer = await ok(method, pathOf('same'), body);
      expect([answer.text, answer.headers['etag']]).toEqual([toJson(id, same), headers['etag']]);
      expect((await ok('GET', pathOf('same'))).headers['etag']).toBe(headers['etag']);
      expect(await changesOf('same')).toEqual(['created same']);
      expect((await ok('GET', `${LIST}?updated_since=${clock.at / 1000}`)).text).toBe('[]');

      await create('next');
      const feed = async (): Promise<Version[]> => (await ok('GET', FEED)).json as Version[];
      await until(async () => (await feed()).some((change) => change.customer.UserID === 'next'));
      expect((await feed()).map((change) => change.customer.UserID)).toEqual(['same', 'next']);
    });
  });

  it('stays in order when the clock goes back', async () => {
    await create('back', { Name: '0' });
    const tags = [(await ok('GET', pathOf('back'))).headers['etag']];
    for (const Name of ['1', '2']) {
      clock.at -= TEN_MINUTES;
      tags.push((await patch('back', { Name })).headers['etag']);
    }
    clock.at -= TEN_MINUTES;
    await remove('back');
    const versions = await history('back');
    expect(versions.map((version) => [version.customer.Name, version.change, version.recorded_at])).toEqual([
      ['2', 'deleted', '2026-11-24T00:00:00.003Z'],
      ['2', 'updated', '2026-11-24T00:00:00.002Z'],
      ['1', 'updated', '2026-11-24T00:00:00.001Z'],
      ['0', 'created', '2026-11-24T00:00:00.000Z'],
    ]);
    expect(new Set(tags).size).toBe(3);
    const found = await Promise.all([0, 1, 2, 3].map((n) => nameAsOf('back', START + n)));
    expect(found).toEqual(['0', '1', '2', 404]);
  });

  it('stays in order when all versions fall in the same millisecond', async () => {
    await create('fast', { Name: '0' });
    const names = ['1', '2', '3'];
    for (const Name of names) await patch('fast', { Name });
    const versions = await history('fast');
    expect(versions.map(({ customer: { Name } }) => Name)).toEqual(['3', '2', '1', '0']);
    expect(versions.map(({ changes }) => changes[0]?.from)).toEqual(['2', '1', '0', undefined]);
  });

  it('keeps its context from being deleted, even when no customer is left', async () => {
    const name = await newContext(service());
    const elsewhere = await newCaller(service(), { contexts: [name] });
    const path = `/api/admin/contexts/${name}`;
    await ok('POST', LIST, customer('last'), elsewhere);
    await ok('DELETE', pathOf('last'), {}, elsewhere);
    expect((await ok('GET', LIST, {}, elsewhere)).text).toBe('[]');
    const refused = await service().admin('DELETE', path);
    expect(refused.status).toBe(409);
    expect(refused.json).toMatchObject({ code: 'context_not_empty' });
    expect((await ok('GET', `${pathOf('last')}/history`, {}, elsewhere)).json).toHaveLength(2);

    const empty = await newContext(service());
    expect((await service().admin('DELETE', `/api/admin/contexts/${empty}`)).status).toBe(200);
  });

  it('gets no version from a refused write', async () => {
    await create('taken');
    await create('kept');
    const refused = [
      await caller.call('POST', LIST, { body: customer('kept') }),
      await caller.call('PATCH', pathOf('kept'), { body: { UserID: 'taken', Name: 'N' } }),
      await caller.call('PATCH', pathOf('kept'), { body: { Name: ' ' } }),
      await caller.call('DELETE', pathOf('kept'), { headers: { 'if-match': '"x"' } }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([409, 409, 422, 412]);
    expect(await changesOf('kept')).toEqual(['created kept']);
  });
});
