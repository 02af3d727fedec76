import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { addAccessCommands } from '../src/access/infrastructure/access.commands.js';
import { CommandLine } from '../src/shared/command-line.js';
import { auditTrail, exportTrail, sealNow, untilSealed, verify, type Entry } from './support/audit.js';
import { asHeaders, newCaller, type Caller } from './support/callers.js';
import type { Answer, Call } from './support/client.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { describeOn } from './support/describe-on.js';
import { dump } from './support/dump.js';
import { fillCustomers } from './support/fill.js';
import {
  addCustomer,
  addMapping,
  MAPPINGS,
  mappingPath,
  mappingsOf,
  type Mapping,
} from './support/mappings.js';
import { NO_LIMITS, TestService } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { useService } from './support/use-service.js';
import { withDataSource } from './support/with-data-source.js';

const LIST = '/api/ipdrcustomers';
const AUDIT = '/api/admin/audit';
const ADDRESS = '203.0.113.7';
const LABEL = 'CRM, "Chennai" – ☎';
const START = Date.parse('2026-11-24T08:48:06.123Z');
const NDJSON = { accept: 'application/x-ndjson' };

type Unsealed = Omit<Entry, 'block'>;

/** From an address that the proxy tells of. */
const from = (call: Call = {}): Call => ({
  ...call,
  headers: { ...call.headers, 'x-forwarded-for': ADDRESS },
});

describe.each(databaseKinds)('what is done is on record, on $name:', (kind) => {
  const clock = new TestClock();
  const { service, database } = useService(kind, { adapt: clock.adapt, env: { TRUST_PROXY: '127.0.0.1' } });

  beforeEach(() => {
    clock.at = START;
  });

  const count = (): Promise<number> =>
    withDataSource(database().configuration, async (dataSource) => {
      const sql = 'SELECT COUNT(*) AS count FROM audit_entries';
      const [row] = await dataSource.query<{ count: number | string }[]>(sql);
      return Number(row?.count);
    });
  /** What is on record of a caller, the newest first; without the blocks, in which it is a moment later. */
  const entriesOf = async ({ credentials }: Caller): Promise<Unsealed[]> =>
    (await auditTrail(service(), `user=${credentials.username}`)).map((entry) => without(entry, 'block'));
  /** An entry about what `caller` does now, as it must be. */
  const entryOf = (
    { credentials, tokenId }: Caller,
    action: string,
    UserID: string | null,
    details: object,
  ): object => ({
    id: expect.any(Number),
    at: new Date(clock.at).toISOString(),
    action,
    user: credentials.username,
    token_id: tokenId,
    token: LABEL,
    address: ADDRESS,
    context: credentials.contextname,
    UserID,
    details,
  });

  describe('with a customer U1,', () => {
    let caller: Caller;
    let id: number;

    beforeEach(async () => {
      caller = await newCaller(service(), { token: { label: LABEL } });
      const answer = await caller.call('POST', LIST, from({ body: customer('U1') }));
      ({ id } = answer.json as { id: number });
      clock.at += 1000;
    });

    it.each<[string, string, Call | undefined, string, string, object]>([
      ['PUT', pathOf('U1'), { body: customer('U1', { Name: 'N' }) }, 'customer.updated', 'U1', {}],
      ['PUT', pathOf('U1'), { body: customer('é/2') }, 'customer.updated', 'U1', { renamed_to: 'é/2' }],
      ['PATCH', pathOf('U1'), { body: { Address: null } }, 'customer.updated', 'U1', {}],
      [
        'PATCH',
        pathOf('U1'),
        { headers: { 'if-match': '*' }, body: { Name: 'N' } },
        'customer.updated',
        'U1',
        {},
      ],
      ['DELETE', pathOf('U1'), undefined, 'customer.deleted', 'U1', {}],
    ])('%s %s %j', async (method, path, call, action, userId, details) => {
      expect((await caller.call(method, path, from(call))).status).toBe(200);
      const [entry, created, ...rest] = await entriesOf(caller);
      expect(entry).toEqual(entryOf(caller, action, userId, { id, ...details }));
      expect(created).toMatchObject({ action: 'customer.created', UserID: 'U1', details: { id } });
      expect(rest).toEqual([]);
    });

    it('POST, with the id of the new customer', async () => {
      const answer = await caller.call('POST', LIST, from({ body: customer('U2') }));
      const details = { id: (answer.json as { id: number }).id };
      expect(await entriesOf(caller)).toEqual([
        entryOf(caller, 'customer.created', 'U2', details),
        expect.objectContaining({ action: 'customer.created', UserID: 'U1' }),
      ]);
    });

    it.each<[string, string, Call | undefined, number, string, string | null, object]>([
      ['PATCH', pathOf('U1'), { body: { Name: 'Trisul' } }, 200, 'customer.unchanged', 'U1', {}],
      ['PUT', pathOf('U1'), { body: customer('U1') }, 200, 'customer.unchanged', 'U1', {}],
      ['GET', pathOf('U1'), undefined, 200, 'customer.read', 'U1', { records: 1 }],
      [
        'GET',
        pathOf('U1'),
        { headers: { 'if-none-match': '*' } },
        304,
        'customer.read',
        'U1',
        { records: 1 },
      ],
      ['GET', pathOf('nobody'), undefined, 404, 'customer.read', 'nobody', { records: 0 }],
      ['GET', pathOf('e\u0301'), undefined, 404, 'customer.read', 'é', { records: 0 }],
      ['GET', pathOf('nul\0'), undefined, 404, 'customer.read', 'nul\0', { records: 0 }],
      [
        ...(['GET', `${pathOf('U1')}?recorded_at=2026-11-24T08:48:07Z`, undefined, 200] as const),
        ...(['customer.read', 'U1', { recorded_at: '2026-11-24T08:48:07.000Z', records: 1 }] as const),
      ],
      [
        ...(['GET', `${pathOf('U1')}?recorded_at=5`, undefined, 404] as const),
        ...(['customer.read', 'U1', { recorded_at: '1970-01-01T00:00:05.000Z', records: 0 }] as const),
      ],
      [
        ...(['GET', `${pathOf('U1')}/history?limit=7`, undefined, 200] as const),
        ...(['customer.history_read', 'U1', { filter: { limit: '7' }, records: 1 }] as const),
      ],
      [
        'GET',
        `${pathOf('nobody')}/history`,
        undefined,
        404,
        'customer.history_read',
        'nobody',
        { filter: {}, records: 0 },
      ],
      ['GET', LIST, undefined, 200, 'customers.listed', null, { filter: {}, records: 1 }],
      ['GET', LIST, { headers: NDJSON }, 200, 'customers.listed', null, { filter: {}, records: 1 }],
      [
        ...(['GET', `${LIST}?search=TRI&limit=7`, { body: { Name: 'Trisul', Address: null } }, 200] as const),
        ...(['customers.listed', null] as const),
        { filter: { search: 'TRI', limit: '7', Name: 'Trisul', Address: null }, records: 0 },
      ],
      [
        ...(['GET', `${LIST}?UserID=U1&updated_since=0`, undefined, 200, 'customers.listed', null] as const),
        { filter: { UserID: 'U1', updated_since: '0' }, records: 1 },
      ],
    ])('%s %s %j (%i)', async (method, path, call, status, action, userId, details) => {
      expect((await caller.call(method, path, from(call))).status).toBe(status);
      const [entry, ...rest] = await entriesOf(caller);
      const isFound = userId === 'U1' && status < 400 && !('filter' in details);
      expect(entry).toEqual(entryOf(caller, action, userId, { ...(isFound && { id }), ...details }));
      expect(rest).toEqual([expect.objectContaining({ action: 'customer.created' })]);
    });

    it('HEAD, which tells that there is such a customer', async () => {
      const headers = asHeaders(caller.credentials);
      const answer = await service().callAs({}, 'HEAD', pathOf('U1'), from({ raw: '', headers }));
      expect(answer.status).toBe(200);
      const [entry, ...rest] = await entriesOf(caller);
      expect(entry).toEqual(entryOf(caller, 'customer.read', 'U1', { id, records: 1 }));
      expect(rest).toHaveLength(1);
    });

    it('the change feed, by how many changes it told', async () => {
      await sealNow(service());
      const answer = await caller.call('GET', '/api/ipdrcustomers_changes?limit=7', from());
      expect(answer.json).toHaveLength(1);
      const [entry, ...rest] = await entriesOf(caller);
      expect(entry).toEqual(
        entryOf(caller, 'customers.changes_read', null, { filter: { limit: '7' }, records: 1 }),
      );
      expect(rest).toHaveLength(1);
    });

    it('a page, by what is in it, and every further one', async () => {
      for (const UserID of ['U2', 'U3']) await caller.call('POST', LIST, { body: customer(UserID) });
      const first = await caller.call('GET', `${LIST}?limit=2`, from());
      const [, next = ''] = /<(.*)>/.exec(String(first.headers['link'])) ?? [];
      expect((await caller.call('GET', next, from())).json).toHaveLength(1);
      const after = new URLSearchParams(next.split('?')[1]).get('after');
      const [second, entry, ...rest] = await entriesOf(caller);
      expect(second).toEqual(
        entryOf(caller, 'customers.listed', null, { filter: { limit: '2', after }, records: 1 }),
      );
      expect(entry).toEqual(
        entryOf(caller, 'customers.listed', null, { filter: { limit: '2' }, records: 2 }),
      );
      expect(rest).toHaveLength(3);
    });

    it('a write that is repeated under an Idempotency-Key, as what it is', async () => {
      const call = from({ body: customer('U2'), headers: { 'idempotency-key': randomUUID() } });
      const [first, again] = [await caller.call('POST', LIST, call), await caller.call('POST', LIST, call)];
      expect(again).toMatchObject({ status: 200, text: first.text });
      const [entry, ...rest] = await entriesOf(caller);
      expect(entry).toEqual(entryOf(caller, 'answer.repeated', 'U2', { route: `POST ${LIST}` }));
      expect(rest.map(({ action }) => action)).toEqual(['customer.created', 'customer.created']);
    });

    it.each(['😀'.repeat(128), `x${'😀'.repeat(127)}`])(
      'a UserID as long as it may be: %s',
      async (UserID) => {
        expect((await caller.call('POST', LIST, from({ body: customer(UserID) }))).status).toBe(200);
        expect(await auditTrail(service(), `UserID=${encodeURIComponent(UserID)}`)).toContainEqual(
          expect.objectContaining(entryOf(caller, 'customer.created', UserID, { id: expect.any(Number) })),
        );
      },
    );

    it('a UserID that is longer than any may be, by its beginning', async () => {
      expect((await caller.call('GET', pathOf('x'.repeat(3000)), from())).status).toBe(404);
      const [entry] = await entriesOf(caller);
      expect(entry).toEqual(entryOf(caller, 'customer.read', 'x'.repeat(128), { records: 0 }));
    });

    it('each of fifty reads that come at the same moment', async () => {
      const users = Array.from({ length: 50 }, (_, n) => `nobody-${n}`);
      const answers = await Promise.all(users.map((user) => caller.call('GET', pathOf(user), from())));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
      const entries = (await entriesOf(caller)).filter(({ action }) => action === 'customer.read');
      expect(entries).toHaveLength(50);
      expect(entries).toEqual(
        expect.arrayContaining(users.map((user) => entryOf(caller, 'customer.read', user, { records: 0 }))),
      );
    });

    describe('who holds an address,', () => {
      let mapping: Mapping;
      let path: string;

      beforeEach(async () => {
        mapping = await addMapping(caller, 'U1', '192.0.2.0/24', 100, 199);
        path = mappingPath('U1', mapping);
        clock.at += 1000;
      });

      const { ipsubnet, ...without } = { ipsubnet: '192.0.2.0/24', starttime: 100, endtime: 199 };
      const [flat, one] = [`${MAPPINGS}/U1`, `${mappingsOf('U1')}/:id`];
      const decomposed = mappingsOf('Ame\u0301lie');
      // Where, whose and when it is, is in the versions alone: what is on record stays when they are purged.
      it.each<[string, string, Call, number, string, string | null, object]>([
        ['PATCH', one, { body: { terminalid: 'x' } }, 200, 'mapping.updated', 'U1', {}],
        ['PATCH', one, { body: { ipsubnet, ...without } }, 200, 'mapping.unchanged', 'U1', {}],
        ['PUT', flat, { body: { starttime: 0 } }, 200, 'mapping.updated', 'U1', {}],
        ['PUT', flat, { body: { ipsubnet } }, 200, 'mapping.unchanged', 'U1', {}],
        ['DELETE', one, {}, 200, 'mapping.deleted', 'U1', {}],
        ['DELETE', flat, { body: { UserID: 'U1' } }, 200, 'mapping.deleted', 'U1', {}],
        ['GET', one, {}, 200, 'mapping.read', 'U1', { records: 1 }],
        ['GET', one, { headers: { 'if-none-match': '*' } }, 304, 'mapping.read', 'U1', { records: 1 }],
        ['GET', `${mappingsOf('U1')}/0`, {}, 404, 'mapping.read', 'U1', { id: 0, records: 0 }],
        ['GET', `${mappingsOf('e\u0301')}/:id`, {}, 404, 'mapping.read', 'é', { records: 0 }],
        [
          ...(['GET', mappingsOf('e\u0301'), {}, 404, 'mappings.listed', 'é'] as const),
          { filter: {}, records: 0 },
        ],
        [
          ...(['GET', `${mappingsOf('nobody')}?limit=5`, {}, 404, 'mappings.listed', 'nobody'] as const),
          { filter: { limit: '5' }, records: 0 },
        ],
        [
          ...(['GET', MAPPINGS, { body: { UserID: 'nobody' } }, 404, 'mappings.listed', 'nobody'] as const),
          { filter: { UserID: 'nobody' }, records: 0 },
        ],
        [
          ...(['GET', `${mappingsOf('U1')}/history?limit=5`, {}, 200, 'mapping.history_read', 'U1'] as const),
          { filter: { limit: '5' }, records: 1 },
        ],
        ['GET', MAPPINGS, {}, 200, 'mappings.listed', null, { filter: {} }],
        ['GET', mappingsOf('U1'), {}, 200, 'mappings.listed', 'U1', { filter: {} }],
        ['GET', mappingsOf('U1'), { headers: NDJSON }, 200, 'mappings.listed', 'U1', { filter: {} }],
        [
          ...(['GET', `${MAPPINGS}?limit=5`, { body: { UserID: 'U1' } }, 200] as const),
          ...(['mappings.listed', 'U1', { filter: { limit: '5', UserID: 'U1' } }] as const),
        ],
      ])('%s %s %j (%i): %s', async (method, on, call, status, action, userId, details) => {
        const answer = await caller.call(method, on.replace(':id', String(mapping.id)), from(call));
        expect(answer.status).toBe(status);
        const [entry, ...rest] = await entriesOf(caller);
        const common =
          'filter' in details
            ? { records: 1 }
            : { id: mapping.id, ...(userId === 'U1' && { ipdr_customer_id: id }) };
        expect(entry).toEqual(entryOf(caller, action, userId, { ...common, ...details }));
        expect(rest.map((each) => each.action)).toEqual(['mapping.created', 'customer.created']);
      });

      it.each([MAPPINGS, mappingsOf('U1')])('POST %s, with the id of the mapping', async (on) => {
        const body = { ...(on === MAPPINGS && { UserID: 'U1' }), ...without, ipsubnet: '198.51.100.1' };
        const { json } = await caller.call('POST', on, from({ body }));
        const [entry, ...rest] = await entriesOf(caller);
        expect(entry).toEqual(
          entryOf(caller, 'mapping.created', 'U1', { id: (json as Mapping).id, ipdr_customer_id: id }),
        );
        expect(rest).toHaveLength(2);
      });

      it('under the UserID as the register has it', async () => {
        await addCustomer(caller, 'Amélie');
        await addMapping(caller, 'Amélie', '198.51.100.1');
        const before = await entriesOf(caller);
        for (const on of [decomposed, `${MAPPINGS}?UserID=Ame%CC%81lie`, `${decomposed}/0`]) {
          await caller.call('GET', on, from());
        }
        const entries = (await entriesOf(caller)).slice(0, -before.length);
        expect(entries.map(({ action, UserID }) => [action, UserID])).toEqual([
          ['mapping.read', 'Amélie'],
          ['mappings.listed', 'Amélie'],
          ['mappings.listed', 'Amélie'],
        ]);
      });

      it('when it was passed on: both, each with the other', async () => {
        const other = await addCustomer(caller, 'U2');
        const [before, body] = [await entriesOf(caller), { UserID: 'U2', starttime: 150 }];
        await caller.call('POST', `${path}/reassign?dry_run=true`, from({ body }));
        const { json } = await caller.call('POST', `${path}/reassign`, from({ body }));
        const next = (json as { created: Mapping }).created.id;
        expect((await entriesOf(caller)).slice(0, -before.length)).toEqual([
          entryOf(caller, 'mapping.created', 'U2', {
            id: next,
            ipdr_customer_id: other,
            reassigned_from: 'U1',
          }),
          entryOf(caller, 'mapping.updated', 'U1', {
            id: mapping.id,
            ipdr_customer_id: id,
            reassigned_to: 'U2',
          }),
          entryOf(caller, 'mapping.reassignment_tried', 'U1', {
            ...{ id: mapping.id, ipdr_customer_id: id, reassigned_to: 'U2', starttime: 150 },
          }),
        ]);
      });

      it.each([{}, { 'idempotency-key': 'k' }])(
        'when a refusal tells of it, with the headers %j',
        async (headers) => {
          await addCustomer(caller, 'U2');
          await addMapping(caller, 'U1', '198.51.100.1');
          const before = await entriesOf(caller);
          const body = { ipsubnet: '192.0.2.7', starttime: 150 };
          const overlap = await caller.call('POST', mappingsOf('U2'), from({ body, headers }));
          expect(overlap.json).toMatchObject({ code: 'mapping_overlap' });
          const ambiguous = await caller.call('PUT', flat, from({ body: { starttime: 0 }, headers }));
          expect(ambiguous.json).toMatchObject({ code: 'mapping_ambiguous' });
          expect((await entriesOf(caller)).slice(0, -before.length)).toEqual([
            entryOf(caller, 'mapping.refused', 'U1', { code: 'mapping_ambiguous', records: 2 }),
            entryOf(caller, 'mapping.refused', 'U1', {
              ...{ code: 'mapping_overlap', ipsubnet: '192.0.2.7', records: 1 },
            }),
          ]);
        },
      );

      it('when it is refused as a duplicate, which tells that it is there', async () => {
        const before = await entriesOf(caller);
        const body = { ...without, ipsubnet };
        const answer = await caller.call('POST', mappingsOf('U1'), from({ body }));
        expect(answer.json).toMatchObject({ code: 'mapping_duplicate' });
        const details = { code: 'mapping_duplicate', ipsubnet, records: 1 };
        expect((await entriesOf(caller)).slice(0, -before.length)).toEqual([
          entryOf(caller, 'mapping.refused', 'U1', details),
        ]);
      });

      it('when a refusal tells of it, with the network as it was worded, or as the mapping has it', async () => {
        await addCustomer(caller, 'U2');
        const other = await addMapping(caller, 'U2', '::ffff:192.0.2.7/128', 0, 99);
        const before = await entriesOf(caller);
        for (const body of [{ endtime: 150 }, { ipsubnet: '192.0.2.9/25', endtime: null }]) {
          const answer = await caller.call('PATCH', mappingPath('U2', other), from({ body }));
          expect(answer.json).toMatchObject({ code: 'mapping_overlap' });
        }
        const entries = (await entriesOf(caller)).slice(0, -before.length);
        expect(entries.map(({ details }) => details['ipsubnet'])).toEqual([
          '192.0.2.9/25',
          '::ffff:192.0.2.7/128',
        ]);
      });

      it('when its holder was deleted, before the deletion', async () => {
        const open = await addMapping(caller, 'U1', '192.0.2.1');
        const later = await addMapping(caller, 'U1', '192.0.2.2', 4_000_000_000);
        const before = await entriesOf(caller);
        expect((await caller.call('DELETE', pathOf('U1'), from())).status).toBe(200);
        expect((await entriesOf(caller)).slice(0, -before.length)).toEqual([
          entryOf(caller, 'customer.deleted', 'U1', { id }),
          entryOf(caller, 'mapping.updated', 'U1', { id: open.id, ipdr_customer_id: id }),
          entryOf(caller, 'mapping.deleted', 'U1', { id: later.id, ipdr_customer_id: id }),
        ]);
      });

      it.each<[number, string, string, Call]>([
        [404, 'POST', mappingsOf('nobody'), { body: { ipsubnet, ...without } }],
        [404, 'PATCH', `${mappingsOf('U1')}/0`, { body: { terminalid: 'x' } }],
        [412, 'DELETE', one, { headers: { 'if-match': '"x"' } }],
        [400, 'GET', one, { headers: { 'if-none-match': 'x' } }],
        [422, 'PUT', flat, { body: {} }],
        [422, 'POST', `${one}/reassign`, { body: { UserID: 'U1', starttime: 150 } }],
        [422, 'POST', `${one}/reassign?dry_run=true`, { body: { UserID: 'U1', starttime: 150 } }],
        [422, 'GET', `${MAPPINGS}?limit=0`, {}],
        [422, 'GET', `${mappingsOf('U1')}/history?id=x`, {}],
      ])('but not what was refused without a word of it: %i %s %s', async (status, method, on, call) => {
        const before = await count();
        expect((await caller.call(method, on.replace(':id', String(mapping.id)), call)).status).toBe(status);
        expect(await count()).toBe(before);
      });
    });

    it('under the names that everything had then', async () => {
      const { username, contextname } = caller.credentials;
      const admin = (method: string, path: string, body = {}): Promise<Answer> =>
        service().admin(method, `/api/admin/${path}`, { body });
      await admin('PATCH', `contexts/${contextname}`, { name: `${contextname}-new` });
      await admin('DELETE', `tokens/${caller.tokenId}`);
      expect((await admin('DELETE', `users/${username}`)).status).toBe(200);
      clock.at -= 1000;
      expect(await entriesOf(caller)).toEqual([entryOf(caller, 'customer.created', 'U1', { id })]);
    });
  });

  describe('of an administrator,', () => {
    let admin: Caller;

    beforeAll(async () => {
      admin = await newCaller(service(), { role: 'admin', token: { label: LABEL } });
    });

    const send = async (
      method: string,
      path: string,
      body: object = {},
    ): Promise<Record<string, unknown>> => {
      const answer = await admin.call(method, `/api/admin/${path}`, from({ body }));
      expect(answer.status).toBe(200);
      return answer.json as Record<string, unknown>;
    };
    /** The one entry that `work` made, if it made one. */
    const recorded = async (work: () => Promise<unknown>): Promise<Unsealed> => {
      const before = await entriesOf(admin);
      await work();
      const [entry, ...rest] = await entriesOf(admin);
      expect(rest).toEqual(before);
      return entry as Unsealed;
    };
    const expectEntry = async (
      work: () => Promise<unknown>,
      action: string,
      details: object,
    ): Promise<void> => {
      expect(await recorded(work)).toEqual(entryOf(admin, action, null, details));
    };

    it('what is done with contexts', async () => {
      const name = `c-${randomUUID()}`;
      const create = { name, enabled: false };
      await expectEntry(() => send('POST', 'contexts', create), 'context.created', create);
      const changes = { name: `${name}-2`, aliases: ['x'], enabled: true };
      await expectEntry(() => send('PATCH', `contexts/${name}`, changes), 'context.changed', {
        name,
        changes,
      });
      await expectEntry(() => send('DELETE', `contexts/${name}-2`), 'context.deleted', { name: `${name}-2` });
    });

    it('what is done with users', async () => {
      const name = `u-${randomUUID()}`;
      const user = { name, role: 'reader', contexts: ['default'], enabled: true };
      await expectEntry(() => send('POST', 'users', user), 'user.created', user);
      const changes = { role: 'operator', contexts: [], enabled: false };
      await expectEntry(() => send('PATCH', `users/${name}`, changes), 'user.changed', { name, changes });
      await expectEntry(() => send('DELETE', `users/${name}`), 'user.deleted', { name });
    });

    it('what is done with tokens', async () => {
      const asked = { user: 'user', label: 'L', scope: 'read', allowed_ips: ['203.0.113.0/24'] };
      const expires_at = '2030-01-01T00:00:00Z';
      const [ids, tokens]: [number[], string[]] = [[], []];
      const make = async (path: string, body: object): Promise<void> => {
        const { id, token } = await send('POST', path, body);
        ids.push(id as number);
        tokens.push(token as string);
      };
      const created = await recorded(() => make('tokens', { ...asked, expires_at }));
      expect(created).toEqual(
        entryOf(admin, 'token.created', null, { token: ids[0], ...asked, expires_at, adopted: false }),
      );
      const rotated = await recorded(() => make(`tokens/${ids[0]}/rotate`, { grace_seconds: 60 }));
      const successor = { token: ids[1], ...asked, expires_at };
      expect(rotated).toEqual(
        entryOf(admin, 'token.rotated', null, { ...successor, replaces: ids[0], grace_seconds: 60 }),
      );
      await expectEntry(() => send('DELETE', `tokens/${ids[1]}`), 'token.revoked', successor);
      const adopted = await recorded(() =>
        make('tokens', { user: 'user', token: `adopted-${randomUUID()}` }),
      );
      const plain = { token: ids[2], user: 'user', label: '', scope: 'write' };
      expect(adopted).toEqual(
        entryOf(admin, 'token.created', null, { ...plain, expires_at: null, allowed_ips: [], adopted: true }),
      );
      const everything = JSON.stringify(await dump(database().configuration));
      for (const token of [...tokens, admin.credentials.api_token]) expect(everything).not.toContain(token);
    });

    it.each([NDJSON, { accept: 'text/csv' }, {}])('each reading of the audit trail (%j)', async (headers) => {
      for (const [query, records] of [
        ['user=nobody', 0],
        ['action=context.created&limit=1', 1],
        ['context=default&UserID=nobody&from=5&to=2026-11-24T00:00:00Z', 0],
      ] as const) {
        const read = async (): Promise<void> => {
          expect((await admin.call('GET', `${AUDIT}?${query}`, from({ headers }))).status).toBe(200);
        };
        const filter = Object.fromEntries(new URLSearchParams(query));
        await expectEntry(read, 'audit.read', { filter, records });
      }
    });

    it('a list of sign-ins', async () => {
      const path = '/api/admin/signins?outcome=failure&user=nobody';
      const read = (): Promise<Answer> => admin.call('GET', path, from());
      await expectEntry(read, 'signins.listed', {
        filter: { outcome: 'failure', user: 'nobody' },
        records: 0,
      });
    });

    it('its export', async () => {
      const read = (): Promise<Answer> => admin.call('GET', `${AUDIT}/export`, from());
      await expectEntry(read, 'audit.read', { export: true, blocks: expect.any(Number) });
    });

    it('a repeated answer that holds a token, but neither the token nor the key', async () => {
      const key = `key-${randomUUID()}`;
      const call = from({ body: { user: 'user' }, headers: { 'idempotency-key': key } });
      const { json, text } = await admin.call('POST', '/api/admin/tokens', call);
      const repeat = async (): Promise<void> => {
        expect(await admin.call('POST', '/api/admin/tokens', call)).toMatchObject({ status: 200, text });
      };
      await expectEntry(repeat, 'answer.repeated', { route: 'POST /api/admin/tokens' });
      const everything = JSON.stringify(await dump(database().configuration));
      for (const secret of [key, (json as { token: string }).token]) expect(everything).not.toContain(secret);
    });
  });

  it('what was done on the server itself, by the name that the operating system has for who did it', async () => {
    const command = async (...args: string[]): Promise<void> => {
      const stdout = new PassThrough().resume();
      const streams = { stdin: process.stdin, stdout, stderr: stdout } as unknown as typeof process;
      const program = new Command().exitOverride();
      addAccessCommands(program, (work) => work(service().app, new CommandLine({ yes: true }, streams)));
      await program.parseAsync(args, { from: 'user' });
    };
    await service().admin('POST', '/api/admin/users', { body: { name: 'second', role: 'admin' } });
    const before = await count();
    clock.at += 3_600_000; // the newest of all
    await command('context', 'create', 'by-command');
    await command('user', 'create', 'by-command', '--role', 'reader');
    await command('token', 'create', '--user', 'by-command');
    await command('admin', 'reset-token', '--user', 'second');
    expect(await count()).toBe(before + 4);
    const entries = await auditTrail(service(), 'limit=4');
    const nowhere = { token_id: null, token: null, address: null, context: null, UserID: null };
    const who = { user: userInfo().username, ...nowhere, at: '2026-11-24T09:48:06.123Z' };
    expect(entries).toEqual([
      expect.objectContaining({ ...who, action: 'token.reset' }),
      expect.objectContaining({ ...who, action: 'token.created' }),
      expect.objectContaining({ ...who, action: 'user.created' }),
      expect.objectContaining({ ...who, action: 'context.created' }),
    ]);
    expect(entries[0]?.details).toMatchObject({ user: 'second', token: expect.any(Number) });
    // The first start was done there too.
    const first = (await auditTrail(service(), `user=${who.user}`)).slice(-5);
    expect(first.map(({ action, details }) => [action, details['name'] ?? details['user']])).toEqual([
      ['token.created', 'user'],
      ['user.created', 'user'],
      ['token.created', 'admin'],
      ['user.created', 'admin'],
      ['context.created', 'default'],
    ]);
    expect(first[0]?.details).toMatchObject({ adopted: false }); // it was generated
  });

  describe('a refused request is not:', () => {
    let caller: Caller;
    let admin: Caller;
    let other: { reader: Caller; readOnly: Caller; key: string; token: number };

    beforeAll(async () => {
      caller = await newCaller(service());
      admin = await newCaller(service(), { role: 'admin' });
      const contexts = [caller.credentials.contextname];
      other = {
        reader: await newCaller(service(), { role: 'reader', contexts }),
        readOnly: await newCaller(service(), { role: 'admin', contexts, token: { scope: 'read' } }),
        key: randomUUID(),
        token: admin.tokenId,
      };
      for (const UserID of ['U1', 'U2']) await caller.call('POST', LIST, { body: customer(UserID) });
      const headers = { 'idempotency-key': other.key };
      await caller.call('PATCH', pathOf('U1'), { body: { Name: 'N' }, headers });
    });

    const who = {
      operator: () => caller,
      reader: () => other.reader,
      'admin with a token for reading': () => other.readOnly,
      admin: () => admin,
    };

    it.each<[keyof typeof who, number, string, string, Call]>([
      ['operator', 401, 'POST', LIST, { body: { ...customer('U3'), api_token: 'x'.repeat(30) } }],
      ['operator', 401, 'GET', pathOf('U1'), { body: { username: 'admin' } }],
      ['operator', 401, 'GET', LIST, { raw: '' }],
      ['admin', 401, 'GET', AUDIT, { body: { api_token: 5 } }],
      ['operator', 404, 'GET', pathOf('U1'), { body: { contextname: 'ipdrr' } }],
      ['operator', 403, 'GET', pathOf('U1'), { body: { contextname: 'default' } }],
      ['reader', 403, 'POST', LIST, { body: customer('U3') }],
      ['reader', 403, 'DELETE', pathOf('U1'), {}],
      ['admin with a token for reading', 403, 'PATCH', pathOf('U1'), { body: { Name: 'X' } }],
      ['admin with a token for reading', 403, 'POST', '/api/admin/contexts', { body: { name: 'x' } }],
      ['operator', 403, 'POST', '/api/admin/users', { body: { name: 'x', role: 'admin' } }],
      ['operator', 403, 'GET', AUDIT, {}],
      ['reader', 403, 'GET', `${AUDIT}/export`, {}],
      ['operator', 404, 'PATCH', pathOf('nobody'), { body: { Name: 'X' } }],
      ['operator', 404, 'PUT', pathOf('nobody'), { body: customer('U3') }],
      ['operator', 404, 'DELETE', pathOf('nobody'), {}],
      ['operator', 404, 'GET', '/api/nothing', {}],
      ['operator', 405, 'POST', pathOf('U1'), { body: customer('U3') }],
      ['operator', 406, 'GET', pathOf('U1'), { headers: { accept: 'text/html' } }],
      ['operator', 415, 'POST', LIST, { headers: { 'content-type': 'text/plain' } }],
      ['operator', 409, 'POST', LIST, { body: customer('U1') }],
      ['operator', 409, 'PATCH', pathOf('U1'), { body: { UserID: 'U2' } }],
      ['operator', 412, 'PATCH', pathOf('U1'), { body: { Name: 'X' }, headers: { 'if-match': '"1-1"' } }],
      ['operator', 412, 'DELETE', pathOf('U1'), { headers: { 'if-match': '"1-1"' } }],
      ['operator', 400, 'DELETE', pathOf('U1'), { headers: { 'if-match': 'x' } }],
      ['operator', 400, 'GET', `${LIST}?api_token=${'x'.repeat(30)}`, {}],
      ['operator', 422, 'POST', LIST, { body: { ...customer('U3'), Nmae: '' } }],
      ['operator', 422, 'PATCH', pathOf('U1'), { body: {} }],
      ['operator', 422, 'GET', `${pathOf('U1')}?recorded_at=yesterday`, {}],
      ['operator', 422, 'GET', `${LIST}?limit=0`, {}],
      ['operator', 422, 'GET', `${LIST}?Nmae=x`, {}],
      ['operator', 422, 'GET', `${pathOf('U1')}/history?limit=0`, {}],
      ['operator', 422, 'GET', '/api/ipdrcustomers_changes?wait=61', {}],
      ['admin', 422, 'GET', `${AUDIT}?action=x`, {}],
      ['admin', 409, 'POST', '/api/admin/contexts', { body: { name: 'default' } }],
      ['admin', 409, 'DELETE', '/api/admin/contexts/default', { body: { contextname: 'default' } }],
      ['admin', 404, 'PATCH', '/api/admin/contexts/nowhere', { body: { enabled: false } }],
      ['admin', 422, 'POST', '/api/admin/contexts', { body: { name: 'a b' } }],
      ['admin', 409, 'POST', '/api/admin/users', { body: { name: 'admin', role: 'reader' } }],
      ['admin', 404, 'DELETE', '/api/admin/users/nobody', {}],
      [
        'admin',
        422,
        'POST',
        '/api/admin/users',
        { body: { name: 'x', role: 'reader', contexts: ['nowhere'] } },
      ],
      ['admin', 422, 'POST', '/api/admin/tokens', { body: { user: 'nobody' } }],
      ['admin', 404, 'POST', '/api/admin/tokens/999999/rotate', {}],
      ['admin', 404, 'DELETE', '/api/admin/tokens/999999', {}],
    ])('%s, %i, %s %s %j', async (name, status, method, path, call) => {
      const before = await count();
      expect((await who[name]().call(method, path, call)).status).toBe(status);
      expect(await count()).toBe(before);
    });

    it('a key that was sent with another request', async () => {
      const before = await count();
      const call = { body: { Name: 'other' }, headers: { 'idempotency-key': other.key } };
      expect((await caller.call('PATCH', pathOf('U1'), call)).status).toBe(409);
      expect(await count()).toBe(before);
    });

    it('a repetition whose answer is for another token alone', async () => {
      const call = { body: { user: 'user' }, headers: { 'idempotency-key': randomUUID() } };
      expect((await admin.call('POST', '/api/admin/tokens', call)).status).toBe(200);
      const { username } = admin.credentials;
      const made = await service().admin('POST', '/api/admin/tokens', { body: { user: username } });
      const { token } = made.json as { token: string };
      const before = await count();
      const again = { ...admin.credentials, api_token: token };
      expect((await service().callAs(again, 'POST', '/api/admin/tokens', call)).status).toBe(409);
      expect(await count()).toBe(before);
    });
  });

  it('no token and no Idempotency-Key is, whoever sent it, and wherever', async () => {
    const caller = await newCaller(service());
    const { api_token } = caller.credentials;
    const secrets = {
      key: `key-${randomUUID()}`,
      wrong: `wrong-${randomUUID()}`,
      adopted: `adopt-${randomUUID()}`,
    };
    const headers = { 'idempotency-key': secrets.key };
    const statuses = [
      await caller.call('POST', LIST, { body: customer('U1'), headers }),
      await caller.call('POST', LIST, { body: customer('U1'), headers }),
      await caller.call('POST', LIST, { body: customer('U2'), headers }),
      await caller.call('GET', LIST, { body: { Name: 'x' }, headers }),
      await service().callAs({}, 'GET', LIST, { raw: '', headers: asHeaders(caller.credentials) }),
      await caller.call('GET', LIST, { body: { api_token: secrets.wrong } }),
      await caller.call('GET', LIST, { body: { username: api_token } }),
      await caller.call('GET', LIST, { body: { contextname: api_token } }),
      await caller.call('GET', `${LIST}?api_token=${api_token}`),
      await service().admin('POST', '/api/admin/tokens', {
        body: { user: 'user', token: secrets.adopted },
        headers,
      }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 409, 200, 200, 401, 401, 404, 400, 200]);
    const { audit_entries: entries, ...tables } = await dump(database().configuration);
    const recorded = JSON.stringify(entries);
    expect(recorded).toContain(caller.credentials.username);
    const { admin, user } = service().tokens;
    for (const secret of [...Object.values(secrets), api_token, admin, user]) {
      expect(recorded).not.toContain(secret);
      expect(JSON.stringify(tables)).not.toContain(secret);
    }
  });

  it('a list of many thousands, once, by how many they are', async () => {
    await fillCustomers(database().configuration, 2500);
    const { token } = (
      await service().admin('POST', '/api/admin/tokens', { body: { user: 'user', label: LABEL } })
    ).json as { token: string };
    const before = await count();
    clock.at += 7_200_000; // the newest of all
    const as = { api_token: token, username: 'user' };
    const answer = await service().callAs(as, 'GET', LIST, from({ body: { Name: 'Trisul' } }));
    expect(answer.json).toHaveLength(2500);
    expect(await count()).toBe(before + 1);
    expect((await auditTrail(service(), 'limit=1'))[0]).toMatchObject({
      action: 'customers.listed',
      ...{ user: 'user', token: LABEL, address: ADDRESS, context: 'default', UserID: null },
      details: { filter: { Name: 'Trisul' }, records: 2500 },
    });
  });
});

describe.each(databaseKinds)('what cannot be put on record, on $name,', (kind) => {
  const { service, database } = useService(kind);
  let caller: Caller;
  let admin: Caller;

  beforeAll(async () => {
    caller = await newCaller(service());
    admin = await newCaller(service(), { role: 'admin' });
    await fillCustomers(database().configuration, 1500);
    for (const UserID of ['U1', 'U2']) {
      expect((await caller.call('POST', LIST, { body: customer(UserID) })).status).toBe(200);
    }
  });

  /** While nothing can be recorded. */
  const unrecorded = async <T>(work: () => Promise<T>): Promise<T> => {
    const rename = (from: string, to: string): Promise<unknown> =>
      withDataSource(database().configuration, (dataSource) =>
        dataSource.query(`ALTER TABLE ${from} RENAME TO ${to}`),
      );
    await rename('audit_entries', 'away');
    try {
      return await work();
    } finally {
      await rename('away', 'audit_entries');
    }
  };
  /** All that is kept, but for what the service notes beside requests: who signed in, and what is sealed. */
  const written = async (): Promise<object> => {
    const tables = await dump(database().configuration);
    const entries = tables['audit_entries'] ?? tables['away'] ?? [];
    const rows = { ...tables, audit_entries: entries, away: [], sign_ins: [], audit_blocks: [] };
    return Object.fromEntries(
      Object.entries(rows).map(([table, each]) => [
        table,
        (each as Record<string, unknown>[]).map((row) => without(row, 'block', 'last_used_at')),
      ]),
    );
  };

  it('is not written', async () => {
    const { username, contextname } = caller.credentials;
    const before = await written();
    const answers = await unrecorded(async () => [
      await caller.call('POST', LIST, { body: customer('U3') }),
      await caller.call('POST', LIST, { body: customer('U3'), headers: { 'idempotency-key': 'k' } }),
      await caller.call('PUT', pathOf('U1'), { body: customer('U3') }),
      await caller.call('PATCH', pathOf('U1'), { body: { Name: 'N' } }),
      await caller.call('PATCH', pathOf('U1'), { body: { Name: 'Trisul' } }),
      await caller.call('DELETE', pathOf('U1')),
      await admin.call('POST', '/api/admin/contexts', { body: { name: 'x' } }),
      await admin.call('PATCH', `/api/admin/contexts/${contextname}`, { body: { name: 'y' } }),
      await admin.call('DELETE', `/api/admin/contexts/${admin.credentials.contextname}`, {
        body: { contextname: 'default' },
      }),
      await admin.call('POST', '/api/admin/users', { body: { name: 'x', role: 'reader' } }),
      await admin.call('PATCH', `/api/admin/users/${username}`, { body: { enabled: false } }),
      await admin.call('DELETE', `/api/admin/users/${username}`),
      await admin.call('POST', '/api/admin/tokens', { body: { user: 'user' } }),
      await admin.call('POST', `/api/admin/tokens/${caller.tokenId}/rotate`),
      await admin.call('DELETE', `/api/admin/tokens/${caller.tokenId}`),
      await admin.call('POST', '/api/admin/purge'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 500));
    expect(answers.map(({ text }) => text).join()).not.toMatch(/ipdr_|audit_entries|SELECT|INSERT/);
    expect(await written()).toEqual(before);
    expect((await caller.call('POST', LIST, { body: customer('U4') })).status).toBe(200);
    expect((await caller.call('DELETE', pathOf('U4'))).status).toBe(200);
  });

  it('is not answered', async () => {
    const before = await written();
    await untilSealed(service());
    const reads: [Caller, string, Call?][] = [
      [caller, pathOf('U1')],
      [caller, pathOf('nobody')],
      [caller, `${pathOf('U1')}?recorded_at=2090-01-01T00:00:00Z`],
      [caller, `${pathOf('U1')}/history`],
      [caller, `${mappingsOf('U1')}/history`],
      [caller, LIST],
      [caller, LIST, { headers: NDJSON }],
      [caller, `${LIST}?limit=1`],
      [caller, '/api/ipdrcustomers_changes'],
      [admin, LIST, { body: { contextname: 'default' } }],
      [admin, AUDIT],
      [admin, `${AUDIT}?limit=1`],
      [admin, `${AUDIT}/export`],
    ];
    const answers = await unrecorded(() =>
      Promise.all(reads.map(([by, path, call]) => by.call('GET', path, call))),
    );
    expect(answers.map(({ status }) => status)).toEqual(reads.map(() => 500));
    for (const { text, headers } of answers) {
      expect(text).not.toMatch(/Trisul|Chennai|gmail|filled/);
      expect(headers['etag']).toBeUndefined();
    }
    expect(await written()).toEqual(before);
    for (const [by, path, call] of reads) {
      expect((await by.call('GET', path, call)).status).toBe(path === pathOf('nobody') ? 404 : 200);
    }
  });

  it('is sealed once it can be, and nothing of the chain was lost', async () => {
    await untilSealed(service());
    await withDataSource(
      database().configuration,
      (dataSource) => dataSource.query("DELETE FROM customers WHERE user_id LIKE 'filled-%'"), // they have no versions
    );
    expect(await verify(service())).toMatchObject({ intact: true, fault: null });
  });
});

describe.each(databaseKinds)('the audit trail on $name', (kind) => {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: clock.adapt });
  let callers: Caller[];
  /** All that the callers did, the newest first. */
  let all: Entry[];

  /** The entries of an answer that are about the callers: those about the test's own readings are left out. */
  const ofCallers = (entries: readonly Entry[]): Entry[] =>
    entries.filter(({ user }) => callers.some(({ credentials }) => credentials.username === user));

  beforeAll(async () => {
    callers = [await newCaller(service()), await newCaller(service(), { token: { label: '=1+1' } })];
    const [first, second] = callers as [Caller, Caller];
    const shared = first.credentials.contextname;
    await service().admin('PATCH', `/api/admin/users/${second.credentials.username}`, {
      body: { contexts: [shared, second.credentials.contextname] },
    });
    // Clocks of several instances differ: what is recorded later may be of an earlier time.
    for (const milliseconds of [0, 1, 60_000, 999, 1000, 1000, 2000]) {
      clock.at = START + milliseconds;
      for (const caller of callers) {
        for (const contextname of new Set([shared, caller.credentials.contextname])) {
          await caller.call('GET', LIST, { body: { contextname } });
          for (const UserID of [
            'U1',
            'u1',
            '=1+1',
            '+1',
            '-1+1',
            '@x',
            "'=1",
            'a,"b"',
            'ü😀',
            'a\r\nb',
            '\tx',
          ]) {
            await caller.call('GET', pathOf(UserID), { body: { contextname } });
          }
        }
      }
    }
    await sealNow(service());
    all = ofCallers(await auditTrail(service()));
  });

  it('holds all of it, the newest first', () => {
    expect(all).toHaveLength(7 * 3 * 12);
    const places = all.map(({ at, id }) => ({ at, id }));
    const sorted = places.toSorted((a, b) => b.at.localeCompare(a.at) || b.id - a.id);
    expect(places).toEqual(sorted);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  const seconds = (at: string): number => Math.floor(Date.parse(at) / 1000);
  const second = seconds(new Date(START).toISOString());
  const FILTERS: Record<string, { value: () => string; applies: (entry: Entry, value: string) => boolean }> =
    {
      user: {
        value: () => callers[1]?.credentials.username ?? '',
        applies: ({ user }, value) => user === value,
      },
      context: {
        value: () => callers[0]?.credentials.contextname ?? '',
        applies: ({ context }, value) => context === value,
      },
      action: { value: () => 'customer.read', applies: ({ action }, value) => action === value },
      UserID: { value: () => 'U1', applies: ({ UserID }, value) => UserID === value },
      from: { value: () => String(second + 1), applies: ({ at }, value) => seconds(at) >= Number(value) },
      to: { value: () => String(second + 1), applies: ({ at }, value) => seconds(at) <= Number(value) },
    };
  const names = Object.keys(FILTERS);
  const combinations = Array.from({ length: 2 ** names.length }, (_, n) =>
    names.filter((_name, bit) => (n >> bit) & 1),
  );

  it('answers what each filter leaves, and all of them together', async () => {
    for (const given of combinations) {
      const query = new URLSearchParams(
        Object.fromEntries(given.map((name) => [name, FILTERS[name]?.value() ?? ''])),
      );
      const expected = all.filter((entry) =>
        given.every((name) => FILTERS[name]?.applies(entry, FILTERS[name].value())),
      );
      expect(expected.length).toBeGreaterThan(0);
      expect(expected.length < all.length).toBe(given.length > 0);
      const answered = ofCallers(await auditTrail(service(), query.toString()));
      expect([given, answered]).toEqual([given, expected]);
    }
  });

  it('understands context0 as default', async () => {
    await sealNow(service());
    const entries = await auditTrail(service(), 'context=default');
    expect(entries.length).toBeGreaterThan(0);
    const asked = await auditTrail(service(), 'context=context0');
    const before = asked.filter(({ id }) => id <= (entries[0]?.id ?? 0));
    expect(before).toEqual(entries);
  });

  it.each([
    ['from=2026-11-24T14:18:07%2B05:30', 'from=2026-11-24T08:48:07Z'],
    ['to=2026-11-24T14:18:07 05:30', 'to=2026-11-24T08:48:07Z'],
    ['UserID=u%CC%88%F0%9F%98%80', 'UserID=%C3%BC%F0%9F%98%80'],
  ])('understands %s as %s', async (query, same) => {
    const found = ofCallers(await auditTrail(service(), query.replaceAll(' ', '%20')));
    expect(found.length).toBeGreaterThan(0);
    expect(found).toEqual(ofCallers(await auditTrail(service(), same)));
  });

  it.each([
    'user=nobody',
    'context=nowhere',
    'UserID=nobody',
    'action=token.reset',
    'from=4000000000',
    'to=1',
  ])('has nothing for %s', async (query) => {
    expect(await service().admin('GET', `${AUDIT}?${query}`)).toMatchObject({ status: 200, text: '[]' });
  });

  it.each([
    ['action=x', 'action'],
    ['action=', 'action'],
    ['from=yesterday', 'from'],
    ['from=2026-11-24', 'from'],
    ['to=-1', 'to'],
    ['limit=0', 'limit'],
    ['limit=10001', 'limit'],
    ['after=x', 'after'],
    [`after=${Buffer.from('id:5').toString('base64url')}`, 'after'],
    [`limit=5&after=${Buffer.from('id:5').toString('base64url')}`, 'after'],
    ['user=a&user=b', 'user'],
    ['UserId=a', 'UserId'],
    ['token=1', 'token'],
  ])('refuses %s', async (query, field) => {
    const refusal = { status: 422, json: { code: 'validation_failed', errors: [{ field }] } };
    expect(await service().admin('GET', `${AUDIT}?${query}`)).toMatchObject(refusal);
  });

  it.each([1, 7, 36, 10_000])('is the same, read %i at a time', async (limit) => {
    const filter = `action=customer.read&UserID=U1`;
    const expected = await auditTrail(service(), filter);
    const pages: Entry[][] = [];
    for (let next: string | undefined = `${AUDIT}?${filter}&limit=${limit}`; next !== undefined;) {
      const answer: Answer = await service().admin('GET', next);
      pages.push(answer.json as Entry[]);
      next = /^<(.*)>; rel="next"$/.exec(String(answer.headers['link']))?.[1];
    }
    expect(pages.flat()).toEqual(expected);
    expect(pages).toHaveLength(Math.ceil(expected.length / limit));
    expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
  });

  it('goes on without a limit too, from where a page ended', async () => {
    const filter = 'action=customers.listed';
    const expected = await auditTrail(service(), filter);
    const page = await service().admin('GET', `${AUDIT}?${filter}&limit=5`);
    const [, next = ''] = /<(.*)>/.exec(String(page.headers['link'])) ?? [];
    const rest = await service().admin('GET', next.replace('limit=5&', ''));
    expect([...(page.json as Entry[]), ...(rest.json as Entry[])]).toEqual(expected);
  });

  describe.each(['', '&limit=10000'])('with %j', (limit) => {
    const query = `action=customer.read${limit}`;

    it('is answered as lines of JSON', async () => {
      const { headers, text } = await service().admin('GET', `${AUDIT}?${query}`, { headers: NDJSON });
      expect(headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
      const lines = text.split('\n').slice(0, -1);
      expect(lines.map((line) => JSON.parse(line) as Entry)).toEqual(await auditTrail(service(), query));
    });

    it('is answered as CSV, in which nothing is a formula', async () => {
      const { headers, text } = await service().admin('GET', `${AUDIT}?${query}`, {
        headers: { accept: 'text/csv' },
      });
      expect(headers['content-type']).toBe('text/csv; charset=utf-8');
      const none = await service().admin('GET', `${AUDIT}?user=nobody`, { headers: { accept: 'text/csv' } });
      expect(none.text).toBe(text.slice(0, text.indexOf('\n') + 1));
      const entries = await auditTrail(service(), query);
      const [headings = [], ...rows] = parseCsv(text);
      expect(headings).toEqual(Object.keys(entries[0] ?? {}));
      const harmless = (cell: string): string =>
        cell !== '+1' && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
      const cells = entries.map(({ details, ...entry }) =>
        Object.entries({ ...entry, details: JSON.stringify(details), block: entry.block }).sort(
          ([a], [b]) => headings.indexOf(a) - headings.indexOf(b),
        ),
      );
      expect(rows).toEqual(cells.map((row) => row.map(([, value]) => harmless(String(value ?? '')))));
      const userIds = new Set(rows.map((row) => row[headings.indexOf('UserID')]));
      for (const cell of ["'=1+1", '+1', "'-1+1", "'@x", "'=1", "'\tx", 'a,"b"', 'a\r\nb']) {
        expect(userIds).toContain(cell);
      }
      expect(new Set(rows.map((row) => row[headings.indexOf('token')]))).toEqual(new Set(['', "'=1+1"]));
    });
  });

  it('is read a batch at a time, as it was when that began', async () => {
    const [caller] = callers as [Caller];
    const contextname = caller.credentials.contextname;
    for (let n = 0; n < 1300; n += 65) {
      await Promise.all(Array.from({ length: 65 }, (_, m) => caller.call('GET', pathOf(`many-${n + m}`))));
    }
    const entries = await auditTrail(service(), `context=${contextname}`);
    const many = entries.filter(({ UserID }) => UserID?.startsWith('many-'));
    expect(new Set(many.map(({ UserID }) => UserID)).size).toBe(1300);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
    const [{ details } = { details: {} }] = await auditTrail(service(), 'action=audit.read&limit=1');
    expect(details).toEqual({ filter: { context: contextname }, records: entries.length });
    for (const accept of ['text/csv', 'application/x-ndjson']) {
      const { text } = await service().admin('GET', `${AUDIT}?context=${contextname}`, {
        headers: { accept },
      });
      const answered = accept === 'text/csv' ? parseCsv(text).slice(1) : text.trim().split('\n');
      expect(answered).toHaveLength(entries.length);
    }
  });

  it('is for administrators alone, who need no more than a token for reading', async () => {
    const routes = ['', '/head', '/verify', '/export'];
    const admin = await newCaller(service(), { role: 'admin', token: { scope: 'read' } });
    const [operator, reader] = [await newCaller(service()), await newCaller(service(), { role: 'reader' })];
    for (const route of routes) {
      expect((await admin.call('GET', AUDIT + route)).status).toBe(200);
      for (const caller of [operator, reader]) {
        const refusal = { status: 403, json: { code: 'role_forbidden' } };
        expect(await caller.call('GET', AUDIT + route)).toMatchObject(refusal);
      }
    }
  });
});

describe.each(databaseKinds)('sealing, on $name,', (kind) => {
  const { service, database } = useService(kind);

  it('is done by the service itself, and names the block in each entry', async () => {
    const caller = await newCaller(service());
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 20 }, (_, n) => caller.call('GET', pathOf(`U${n}`))));
      await untilSealed(service());
    }
    const { block, hash, sealed_at } = (await service().admin('GET', `${AUDIT}/head`)).json as Record<
      string,
      unknown
    >;
    expect(block).toBeGreaterThanOrEqual(3);
    expect(Date.parse(String(sealed_at))).toBeGreaterThan(0);
    const verdict = await verify(service());
    expect(verdict).toMatchObject({
      intact: true,
      fault: null,
      blocks: block,
      purged: 0,
      head: { block, hash },
    });
    const blocks = new Set((await auditTrail(service(), 'action=customer.read')).map((entry) => entry.block));
    expect(blocks).not.toContain(null);
  });

  it('puts no more than five hundred entries into a block', async () => {
    const row = `(${Date.now()}, 'customer.read', '{}', 'nonce')`;
    const rows = Array.from({ length: 2300 }, () => row).join(', ');
    await withDataSource(database().configuration, (dataSource) =>
      dataSource.query(`INSERT INTO audit_entries (at, action, details, nonce) VALUES ${rows}`),
    );
    await untilSealed(service());
    const sizes = (await exportTrail(service())).map(({ entries }) => entries.length);
    expect(Math.max(...sizes)).toBe(500);
    expect(await verify(service())).toMatchObject({ intact: true });
  });
});

describeOn('MySQL', 'two instances of the service', (kind) => {
  let database: TestDatabase;
  let services: TestService[];

  beforeAll(async () => {
    database = await kind.create();
    services = [
      await TestService.start(database, { env: NO_LIMITS }),
      await TestService.start(database, { env: NO_LIMITS }),
    ];
  });
  afterAll(async () => {
    for (const service of services) await service.stop();
    await database.drop();
  });

  it('make one chain, in which every entry is once, while both are busy', async () => {
    const [one] = services as [TestService];
    const caller = await newCaller(one);
    let sent = 0;
    const work = async (service: TestService, worker: string): Promise<void> => {
      for (let n = 0; n < 40; n++) {
        const UserID = `${worker}-${n}`;
        const statuses = [
          await service.callAs(caller.credentials, 'POST', LIST, { body: customer(UserID) }),
          await service.callAs(caller.credentials, 'GET', pathOf(UserID)),
          await service.callAs(caller.credentials, 'GET', `${LIST}?limit=3`),
        ].map(({ status }) => status);
        expect(statuses).toEqual([200, 200, 200]);
        sent += statuses.length;
      }
    };
    const workers = services.flatMap((service, s) => [0, 1, 2, 3].map((n) => work(service, `${s}-${n}`)));
    let isOver = false;
    const sealing = services.map((service) => sealWhile(service, () => !isOver));
    await Promise.all(workers).finally(() => (isOver = true));
    await Promise.all(sealing);
    for (const service of services) await untilSealed(service);

    const found = (await auditTrail(one, `user=${caller.credentials.username}`)).length;
    expect([sent, found]).toEqual([960, 960]);
    await untilSealed(one);
    const { audit_entries: entries = [], audit_blocks: rows = [] } = await dump(database.configuration);
    const blocks = (rows as { number: number; digests: Buffer }[]).filter(({ number }) => number > 0);
    const numbers = blocks.map(({ number }) => number);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(blocks.map((_, n) => n + 1));
    const digests = blocks.map(({ digests }) => digests.toString('hex'));
    const all = digests.flatMap((each) => each.match(/.{64}/g) ?? []);
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(entries.length);
    expect(await verify(one)).toMatchObject({ intact: true, fault: null, entries: entries.length });
    for (const service of services) {
      expect(
        service.log.filter((line) => line.includes('"level":40') || line.includes('"level":50')),
      ).toEqual([]);
    }
  });

  /** Has an instance seal without a pause: so that both want to at the same moment, again and again. */
  async function sealWhile(service: TestService, isGoingOn: () => boolean): Promise<void> {
    while (isGoingOn()) await sealNow(service);
  }
});

function without<T extends object, K extends string>(object: T, ...names: K[]): Omit<T, K> {
  const left = Object.entries(object).filter(([name]) => !names.includes(name as K));
  return Object.fromEntries(left) as Omit<T, K>;
}

/** The cells of a CSV text, as RFC 4180 has it. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (let rest = text; rest !== '';) {
    const [all, quoted, plain, end] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest) ?? [];
    if (all === undefined) throw new Error(`not CSV: ${rest}`);
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end !== ',') {
      rows.push(row);
      row = [];
    }
    rest = rest.slice(all.length);
  }
  return rows;
}
