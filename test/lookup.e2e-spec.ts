import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { auditTrail } from './support/audit.js';
import { newCaller } from './support/callers.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { COVERAGE, IP, LOOKUP, T, useLookups, type Held } from './support/lookups.js';

const NOT_A_TIME = 'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999';
const UNKNOWN = 'is unknown here; correct its spelling or leave it out';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const notFree = (max: number): string =>
  `must be text of at most ${max} characters, without control characters`;
const NOBODY: Held = { holder: null, mapping: null };

describe.each(databaseKinds)('on $name, a look-up', (kind) => {
  const { clock, service, caller, write, map, get, sendCsv } = useLookups(kind);

  const held = async (ip: string, time: number | string, more: object = {}): Promise<Held> =>
    (await get({ ip, time, ...more })).json as Held;
  /** The UserID of the holder and the network of the mapping. */
  const found = async (ip: string, time: number, more: object = {}): Promise<unknown[]> => {
    const { holder, mapping } = await held(ip, time, more);
    return [holder?.['UserID'] ?? null, mapping?.['ipsubnet'] ?? null];
  };

  it('returns address, second, holder and mapping, byte for byte', async () => {
    const mapping = await write('POST', '/api/ipdrcustomers_mapping', {
      UserID: 'A',
      ipsubnet: '203.0.113.7/24',
      starttime: 100,
      endtime: 199,
      terminalid: 'T1',
    });
    const answer = await get({ ip: IP, time: 150 });
    const { id, ipdr_customer_id } = mapping;
    const holder = { id: ipdr_customer_id, ...customer('A') };
    const inOrder = { ip: IP, time: 150, holder, mapping: { id, ipdr_customer_id, ...mapping } };
    expect(answer.text).toBe(JSON.stringify(inOrder));
    const nobody = await get({ ip: IP, time: 200 });
    expect(nobody).toMatchObject({ status: 200, text: JSON.stringify({ ip: IP, time: 200, ...NOBODY }) });
  });

  it.each([
    ['GET', `?ip=${IP}&time=1970-01-01T00:02:30Z`, {}],
    ['GET', `?ip=${IP}&time=1970-01-01T05:32:30%2B05:30`, {}],
    ['GET', '?time=150', { ip: IP }],
    ['GET', `?ip=${IP}`, { ip: IP, time: '150' }],
    ['GET', '', { ip: `::ffff:${IP}`, time: 150 }],
    ['POST', '', { ip: IP, time: 150.0 }],
    ['POST', '', { ip: IP, time: '1970-01-01T00:02:30.999Z' }],
  ])('accepts %s %s %j', async (method, query, body) => {
    const { id } = await map('A', '203.0.113.0/24', 150, 150);
    const answer = await caller().call(method, LOOKUP + query, { body });
    const { ip = IP } = body as { ip?: string };
    expect(answer.json).toMatchObject({ ip, time: 150, holder: { UserID: 'A' }, mapping: { id } });
  });

  it('is about the present second unless it has a time', async () => {
    await map('A', IP, T + 5, T + 5);
    for (const [now, userId] of [
      [T + 4, null],
      [T + 5, 'A'],
      [T + 6, null],
    ] as const) {
      clock.at = now * 1000 + 999;
      const answer = (await get({ ip: IP })).json as Held & { time: number };
      expect([answer.time, answer.holder?.['UserID'] ?? null]).toEqual([now, userId]);
    }
  });

  it('finds the most specific mapping, including its last second', async () => {
    await map('A', '203.0.113.0/24', 0, 299);
    await map('A', '203.0.113.0/29', 100, 400);
    await map('A', `${IP}/32`, 200, 250);
    await map('B', '203.0.113.0/24', 401);
    for (const [time, network] of [
      [0, '203.0.113.0/24'],
      [99, '203.0.113.0/24'],
      [100, '203.0.113.0/29'],
      [200, `${IP}/32`],
      [250, `${IP}/32`],
      [251, '203.0.113.0/29'],
      [400, '203.0.113.0/29'],
    ] as const) {
      expect([time, ...(await found(IP, time))]).toEqual([time, 'A', network]);
    }
    expect(await found(IP, 401)).toEqual(['B', '203.0.113.0/24']);
    expect(await found('203.0.113.8', 299)).toEqual(['A', '203.0.113.0/24']);
    expect(await found('203.0.113.8', 300)).toEqual([null, null]);
  });

  it('returns the holder with the data of the time, as known now or at another time', async () => {
    await map('A', IP, 0);
    const first = T * 1000;
    clock.at = first + 10_500;
    await write('PATCH', pathOf('A'), { Name: 'Second', UserID: 'A2' });
    clock.at = first + 20_000;
    await write('PATCH', pathOf('A2'), { Name: 'Third', Email: null });
    const at = async (time: number, recordedAt?: number): Promise<unknown[]> => {
      const more = recordedAt === undefined ? {} : { recorded_at: new Date(recordedAt).toISOString() };
      const { holder } = await held(IP, time, more);
      return [holder?.['UserID'], holder?.['Name'], holder?.['Email']];
    };
    const [one, two, three] = [
      ['A', 'Trisul', 'demo@gmail.com'],
      ['A2', 'Second', 'demo@gmail.com'],
      ['A2', 'Third', null],
    ];
    expect(await at(5)).toEqual(one); // before the customer was created
    expect(await at(T + 9)).toEqual(one);
    expect(await at(T + 10)).toEqual(two); // the data at the end of the second
    expect(await at(T + 19)).toEqual(two);
    expect(await at(T + 20)).toEqual(three);
    expect(await at(T + 20, first + 19_999)).toEqual(two);
    expect(await at(T + 20, first + 10_500)).toEqual(two);
    expect(await at(T + 20, first + 10_499)).toEqual(one);
    expect(await at(T + 20, first)).toEqual(one);
    expect(await at(T + 20, first - 1)).toEqual([undefined, undefined, undefined]);
  });

  it('returns deleted customers, and distinguishes those who had the same UserID', async () => {
    const { ipdr_customer_id: deleted } = await map('A', IP, 100);
    await map('A', '203.0.113.8', T + 100);
    clock.at = (T + 10) * 1000 + 500;
    await write('DELETE', pathOf('A'));
    clock.at = (T + 20) * 1000;
    await write('POST', '/api/ipdrcustomers', customer('A', { Name: 'Another' }));
    const { ipdr_customer_id: another } = await map('A', IP, T + 10);
    expect((await held(IP, T + 9)).holder).toEqual({ id: deleted, ...customer('A'), deleted: true });
    expect((await held(IP, T + 10)).holder).toEqual({ id: another, ...customer('A', { Name: 'Another' }) });
    expect(await held('203.0.113.8', T + 100)).toMatchObject(NOBODY);
    const before = { recorded_at: new Date((T + 10) * 1000).toISOString() };
    expect((await held(IP, T + 50, before)).holder).toEqual({ id: deleted, ...customer('A') });
    expect((await held('203.0.113.8', T + 100, before)).holder).toEqual({ id: deleted, ...customer('A') });
  });

  it('ignores a later correction if it has an earlier recorded_at', async () => {
    const { id } = await map('A', IP, 100, 199);
    clock.at += 1000;
    await write('DELETE', `${pathOf('A')}/mappings/${String(id)}`);
    await map('B', IP, 100, 199);
    expect(await found(IP, 150)).toEqual(['B', IP]);
    expect(await found(IP, 150, { recorded_at: T })).toEqual(['A', IP]);
    expect(await found(IP, 150, { recorded_at: T + 2 })).toEqual(['B', IP]);
  });

  it('returns nothing of another context', async () => {
    await map('A', IP, 0);
    const other = await newCaller(service());
    expect((await other.call('GET', LOOKUP, { body: { ip: IP } })).json).toMatchObject(NOBODY);
    expect((await other.call('GET', `${LOOKUP}/history`, { body: { ip: IP } })).json).toEqual([]);
    const { json } = await other.call('GET', `${COVERAGE}?prefix=${IP}`);
    expect(json).toMatchObject({ customers: [], gaps: [{ first: IP, last: IP }] });
  });

  it.each<[object, string, string]>([
    [{}, 'ip', 'is required'],
    [{ ip: null }, 'ip', 'must be a string, not null'],
    [{ ip: '' }, 'ip', 'must not be empty'],
    [{ ip: ' ' }, 'ip', 'must not be blank'],
    [{ ip: 7 }, 'ip', 'must be a string, not a number'],
    [{ ip: '203.0.113.0/24' }, 'ip', 'must be a single address, without a prefix length'],
    [{ ip: '203.0.113.256' }, 'ip', 'must not have octets above 255 (256)'],
    [{ ip: '203.0.113.07' }, 'ip', 'must not have octets with leading zeros (07)'],
    [{ ip: '1.2.3' }, 'ip', 'must have four octets, such as 192.0.2.1'],
    [{ ip: 'fe80::1%eth0' }, 'ip', 'must not have a zone id (%eth0)'],
    [{ ip: 'localhost' }, 'ip', 'must be an IPv4 or IPv6 address'],
    [{ ip: IP, time: 1.5 }, 'time', NOT_A_TIME],
    [{ ip: IP, time: -1 }, 'time', NOT_A_TIME],
    [{ ip: IP, time: 253_402_300_800 }, 'time', NOT_A_TIME],
    [{ ip: IP, time: '2026-11-24 10:00:00' }, 'time', NOT_A_TIME],
    [{ ip: IP, time: null }, 'time', NOT_A_TIME],
    [{ ip: IP, time: '' }, 'time', NOT_A_TIME],
    [{ ip: IP, recorded_at: 'then' }, 'recorded_at', NOT_A_TIME],
    [{ ip: IP, case_reference: 'x'.repeat(256) }, 'case_reference', notFree(255)],
    [{ ip: IP, purpose: 'a\0b' }, 'purpose', notFree(1024)],
    [{ ip: IP, purpose: 5 }, 'purpose', 'must be a string, not a number'],
    [{ ip: IP, address: 'x' }, 'address', UNKNOWN],
  ])('refuses %j', async (body, field, message) => {
    for (const method of ['GET', 'POST']) {
      const answer = await caller().call(method, LOOKUP, { body });
      expect(answer.status).toBe(422);
      expect(answer.json).toMatchObject({ errors: [{ field, message }] });
    }
  });

  it('refuses an address in both the query string and the body', async () => {
    const answer = await caller().call('GET', `${LOOKUP}?ip=203.0.113.8`, { body: { ip: IP } });
    const message = 'differs between the query string and the body';
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ field: 'ip', message }] } });
  });

  it('is audited once, with its reference, its purpose and the holder', async () => {
    const { ipdr_customer_id } = await map('A', IP, 100, 199);
    const about = { case_reference: 'FIR 123/2026', purpose: 'Requested by court' };
    await get({ ip: IP, time: 150, ...about });
    await get({ ip: IP, time: 200 });
    const queries = [{ ip: IP, time: 150 }, { ip: `::ffff:${IP}`, time: '200' }, { ip: 'x' }];
    await caller().call('POST', LOOKUP, { body: { queries, ...about, recorded_at: T } });
    await sendCsv(`ip,time\r\n${IP},150\r\n`, '?purpose=CSV');
    await caller().call('GET', `${LOOKUP}/history`, { body: { ip: IP, from: 10, to: 199, ...about } });
    await caller().call('GET', `${COVERAGE}?prefix=203.0.113.77/24&from=10&to=20`);
    const entries = await auditTrail(service(), `user=${caller().credentials.username}`);
    expect(entries.map(({ action, UserID, details }) => [action, UserID, details]).slice(0, 6)).toEqual([
      ['coverage.read', null, { prefix: '203.0.113.0/24', from: 10, to: 20, records: 2 }],
      ['holder.history_read', null, { ip: IP, from: 10, to: 199, ...about, records: 1 }],
      [
        'holders.looked_up',
        null,
        { purpose: 'CSV', queries: 1, queries_sha256: sha256(`${IP},150\n`), records: 1 },
      ],
      [
        'holders.looked_up',
        null,
        {
          recorded_at: T,
          ...about,
          queries: 2,
          records: 1,
          queries_sha256: sha256(`${IP},150\n${IP},200\n`),
        },
      ],
      ['holder.looked_up', null, { ip: IP, time: 200, records: 0 }],
      ['holder.looked_up', 'A', { ip: IP, time: 150, ...about, ipdr_customer_id, records: 1 }],
    ]);
  });
  describe('of the history of an address', () => {
    it('returns every holder in order of time, each with the last data of its time', async () => {
      const { id: last } = await map('B', IP, T + 200);
      const { id: first } = await map('A', IP, 100, T + 99);
      const { id: around } = await map('A', '203.0.113.0/24', 50, 150);
      clock.at = (T + 100) * 1000;
      await write('PATCH', pathOf('A'), { Name: 'Later' });
      await write('PATCH', pathOf('B'), { Name: 'Now' });
      const history = async (more: object = {}): Promise<unknown[]> => {
        const { json } = await caller().call('GET', `${LOOKUP}/history`, { body: { ip: IP, ...more } });
        return (json as Held[]).map(({ holder, mapping }) => [
          holder?.['UserID'],
          holder?.['Name'],
          mapping?.['id'],
        ]);
      };
      const all = [
        ['A', 'Trisul', around],
        ['A', 'Trisul', first],
        ['B', 'Now', last],
      ];
      expect(await history()).toEqual(all);
      expect(await history({ from: 151 })).toEqual(all.slice(1));
      expect(await history({ from: 150, to: 150 })).toEqual(all.slice(0, 2));
      expect(await history({ from: T + 100, to: T + 199 })).toEqual([]);
      expect(await history({ to: T + 199 })).toEqual(all.slice(0, 2));
      expect(await history({ from: new Date((T + 100) * 1000).toISOString() })).toEqual(all.slice(2));
      await write('DELETE', pathOf('B'));
      expect(await history()).toEqual(all.slice(0, 2));
    });

    it.each<[object, string, string]>([
      [{}, 'ip', 'is required'],
      [{ ip: '1.2.3' }, 'ip', 'must have four octets, such as 192.0.2.1'],
      [{ ip: IP, from: 5, to: 4 }, 'from', 'must not be after to'],
      [{ ip: IP, from: 'x' }, 'from', NOT_A_TIME],
      [{ ip: IP, time: 5 }, 'time', UNKNOWN],
    ])('refuses %j', async (body, field, message) => {
      const answer = await caller().call('GET', `${LOOKUP}/history`, { body });
      expect(answer).toMatchObject({ status: 422, json: { errors: [{ field, message }] } });
    });
  });
});
