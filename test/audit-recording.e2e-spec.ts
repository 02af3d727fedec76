import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { PassThrough } from 'node:stream';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { addAccessCommands } from '../src/access/infrastructure/access.commands.js';
import { CommandLine } from '../src/shared/command-line.js';
import { auditTrail, sealNow } from './support/audit.js';
import { ADDRESS, from, LABEL, useAuditedService, type Unsealed } from './support/audited.js';
import { asHeaders, newCaller, type Caller } from './support/callers.js';
import type { Answer, Call } from './support/client.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { dump } from './support/dump.js';
import { fillCustomers } from './support/fill.js';

const LIST = '/api/ipdrcustomers';
const AUDIT = '/api/admin/audit';
const NDJSON = { accept: 'application/x-ndjson' };

interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly call?: Call;
  readonly action: string;
  /** Left out: the entry belongs to no customer. */
  readonly UserID?: string;
  readonly details?: object;
}

describe.each(databaseKinds)('on $name, the audit trail', (kind) => {
  const { clock, service, database, count, entriesOf, entryOf } = useAuditedService(kind);

  describe('when a customer U1 exists,', () => {
    let caller: Caller;
    let id: number;

    beforeEach(async () => {
      caller = await newCaller(service(), { token: { label: LABEL } });
      const answer = await caller.call('POST', LIST, from({ body: customer('U1') }));
      ({ id } = answer.json as { id: number });
      clock.at += 1000;
    });

    it.each<Recorded>([
      {
        method: 'PUT',
        path: pathOf('U1'),
        call: { body: customer('U1', { Name: 'N' }) },
        action: 'customer.updated',
      },
      {
        method: 'PUT',
        path: pathOf('U1'),
        call: { body: customer('é/2') },
        action: 'customer.updated',
        details: { renamed_to: 'é/2' },
      },
      { method: 'PATCH', path: pathOf('U1'), call: { body: { Address: null } }, action: 'customer.updated' },
      {
        method: 'PATCH',
        path: pathOf('U1'),
        call: { headers: { 'if-match': '*' }, body: { Name: 'N' } },
        action: 'customer.updated',
      },
      { method: 'DELETE', path: pathOf('U1'), action: 'customer.deleted' },
    ])('records $method $path with $call as $action', async ({ method, path, call, action, details }) => {
      expect((await caller.call(method, path, from(call))).status).toBe(200);
      const [entry, created, ...rest] = await entriesOf(caller);
      expect(entry).toEqual(entryOf(caller, action, 'U1', { id, ...details }));
      expect(created).toMatchObject({ action: 'customer.created', UserID: 'U1', details: { id } });
      expect(rest).toEqual([]);
    });

    it('records a creation with the id of the new customer', async () => {
      const answer = await caller.call('POST', LIST, from({ body: customer('U2') }));
      const details = { id: (answer.json as { id: number }).id };
      expect(await entriesOf(caller)).toEqual([
        entryOf(caller, 'customer.created', 'U2', details),
        expect.objectContaining({ action: 'customer.created', UserID: 'U1' }),
      ]);
    });

    it.each<Recorded & { status: number }>([
      {
        method: 'PATCH',
        path: pathOf('U1'),
        call: { body: { Name: 'Trisul' } },
        status: 200,
        action: 'customer.unchanged',
        UserID: 'U1',
      },
      {
        method: 'PUT',
        path: pathOf('U1'),
        call: { body: customer('U1') },
        status: 200,
        action: 'customer.unchanged',
        UserID: 'U1',
      },
      {
        method: 'GET',
        path: pathOf('U1'),
        status: 200,
        action: 'customer.read',
        UserID: 'U1',
        details: { records: 1 },
      },
      {
        method: 'GET',
        path: pathOf('U1'),
        call: { headers: { 'if-none-match': '*' } },
        status: 304,
        action: 'customer.read',
        UserID: 'U1',
        details: { records: 1 },
      },
      {
        method: 'GET',
        path: pathOf('nobody'),
        status: 404,
        action: 'customer.read',
        UserID: 'nobody',
        details: { records: 0 },
      },
      {
        method: 'GET',
        path: pathOf('e\u0301'),
        status: 404,
        action: 'customer.read',
        UserID: 'é',
        details: { records: 0 },
      },
      {
        method: 'GET',
        path: pathOf('nul\0'),
        status: 404,
        action: 'customer.read',
        UserID: 'nul\0',
        details: { records: 0 },
      },
      {
        method: 'GET',
        path: `${pathOf('U1')}?recorded_at=2026-11-24T08:48:07Z`,
        status: 200,
        action: 'customer.read',
        UserID: 'U1',
        details: { recorded_at: '2026-11-24T08:48:07.000Z', records: 1 },
      },
      {
        method: 'GET',
        path: `${pathOf('U1')}?recorded_at=5`,
        status: 404,
        action: 'customer.read',
        UserID: 'U1',
        details: { recorded_at: '1970-01-01T00:00:05.000Z', records: 0 },
      },
      {
        method: 'GET',
        path: `${pathOf('U1')}/history?limit=7`,
        status: 200,
        action: 'customer.history_read',
        UserID: 'U1',
        details: { filter: { limit: '7' }, records: 1 },
      },
      {
        method: 'GET',
        path: `${pathOf('nobody')}/history`,
        status: 404,
        action: 'customer.history_read',
        UserID: 'nobody',
        details: { filter: {}, records: 0 },
      },
      {
        method: 'GET',
        path: LIST,
        status: 200,
        action: 'customers.listed',
        details: { filter: {}, records: 1 },
      },
      {
        method: 'GET',
        path: LIST,
        call: { headers: NDJSON },
        status: 200,
        action: 'customers.listed',
        details: { filter: {}, records: 1 },
      },
      {
        method: 'GET',
        path: `${LIST}?search=TRI&limit=7`,
        call: { body: { Name: 'Trisul', Address: null } },
        status: 200,
        action: 'customers.listed',
        details: { filter: { search: 'TRI', limit: '7', Name: 'Trisul', Address: null }, records: 0 },
      },
      {
        method: 'GET',
        path: `${LIST}?UserID=U1&updated_since=0`,
        status: 200,
        action: 'customers.listed',
        details: { filter: { UserID: 'U1', updated_since: '0' }, records: 1 },
      },
    ])(
      'records $method $path with $call, answered $status, as $action',
      async ({ method, path, call, status, action, UserID = null, details = {} }) => {
        expect((await caller.call(method, path, from(call))).status).toBe(status);
        const [entry, ...rest] = await entriesOf(caller);
        const isFound = UserID === 'U1' && status < 400 && !('filter' in details);
        expect(entry).toEqual(entryOf(caller, action, UserID, { ...(isFound && { id }), ...details }));
        expect(rest).toEqual([expect.objectContaining({ action: 'customer.created' })]);
      },
    );

    it('records HEAD, which reveals that the customer exists', async () => {
      const headers = asHeaders(caller.credentials);
      const answer = await service().callAs({}, 'HEAD', pathOf('U1'), from({ raw: '', headers }));
      expect(answer.status).toBe(200);
      const [entry, ...rest] = await entriesOf(caller);
      expect(entry).toEqual(entryOf(caller, 'customer.read', 'U1', { id, records: 1 }));
      expect(rest).toHaveLength(1);
    });

    it('records a read of the change feed with the number of changes', async () => {
      await sealNow(service());
      const answer = await caller.call('GET', '/api/ipdrcustomers_changes?limit=7', from());
      expect(answer.json).toHaveLength(1);
      const [entry, ...rest] = await entriesOf(caller);
      expect(entry).toEqual(
        entryOf(caller, 'customers.changes_read', null, { filter: { limit: '7' }, records: 1 }),
      );
      expect(rest).toHaveLength(1);
    });

    it('records every page of a list with the number of customers in it', async () => {
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

    it('records a write repeated under an Idempotency-Key as a repeated answer', async () => {
      const call = from({ body: customer('U2'), headers: { 'idempotency-key': randomUUID() } });
      const [first, again] = [await caller.call('POST', LIST, call), await caller.call('POST', LIST, call)];
      expect(again).toMatchObject({ status: 200, text: first.text });
      const [entry, ...rest] = await entriesOf(caller);
      expect(entry).toEqual(entryOf(caller, 'answer.repeated', 'U2', { route: `POST ${LIST}` }));
      expect(rest.map(({ action }) => action)).toEqual(['customer.created', 'customer.created']);
    });

    it.each(['😀'.repeat(128), `x${'😀'.repeat(127)}`])(
      'records the longest possible UserID: %s',
      async (UserID) => {
        expect((await caller.call('POST', LIST, from({ body: customer(UserID) }))).status).toBe(200);
        expect(await auditTrail(service(), `UserID=${encodeURIComponent(UserID)}`)).toContainEqual(
          expect.objectContaining(entryOf(caller, 'customer.created', UserID, { id: expect.any(Number) })),
        );
      },
    );

    it('records only the beginning of a UserID that is too long', async () => {
      expect((await caller.call('GET', pathOf('x'.repeat(3000)), from())).status).toBe(404);
      const [entry] = await entriesOf(caller);
      expect(entry).toEqual(entryOf(caller, 'customer.read', 'x'.repeat(128), { records: 0 }));
    });

    it('records each of fifty simultaneous reads', async () => {
      const users = Array.from({ length: 50 }, (_, n) => `nobody-${n}`);
      const answers = await Promise.all(users.map((user) => caller.call('GET', pathOf(user), from())));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
      const entries = (await entriesOf(caller)).filter(({ action }) => action === 'customer.read');
      expect(entries).toHaveLength(50);
      expect(entries).toEqual(
        expect.arrayContaining(users.map((user) => entryOf(caller, 'customer.read', user, { records: 0 }))),
      );
    });

    it('keeps the names of the time when a context is renamed and a user deleted', async () => {
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

  describe('when an administrator signs in,', () => {
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
    /** The one entry that `work` adds. */
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

    it('records changes of contexts', async () => {
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

    it('records changes of users', async () => {
      const name = `u-${randomUUID()}`;
      const user = { name, role: 'reader', contexts: ['default'], enabled: true };
      await expectEntry(() => send('POST', 'users', user), 'user.created', user);
      const changes = { role: 'operator', contexts: [], enabled: false };
      await expectEntry(() => send('PATCH', `users/${name}`, changes), 'user.changed', { name, changes });
      await expectEntry(() => send('DELETE', `users/${name}`), 'user.deleted', { name });
    });

    it('records changes of tokens, but no token', async () => {
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

    it.each([NDJSON, { accept: 'text/csv' }, {}])(
      'records each read of the audit trail with the headers %j',
      async (headers) => {
        for (const { query, records } of [
          { query: 'user=nobody', records: 0 },
          { query: 'action=context.created&limit=1', records: 1 },
          { query: 'context=default&UserID=nobody&from=5&to=2026-11-24T00:00:00Z', records: 0 },
        ] as const) {
          const read = async (): Promise<void> => {
            expect((await admin.call('GET', `${AUDIT}?${query}`, from({ headers }))).status).toBe(200);
          };
          const filter = Object.fromEntries(new URLSearchParams(query));
          await expectEntry(read, 'audit.read', { filter, records });
        }
      },
    );

    it('records a list of sign-ins', async () => {
      const path = '/api/admin/signins?outcome=failure&user=nobody';
      const read = (): Promise<Answer> => admin.call('GET', path, from());
      await expectEntry(read, 'signins.listed', {
        filter: { outcome: 'failure', user: 'nobody' },
        records: 0,
      });
    });

    it('records its own export', async () => {
      const read = (): Promise<Answer> => admin.call('GET', `${AUDIT}/export`, from());
      await expectEntry(read, 'audit.read', { export: true, blocks: expect.any(Number) });
    });

    it('records a repeated answer that holds a token, but neither token nor key', async () => {
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

  it('records commands under the name of the operating system user', async () => {
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
    // The first start ran on the server too.
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

  it('never records a token or an Idempotency-Key, wherever it was sent', async () => {
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

  it('records a list of thousands in one entry with their number', async () => {
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
      user: 'user',
      token: LABEL,
      address: ADDRESS,
      context: 'default',
      UserID: null,
      details: { filter: { Name: 'Trisul' }, records: 2500 },
    });
  });
});
