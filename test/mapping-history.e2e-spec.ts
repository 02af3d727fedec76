import { beforeEach, describe, expect, it } from '@jest/globals';
import { auditTrail, type Entry } from './support/audit.js';
import { newCaller, type Caller } from './support/callers.js';
import { pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { addCustomer, addMapping, mappingPath, mappingsOf, type Mapping } from './support/mappings.js';
import type { Answer } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { useService } from './support/use-service.js';

const START = Date.parse('2026-11-24T00:00:00Z');
const MINUTE = 60_000;
/** The members of a version, in order. */
const MEMBERS = 'recorded_at,change,user,token_id,token,address,changes,mapping';

interface Version {
  readonly recorded_at: string;
  readonly change: string;
  readonly changes: readonly object[];
  readonly mapping: Mapping;
}

describe.each(databaseKinds)("the history of a customer's mappings on $name", (kind) => {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: clock.adapt });
  let caller: Caller;

  beforeEach(async () => {
    clock.at = START;
    caller = await newCaller(service(), { token: { label: 'CRM of Chennai' } });
    await addCustomer(caller, 'U1');
    await addCustomer(caller, 'U2');
  });

  const historyOf = (userId: string, query = ''): string => `${mappingsOf(userId)}/history${query}`;
  const ok = async (method: string, path: string, body: object = {}, by = caller): Promise<Answer> => {
    const answer = await by.call(method, path, { body });
    expect([method, path, answer.status]).toEqual([method, path, 200]);
    return answer;
  };
  /** Advances the clock by a minute before the call. */
  const later = (method: string, path: string, body: object = {}, by = caller): Promise<Answer> => {
    clock.at += MINUTE;
    return ok(method, path, body, by);
  };
  const history = async (userId: string, query = '', by = caller): Promise<Version[]> =>
    (await ok('GET', historyOf(userId, query), {}, by)).json as Version[];
  /** The change and the subnet of each version. */
  const changesOf = async (userId: string, query = ''): Promise<string[]> =>
    (await history(userId, query)).map(({ change, mapping }) => `${change} ${mapping.ipsubnet}`);
  const expectRefused = async (path: string, code: string, by = caller): Promise<void> => {
    const answer = await by.call('GET', path);
    expect([path, answer.status, answer.json]).toMatchObject([path, 404, { code }]);
  };
  const authored = ({ credentials, tokenId }: Caller, token: string) => ({
    user: credentials.username,
    token_id: tokenId,
    token,
    address: '127.0.0.1',
  });

  it('lists every version, newest first, with its time, its author and its changes', async () => {
    const other = await newCaller(service(), { contexts: [caller.credentials.contextname] });
    const made = await addMapping(caller, 'U1', '192.168.1.25/16', 100, 199);
    const path = mappingPath('U1', made);
    const changed = { ...made, ipsubnet: '192.168.1.25/17', starttime: 150, endtime: null, terminalid: '' };
    const { id, ipdr_customer_id, ...body } = changed;
    await later('PATCH', path, body, other);
    await later('PATCH', path, { endtime: 5000 });
    await later('PATCH', path, { endtime: 5000 }); // changes nothing
    await later('DELETE', path, {}, other);

    const answer = await ok('GET', historyOf('U1'));
    expect(answer.json).toEqual([
      {
        recorded_at: '2026-11-24T00:04:00.000Z',
        change: 'deleted',
        ...authored(other, ''),
        changes: [],
        mapping: { ...changed, endtime: 5000 },
      },
      {
        recorded_at: '2026-11-24T00:02:00.000Z',
        change: 'updated',
        ...authored(caller, 'CRM of Chennai'),
        changes: [{ field: 'endtime', from: null, to: 5000 }],
        mapping: { ...changed, endtime: 5000 },
      },
      {
        recorded_at: '2026-11-24T00:01:00.000Z',
        change: 'updated',
        ...authored(other, ''),
        changes: [
          { field: 'ipsubnet', from: '192.168.1.25/16', to: '192.168.1.25/17' },
          { field: 'starttime', from: 100, to: 150 },
          { field: 'endtime', from: 199, to: null },
          { field: 'terminalid', from: 'TERM12345', to: '' },
        ],
        mapping: changed,
      },
      {
        recorded_at: '2026-11-24T00:00:00.000Z',
        change: 'created',
        ...authored(caller, 'CRM of Chennai'),
        changes: [],
        mapping: made,
      },
    ]);
    expect(new Set((answer.json as object[]).map((version) => Object.keys(version).join()))).toEqual(
      new Set([MEMBERS]),
    );
    expect(answer.text).toContain(`"mapping":${JSON.stringify(made)}`);
    expect(answer.headers['link']).toBeUndefined();
    expect([id, ipdr_customer_id]).toEqual([made.id, made.ipdr_customer_id]);
  });

  it('shows a reassignment as the end of one mapping and the creation of another', async () => {
    const held = await addMapping(caller, 'U1', '192.0.2.0/24', 100, 199);
    await later('POST', `${mappingPath('U1', held)}/reassign?dry_run=true`, { UserID: 'U2', starttime: 150 });
    const { json } = await ok('POST', `${mappingPath('U1', held)}/reassign`, {
      UserID: 'U2',
      starttime: 150,
    });
    const { ended, created } = json as { ended: Mapping; created: Mapping };
    expect(await history('U1')).toMatchObject([
      { change: 'updated', changes: [{ field: 'endtime', from: 199, to: 149 }], mapping: ended },
      { change: 'created', changes: [], mapping: held },
    ]);
    expect(await history('U2')).toMatchObject([{ change: 'created', changes: [], mapping: created }]);
  });

  it('shows which mappings ended or were withdrawn with their customer, and by whom', async () => {
    const other = await newCaller(service(), { contexts: [caller.credentials.contextname] });
    const open = await addMapping(caller, 'U1', '192.0.2.1', 100);
    const toCome = await addMapping(caller, 'U1', '192.0.2.2', START / 1000 + 5000);
    await addMapping(caller, 'U1', '192.0.2.3', 100, 199);
    await later('DELETE', pathOf('U1'), {}, other);
    const end = clock.at / 1000 - 1;
    const versions = await history('U1');
    expect(versions.slice(0, 2)).toMatchObject([
      {
        change: 'updated',
        ...authored(other, ''),
        changes: [{ field: 'endtime', from: null, to: end }],
        mapping: { ...open, endtime: end },
      },
      { change: 'deleted', ...authored(other, ''), changes: [], mapping: toCome },
    ]);
    expect(versions).toHaveLength(5);
  });

  it('is the same under every UserID that the customer has had', async () => {
    await addMapping(caller, 'U1', '192.0.2.1');
    await ok('PATCH', pathOf('U1'), { UserID: 'two/é' });
    await addMapping(caller, 'two/é', '192.0.2.2');
    await ok('PATCH', pathOf('two/é'), { UserID: 'three' });
    await ok('DELETE', pathOf('three'));
    const versions = await history('U1');
    expect(versions.map(({ change }) => change)).toEqual(['updated', 'updated', 'created', 'created']);
    for (const userId of ['two/é', 'two/e\u0301', 'three']) expect(await history(userId)).toEqual(versions);
  });

  it('covers all customers who have had the UserID, one after the other', async () => {
    await addMapping(caller, 'U1', '192.0.2.1', 0, 5);
    await ok('DELETE', pathOf('U1'));
    await addCustomer(caller, 'U1');
    await addMapping(caller, 'U1', '192.0.2.2', 0, 5);
    await ok('PATCH', pathOf('U1'), { UserID: 'moved' });
    await ok('PATCH', pathOf('U2'), { UserID: 'U1' });
    await addMapping(caller, 'U1', '192.0.2.3', 0, 5);
    const all = ['created 192.0.2.3', 'created 192.0.2.2', 'created 192.0.2.1'];
    expect(await changesOf('U1')).toEqual(all);
    expect(await changesOf('moved')).toEqual(all.slice(1, 2));
    expect(await changesOf('U2')).toEqual(all.slice(0, 1));
  });

  it('is empty for a customer without mappings, and not found for an unknown UserID', async () => {
    expect((await ok('GET', historyOf('U1'))).text).toBe('[]');
    await ok('DELETE', pathOf('U2'));
    expect((await ok('GET', historyOf('U2'))).text).toBe('[]');
    for (const userId of ['nobody', 'u1', 'U1 ', 'history']) {
      await expectRefused(historyOf(userId), 'customer_not_found');
    }
  });

  it('can be narrowed to one mapping by its id', async () => {
    const [first, second] = [
      await addMapping(caller, 'U1', '192.0.2.1'),
      await addMapping(caller, 'U1', '192.0.2.2'),
    ];
    const others = await addMapping(caller, 'U2', '192.0.2.3');
    await ok('DELETE', mappingPath('U1', first));
    await ok('PATCH', mappingPath('U1', second), { endtime: 5 });
    const only = ({ id }: Mapping): string => `?id=${id}`;
    expect(await changesOf('U1', only(first))).toEqual(['deleted 192.0.2.1', 'created 192.0.2.1']);
    expect(await history('U1', only(second))).toMatchObject([
      { change: 'updated', changes: [{ field: 'endtime', from: null, to: 5 }] },
      { change: 'created', changes: [] },
    ]);
    await ok('DELETE', pathOf('U1'));
    expect(await changesOf('U1', only(first))).toHaveLength(2);
    for (const query of [only(others), '?id=0', `?id=${'9'.repeat(15)}`]) {
      await expectRefused(historyOf('U1', query), 'mapping_not_found');
    }
    await expectRefused(historyOf('nobody', only(first)), 'customer_not_found');
  });

  it('never shows versions of another context', async () => {
    const there = await newCaller(service());
    await addCustomer(there, 'U1');
    await addCustomer(there, 'only there');
    const theirs = await addMapping(there, 'U1', '192.0.2.1');
    await addMapping(there, 'only there', '192.0.2.2');
    expect(await history('U1')).toEqual([]);
    await expectRefused(historyOf('only there'), 'customer_not_found');
    await expectRefused(historyOf('U1', `?id=${theirs.id}`), 'mapping_not_found');
    const mine = await addMapping(caller, 'U1', '192.0.2.1');
    expect(await history('U1')).toMatchObject([{ mapping: mine }]);
    expect(await history('U1', '', there)).toMatchObject([{ mapping: theirs }]);
  });

  it('is open to readers, and outlives the user and the token that wrote it', async () => {
    const { contextname } = caller.credentials;
    const leaver = await newCaller(service(), { contexts: [contextname] });
    await addMapping(leaver, 'U1', '192.0.2.1');
    await service().admin('DELETE', `/api/admin/users/${leaver.credentials.username}`);
    const reader = await newCaller(service(), {
      role: 'reader',
      contexts: [contextname],
      token: { scope: 'read' },
    });
    expect(await history('U1', '', reader)).toMatchObject([{ change: 'created', ...authored(leaver, '') }]);
  });

  describe('read page by page', () => {
    let first: Mapping;

    beforeEach(async () => {
      first = await addMapping(caller, 'U1', '192.0.2.1', 0, 0);
      await addMapping(caller, 'U1', '192.0.2.2');
      for (const endtime of [1, 2, 3]) await ok('PATCH', mappingPath('U1', first), { endtime });
      await ok('DELETE', mappingPath('U1', first));
    });

    const ALL = ['deleted 1', 'updated 1', 'updated 1', 'updated 1', 'created 2', 'created 1'];

    it.each([
      { limit: 1, isNarrowed: false, lengths: [1, 1, 1, 1, 1, 1] },
      { limit: 4, isNarrowed: false, lengths: [4, 2] },
      { limit: 6, isNarrowed: false, lengths: [6] },
      { limit: 10_000, isNarrowed: false, lengths: [6] },
      { limit: 2, isNarrowed: true, lengths: [2, 2, 1] },
    ])('follows the Link header through pages of $limit', async ({ limit, isNarrowed, lengths }) => {
      const id = isNarrowed ? `&id=${first.id}` : '';
      const pages: string[][] = [];
      const start = historyOf('U1', `?limit=${limit}${id}`);
      for (let path: string | undefined = start; path !== undefined;) {
        const answer: Answer = await ok('GET', path);
        pages.push(
          (answer.json as Version[]).map((version) => `${version.change} ${version.mapping.ipsubnet.at(-1)}`),
        );
        path = /^<(.*)>; rel="next"$/.exec(String(answer.headers['link']))?.[1];
      }
      expect(pages.map(({ length }) => length)).toEqual(lengths);
      expect(pages.flat()).toEqual(isNarrowed ? ALL.filter((each) => each !== 'created 2') : ALL);
    });

    it('shows changes across a page border and is not shifted by new versions', async () => {
      const { headers } = await ok('GET', historyOf('U1', '?limit=2'));
      await addMapping(caller, 'U1', '192.0.2.3');
      const [, next = ''] = /^<(.*)>/.exec(String(headers['link'])) ?? [];
      const [version] = (await ok('GET', next)).json as Version[];
      expect(version?.changes).toEqual([{ field: 'endtime', from: 1, to: 2 }]);
    });

    it.each([
      'limit=0',
      'limit=10001',
      'limit=x',
      'after=x',
      'after=aWQ6MS4x',
      'id=',
      'id=x',
      'id=-1',
      'id=1.5',
      'id=1&id=2',
      `id=${'9'.repeat(16)}`,
      'before=1',
      'recorded_at=0',
      'UserID=U1',
    ])('refuses ?%s', async (query) => {
      const answer = await caller.call('GET', historyOf('U1', `?${query}`));
      expect(answer).toMatchObject({ status: 422, json: { errors: [{ field: query.split('=')[0] }] } });
    });
  });

  it('is audited with its filter, whether or not anything was found', async () => {
    const { id } = await addMapping(caller, 'U1', '192.0.2.1');
    await ok('PATCH', mappingPath('U1', { id }), { endtime: 5 });
    const { headers } = await ok('GET', historyOf('U1', '?limit=1'));
    const [, next = ''] = /^<(.*)>/.exec(String(headers['link'])) ?? [];
    const after = new URLSearchParams(next.split('?')[1]).get('after');
    await ok('GET', next);
    await ok('GET', historyOf('U1', `?id=${id}`));
    await ok('GET', historyOf('U2'));
    await expectRefused(historyOf('U2', `?id=${id}&limit=5`), 'mapping_not_found');
    await expectRefused(historyOf('no/e\u0301'), 'customer_not_found');
    const context = encodeURIComponent(caller.credentials.contextname);
    const entries = await auditTrail(service(), `action=mapping.history_read&context=${context}`);
    expect(entries.map(({ user, UserID, details }: Entry) => [user, UserID, details])).toEqual(
      [
        ['no/é', { filter: {}, records: 0 }],
        ['U2', { filter: { id: String(id), limit: '5' }, records: 0 }],
        ['U2', { filter: {}, records: 0 }],
        ['U1', { filter: { id: String(id) }, records: 2 }],
        ['U1', { filter: { limit: '1', after }, records: 1 }],
        ['U1', { filter: { limit: '1' }, records: 1 }],
      ].map((entry) => [caller.credentials.username, ...entry]),
    );
  });

  it('cannot be changed or deleted: its path means no mapping to PATCH and DELETE', async () => {
    for (const [method, body] of [
      ['PATCH', { terminalid: 'x' }],
      ['DELETE', {}],
    ] as const) {
      const answer = await caller.call(method, historyOf('U1'), { body });
      expect(answer).toMatchObject({ status: 404, json: { code: 'mapping_not_found' } });
    }
  });
});
