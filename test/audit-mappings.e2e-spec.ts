import { beforeEach, describe, expect, it } from '@jest/globals';
import { from, LABEL, useAuditedService } from './support/audited.js';
import { newCaller, type Caller } from './support/callers.js';
import type { Call } from './support/client.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import {
  addCustomer,
  addMapping,
  MAPPINGS,
  mappingPath,
  mappingsOf,
  type Mapping,
} from './support/mappings.js';

const LIST = '/api/ipdrcustomers';
const NDJSON = { accept: 'application/x-ndjson' };

interface Recorded {
  readonly method: string;
  /** The path; `:id` stands for the mapping's id. */
  readonly on: string;
  readonly call?: Call;
  readonly status: number;
  readonly action: string;
  readonly UserID: string | null;
  /** Without `filter`, the id of the mapping is expected too; with it, one record. */
  readonly details?: object;
}

describe.each(databaseKinds)('on $name, the audit trail of IP mappings', (kind) => {
  const { clock, service, count, entriesOf, entryOf } = useAuditedService(kind);

  let caller: Caller;
  let id: number;

  beforeEach(async () => {
    caller = await newCaller(service(), { token: { label: LABEL } });
    const answer = await caller.call('POST', LIST, from({ body: customer('U1') }));
    ({ id } = answer.json as { id: number });
    clock.at += 1000;
  });

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
  // Network, holder and period are kept in versions alone: entries stay when those are purged.
  it.each<Recorded>([
    {
      method: 'PATCH',
      on: one,
      call: { body: { terminalid: 'x' } },
      status: 200,
      action: 'mapping.updated',
      UserID: 'U1',
      details: {},
    },
    {
      method: 'PATCH',
      on: one,
      call: { body: { ipsubnet, ...without } },
      status: 200,
      action: 'mapping.unchanged',
      UserID: 'U1',
      details: {},
    },
    {
      method: 'PUT',
      on: flat,
      call: { body: { starttime: 0 } },
      status: 200,
      action: 'mapping.updated',
      UserID: 'U1',
      details: {},
    },
    {
      method: 'PUT',
      on: flat,
      call: { body: { ipsubnet } },
      status: 200,
      action: 'mapping.unchanged',
      UserID: 'U1',
      details: {},
    },
    { method: 'DELETE', on: one, status: 200, action: 'mapping.deleted', UserID: 'U1', details: {} },
    {
      method: 'DELETE',
      on: flat,
      call: { body: { UserID: 'U1' } },
      status: 200,
      action: 'mapping.deleted',
      UserID: 'U1',
      details: {},
    },
    { method: 'GET', on: one, status: 200, action: 'mapping.read', UserID: 'U1', details: { records: 1 } },
    {
      method: 'GET',
      on: one,
      call: { headers: { 'if-none-match': '*' } },
      status: 304,
      action: 'mapping.read',
      UserID: 'U1',
      details: { records: 1 },
    },
    {
      method: 'GET',
      on: `${mappingsOf('U1')}/0`,
      status: 404,
      action: 'mapping.read',
      UserID: 'U1',
      details: { id: 0, records: 0 },
    },
    {
      method: 'GET',
      on: `${mappingsOf('e\u0301')}/:id`,
      status: 404,
      action: 'mapping.read',
      UserID: 'é',
      details: { records: 0 },
    },
    {
      method: 'GET',
      on: mappingsOf('e\u0301'),
      status: 404,
      action: 'mappings.listed',
      UserID: 'é',
      details: { filter: {}, records: 0 },
    },
    {
      method: 'GET',
      on: `${mappingsOf('nobody')}?limit=5`,
      status: 404,
      action: 'mappings.listed',
      UserID: 'nobody',
      details: { filter: { limit: '5' }, records: 0 },
    },
    {
      method: 'GET',
      on: MAPPINGS,
      call: { body: { UserID: 'nobody' } },
      status: 404,
      action: 'mappings.listed',
      UserID: 'nobody',
      details: { filter: { UserID: 'nobody' }, records: 0 },
    },
    {
      method: 'GET',
      on: `${mappingsOf('U1')}/history?limit=5`,
      status: 200,
      action: 'mapping.history_read',
      UserID: 'U1',
      details: { filter: { limit: '5' }, records: 1 },
    },
    {
      method: 'GET',
      on: MAPPINGS,
      status: 200,
      action: 'mappings.listed',
      UserID: null,
      details: { filter: {} },
    },
    {
      method: 'GET',
      on: mappingsOf('U1'),
      status: 200,
      action: 'mappings.listed',
      UserID: 'U1',
      details: { filter: {} },
    },
    {
      method: 'GET',
      on: mappingsOf('U1'),
      call: { headers: NDJSON },
      status: 200,
      action: 'mappings.listed',
      UserID: 'U1',
      details: { filter: {} },
    },
    {
      method: 'GET',
      on: `${MAPPINGS}?limit=5`,
      call: { body: { UserID: 'U1' } },
      status: 200,
      action: 'mappings.listed',
      UserID: 'U1',
      details: { filter: { limit: '5', UserID: 'U1' } },
    },
  ])(
    'records $method $on with $call, answered $status, as $action',
    async ({ method, on, call, status, action, UserID, details = {} }) => {
      const answer = await caller.call(method, on.replace(':id', String(mapping.id)), from(call));
      expect(answer.status).toBe(status);
      const [entry, ...rest] = await entriesOf(caller);
      const common =
        'filter' in details
          ? { records: 1 }
          : { id: mapping.id, ...(UserID === 'U1' && { ipdr_customer_id: id }) };
      expect(entry).toEqual(entryOf(caller, action, UserID, { ...common, ...details }));
      expect(rest.map((each) => each.action)).toEqual(['mapping.created', 'customer.created']);
    },
  );

  it.each([MAPPINGS, mappingsOf('U1')])('records POST %s with the id of the new mapping', async (on) => {
    const body = { ...(on === MAPPINGS && { UserID: 'U1' }), ...without, ipsubnet: '198.51.100.1' };
    const { json } = await caller.call('POST', on, from({ body }));
    const [entry, ...rest] = await entriesOf(caller);
    expect(entry).toEqual(
      entryOf(caller, 'mapping.created', 'U1', { id: (json as Mapping).id, ipdr_customer_id: id }),
    );
    expect(rest).toHaveLength(2);
  });

  it('records the UserID as the register stores it', async () => {
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

  it('records both customers of a reassignment, each with the other', async () => {
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
        id: mapping.id,
        ipdr_customer_id: id,
        reassigned_to: 'U2',
        starttime: 150,
      }),
    ]);
  });

  it.each([{}, { 'idempotency-key': 'k' }])(
    'records a refusal that reveals mappings, with the headers %j',
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
          code: 'mapping_overlap',
          ipsubnet: '192.0.2.7',
          records: 1,
        }),
      ]);
    },
  );

  it('records a refused duplicate, which reveals that the mapping exists', async () => {
    const before = await entriesOf(caller);
    const body = { ...without, ipsubnet };
    const answer = await caller.call('POST', mappingsOf('U1'), from({ body }));
    expect(answer.json).toMatchObject({ code: 'mapping_duplicate' });
    const details = { code: 'mapping_duplicate', ipsubnet, records: 1 };
    expect((await entriesOf(caller)).slice(0, -before.length)).toEqual([
      entryOf(caller, 'mapping.refused', 'U1', details),
    ]);
  });

  it('records the network of a refusal as it was sent or, if it was not, as the mapping has it', async () => {
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

  it('records what a deletion of the holder does to its mappings, before the deletion itself', async () => {
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

  it.each<{ status: number; method: string; on: string; call?: Call }>([
    { status: 404, method: 'POST', on: mappingsOf('nobody'), call: { body: { ipsubnet, ...without } } },
    { status: 404, method: 'PATCH', on: `${mappingsOf('U1')}/0`, call: { body: { terminalid: 'x' } } },
    { status: 412, method: 'DELETE', on: one, call: { headers: { 'if-match': '"x"' } } },
    { status: 400, method: 'GET', on: one, call: { headers: { 'if-none-match': 'x' } } },
    { status: 422, method: 'PUT', on: flat, call: { body: {} } },
    { status: 422, method: 'POST', on: `${one}/reassign`, call: { body: { UserID: 'U1', starttime: 150 } } },
    {
      status: 422,
      method: 'POST',
      on: `${one}/reassign?dry_run=true`,
      call: { body: { UserID: 'U1', starttime: 150 } },
    },
    { status: 422, method: 'GET', on: `${MAPPINGS}?limit=0` },
    { status: 422, method: 'GET', on: `${mappingsOf('U1')}/history?id=x` },
  ])(
    'does not record $method $on, refused with $status, which reveals no mapping',
    async ({ status, method, on, call }) => {
      const before = await count();
      expect((await caller.call(method, on.replace(':id', String(mapping.id)), call)).status).toBe(status);
      expect(await count()).toBe(before);
    },
  );
});
