import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { untilSealed, verify } from './support/audit.js';
import { useAuditedService } from './support/audited.js';
import { newCaller, type Caller } from './support/callers.js';
import type { Call } from './support/client.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { dump } from './support/dump.js';
import { fillCustomers } from './support/fill.js';
import { mappingsOf } from './support/mappings.js';
import { useService } from './support/use-service.js';
import { withDataSource } from './support/with-data-source.js';
import { without } from './support/without.js';

const LIST = '/api/ipdrcustomers';
const AUDIT = '/api/admin/audit';
const NDJSON = { accept: 'application/x-ndjson' };

describe.each(databaseKinds)('on $name, the audit trail', (kind) => {
  const { service, count } = useAuditedService(kind);

  describe('when a request is refused,', () => {
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

    it.each<{ by: keyof typeof who; status: number; method: string; path: string; call?: Call }>([
      {
        by: 'operator',
        status: 401,
        method: 'POST',
        path: LIST,
        call: { body: { ...customer('U3'), api_token: 'x'.repeat(30) } },
      },
      {
        by: 'operator',
        status: 401,
        method: 'GET',
        path: pathOf('U1'),
        call: { body: { username: 'admin' } },
      },
      { by: 'operator', status: 401, method: 'GET', path: LIST, call: { raw: '' } },
      { by: 'admin', status: 401, method: 'GET', path: AUDIT, call: { body: { api_token: 5 } } },
      {
        by: 'operator',
        status: 404,
        method: 'GET',
        path: pathOf('U1'),
        call: { body: { contextname: 'ipdrr' } },
      },
      {
        by: 'operator',
        status: 403,
        method: 'GET',
        path: pathOf('U1'),
        call: { body: { contextname: 'default' } },
      },
      { by: 'reader', status: 403, method: 'POST', path: LIST, call: { body: customer('U3') } },
      { by: 'reader', status: 403, method: 'DELETE', path: pathOf('U1') },
      {
        by: 'admin with a token for reading',
        status: 403,
        method: 'PATCH',
        path: pathOf('U1'),
        call: { body: { Name: 'X' } },
      },
      {
        by: 'admin with a token for reading',
        status: 403,
        method: 'POST',
        path: '/api/admin/contexts',
        call: { body: { name: 'x' } },
      },
      {
        by: 'operator',
        status: 403,
        method: 'POST',
        path: '/api/admin/users',
        call: { body: { name: 'x', role: 'admin' } },
      },
      { by: 'operator', status: 403, method: 'GET', path: AUDIT },
      { by: 'reader', status: 403, method: 'GET', path: `${AUDIT}/export` },
      { by: 'operator', status: 404, method: 'PATCH', path: pathOf('nobody'), call: { body: { Name: 'X' } } },
      { by: 'operator', status: 404, method: 'PUT', path: pathOf('nobody'), call: { body: customer('U3') } },
      { by: 'operator', status: 404, method: 'DELETE', path: pathOf('nobody') },
      { by: 'operator', status: 404, method: 'GET', path: '/api/nothing' },
      { by: 'operator', status: 405, method: 'POST', path: pathOf('U1'), call: { body: customer('U3') } },
      {
        by: 'operator',
        status: 406,
        method: 'GET',
        path: pathOf('U1'),
        call: { headers: { accept: 'text/html' } },
      },
      {
        by: 'operator',
        status: 415,
        method: 'POST',
        path: LIST,
        call: { headers: { 'content-type': 'text/plain' } },
      },
      { by: 'operator', status: 409, method: 'POST', path: LIST, call: { body: customer('U1') } },
      { by: 'operator', status: 409, method: 'PATCH', path: pathOf('U1'), call: { body: { UserID: 'U2' } } },
      {
        by: 'operator',
        status: 412,
        method: 'PATCH',
        path: pathOf('U1'),
        call: { body: { Name: 'X' }, headers: { 'if-match': '"1-1"' } },
      },
      {
        by: 'operator',
        status: 412,
        method: 'DELETE',
        path: pathOf('U1'),
        call: { headers: { 'if-match': '"1-1"' } },
      },
      {
        by: 'operator',
        status: 400,
        method: 'DELETE',
        path: pathOf('U1'),
        call: { headers: { 'if-match': 'x' } },
      },
      { by: 'operator', status: 400, method: 'GET', path: `${LIST}?api_token=${'x'.repeat(30)}` },
      {
        by: 'operator',
        status: 422,
        method: 'POST',
        path: LIST,
        call: { body: { ...customer('U3'), Nmae: '' } },
      },
      { by: 'operator', status: 422, method: 'PATCH', path: pathOf('U1'), call: { body: {} } },
      { by: 'operator', status: 422, method: 'GET', path: `${pathOf('U1')}?recorded_at=yesterday` },
      { by: 'operator', status: 422, method: 'GET', path: `${LIST}?limit=0` },
      { by: 'operator', status: 422, method: 'GET', path: `${LIST}?Nmae=x` },
      { by: 'operator', status: 422, method: 'GET', path: `${pathOf('U1')}/history?limit=0` },
      { by: 'operator', status: 422, method: 'GET', path: '/api/ipdrcustomers_changes?wait=61' },
      { by: 'admin', status: 422, method: 'GET', path: `${AUDIT}?action=x` },
      {
        by: 'admin',
        status: 409,
        method: 'POST',
        path: '/api/admin/contexts',
        call: { body: { name: 'default' } },
      },
      {
        by: 'admin',
        status: 409,
        method: 'DELETE',
        path: '/api/admin/contexts/default',
        call: { body: { contextname: 'default' } },
      },
      {
        by: 'admin',
        status: 404,
        method: 'PATCH',
        path: '/api/admin/contexts/nowhere',
        call: { body: { enabled: false } },
      },
      {
        by: 'admin',
        status: 422,
        method: 'POST',
        path: '/api/admin/contexts',
        call: { body: { name: 'a b' } },
      },
      {
        by: 'admin',
        status: 409,
        method: 'POST',
        path: '/api/admin/users',
        call: { body: { name: 'admin', role: 'reader' } },
      },
      { by: 'admin', status: 404, method: 'DELETE', path: '/api/admin/users/nobody' },
      {
        by: 'admin',
        status: 422,
        method: 'POST',
        path: '/api/admin/users',
        call: { body: { name: 'x', role: 'reader', contexts: ['nowhere'] } },
      },
      {
        by: 'admin',
        status: 422,
        method: 'POST',
        path: '/api/admin/tokens',
        call: { body: { user: 'nobody' } },
      },
      { by: 'admin', status: 404, method: 'POST', path: '/api/admin/tokens/999999/rotate' },
      { by: 'admin', status: 404, method: 'DELETE', path: '/api/admin/tokens/999999' },
    ])(
      'does not record $method $path with $call by the $by, answered $status',
      async ({ by, status, method, path, call }) => {
        const before = await count();
        expect((await who[by]().call(method, path, call)).status).toBe(status);
        expect(await count()).toBe(before);
      },
    );

    it('does not record an Idempotency-Key that is sent with another request', async () => {
      const before = await count();
      const call = { body: { Name: 'other' }, headers: { 'idempotency-key': other.key } };
      expect((await caller.call('PATCH', pathOf('U1'), call)).status).toBe(409);
      expect(await count()).toBe(before);
    });

    it('does not record a repetition whose answer belongs to another token', async () => {
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
});

describe.each(databaseKinds)('on $name, while no entry can be written, the service', (kind) => {
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

  /** Runs `work` while no entry can be written. */
  const withoutAudit = async <T>(work: () => Promise<T>): Promise<T> => {
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
  /** All rows, except what the service writes beside requests: sign-ins and blocks. */
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

  it('writes nothing', async () => {
    const { username, contextname } = caller.credentials;
    const before = await written();
    const answers = await withoutAudit(async () => [
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

  it('answers no personal data', async () => {
    const before = await written();
    await untilSealed(service());
    const reads: { by: Caller; path: string; call?: Call }[] = [
      { by: caller, path: pathOf('U1') },
      { by: caller, path: pathOf('nobody') },
      { by: caller, path: `${pathOf('U1')}?recorded_at=2090-01-01T00:00:00Z` },
      { by: caller, path: `${pathOf('U1')}/history` },
      { by: caller, path: `${mappingsOf('U1')}/history` },
      { by: caller, path: LIST },
      { by: caller, path: LIST, call: { headers: NDJSON } },
      { by: caller, path: `${LIST}?limit=1` },
      { by: caller, path: '/api/ipdrcustomers_changes' },
      { by: admin, path: LIST, call: { body: { contextname: 'default' } } },
      { by: admin, path: AUDIT },
      { by: admin, path: `${AUDIT}?limit=1` },
      { by: admin, path: `${AUDIT}/export` },
    ];
    const answers = await withoutAudit(() =>
      Promise.all(reads.map(({ by, path, call }) => by.call('GET', path, call))),
    );
    expect(answers.map(({ status }) => status)).toEqual(reads.map(() => 500));
    for (const { text, headers } of answers) {
      expect(text).not.toMatch(/Trisul|Chennai|gmail|filled/);
      expect(headers['etag']).toBeUndefined();
    }
    expect(await written()).toEqual(before);
    for (const { by, path, call } of reads) {
      expect((await by.call('GET', path, call)).status).toBe(path === pathOf('nobody') ? 404 : 200);
    }
  });

  it('seals an intact chain once entries can be written again', async () => {
    await untilSealed(service());
    await withDataSource(
      database().configuration,
      (dataSource) => dataSource.query("DELETE FROM customers WHERE user_id LIKE 'filled-%'"), // these have no versions
    );
    expect(await verify(service())).toMatchObject({ intact: true, fault: null });
  });
});
