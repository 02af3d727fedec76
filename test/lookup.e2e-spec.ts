import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { auditTrail } from './support/audit.js';
import { asHeaders, newCaller, type Caller } from './support/callers.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import type { Answer } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { useService } from './support/use-service.js';

const LOOKUP = '/api/ipdrlookup';
const COVERAGE = '/api/ipdrcoverage';
const IP = '203.0.113.7';
/** Unix seconds. */
const T = 1_764_000_000;
const CSV = { 'content-type': 'text/csv' };
const COLUMNS =
  'ip,time,UserID,Name,Address,Email,PhoneNumber,AltPhoneNumber,deleted,' +
  'mapping_id,ipdr_customer_id,ipsubnet,starttime,endtime,terminalid,error';

interface Held {
  readonly holder: Record<string, unknown> | null;
  readonly mapping: Record<string, unknown> | null;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const notFree = (max: number): string =>
  `must be text of at most ${max} characters, without control characters`;

const NOBODY: Held = { holder: null, mapping: null };

describe.each(databaseKinds)('a look-up, on $name,', (kind) => {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: clock.adapt });
  let caller: Caller;

  beforeEach(async () => {
    clock.at = T * 1000;
    caller = await newCaller(service());
    for (const UserID of ['A', 'B']) await write('POST', '/api/ipdrcustomers', customer(UserID));
  });

  const write = async (method: string, path: string, body: object = {}): Promise<Record<string, unknown>> => {
    const answer = await caller.call(method, path, { body });
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json as Record<string, unknown>;
  };
  const map = (
    userId: string,
    ipsubnet: string,
    starttime: number,
    endtime: number | null = null,
  ): Promise<Record<string, unknown>> =>
    write('POST', `${pathOf(userId)}/mappings`, { ipsubnet, starttime, endtime });
  const get = (body: object): Promise<Answer> => caller.call('GET', LOOKUP, { body });
  const held = async (ip: string, time: number | string, more: object = {}): Promise<Held> =>
    (await get({ ip, time, ...more })).json as Held;
  /** The UserID of the holder, and the mapping's network. */
  const named = async (ip: string, time: number, more: object = {}): Promise<unknown[]> => {
    const { holder, mapping } = await held(ip, time, more);
    return [holder?.['UserID'] ?? null, mapping?.['ipsubnet'] ?? null];
  };
  const sendCsv = (csv: string | Buffer, query = '', headers: Record<string, string> = {}): Promise<Answer> =>
    caller.call('POST', `${LOOKUP}${query}`, {
      raw: csv,
      headers: { ...CSV, ...asHeaders(caller.credentials), ...headers },
    });

  it('answers address, second, holder and mapping, byte for byte', async () => {
    const mapping = await write('POST', '/api/ipdrcustomers_mapping', {
      ...{ UserID: 'A', ipsubnet: '203.0.113.7/24', starttime: 100, endtime: 199, terminalid: 'T1' },
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
  ])('may be asked by %s %s %j', async (method, query, body) => {
    const { id } = await map('A', '203.0.113.0/24', 150, 150);
    const answer = await caller.call(method, LOOKUP + query, { body });
    const { ip = IP } = body as { ip?: string };
    expect(answer.json).toMatchObject({ ip, time: 150, holder: { UserID: 'A' }, mapping: { id } });
  });

  it('is about now, if it does not say when', async () => {
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

  it('takes the most specific mapping, and the last second of each', async () => {
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
      expect([time, ...(await named(IP, time))]).toEqual([time, 'A', network]);
    }
    expect(await named(IP, 401)).toEqual(['B', '203.0.113.0/24']);
    expect(await named('203.0.113.8', 299)).toEqual(['A', '203.0.113.0/24']);
    expect(await named('203.0.113.8', 300)).toEqual([null, null]);
  });

  it('gives the holder with the data that it had then, as known now or at another moment', async () => {
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
    expect(await at(5)).toEqual(one); // before it was recorded
    expect(await at(T + 9)).toEqual(one);
    expect(await at(T + 10)).toEqual(two); // at the end of that second
    expect(await at(T + 19)).toEqual(two);
    expect(await at(T + 20)).toEqual(three);
    expect(await at(T + 20, first + 19_999)).toEqual(two);
    expect(await at(T + 20, first + 10_500)).toEqual(two);
    expect(await at(T + 20, first + 10_499)).toEqual(one);
    expect(await at(T + 20, first)).toEqual(one);
    expect(await at(T + 20, first - 1)).toEqual([undefined, undefined, undefined]);
  });

  it('still names customers who are gone, and tells apart those who had one UserID', async () => {
    const { ipdr_customer_id: gone } = await map('A', IP, 100);
    await map('A', '203.0.113.8', T + 100);
    clock.at = (T + 10) * 1000 + 500;
    await write('DELETE', pathOf('A'));
    clock.at = (T + 20) * 1000;
    await write('POST', '/api/ipdrcustomers', customer('A', { Name: 'Another' }));
    const { ipdr_customer_id: another } = await map('A', IP, T + 10);
    expect((await held(IP, T + 9)).holder).toEqual({ id: gone, ...customer('A'), deleted: true });
    expect((await held(IP, T + 10)).holder).toEqual({ id: another, ...customer('A', { Name: 'Another' }) });
    expect(await held('203.0.113.8', T + 100)).toMatchObject(NOBODY);
    const before = { recorded_at: new Date((T + 10) * 1000).toISOString() };
    expect((await held(IP, T + 50, before)).holder).toEqual({ id: gone, ...customer('A') });
    expect((await held('203.0.113.8', T + 100, before)).holder).toEqual({ id: gone, ...customer('A') });
  });

  it('knows what was corrected since only if it is not asked for what was known before', async () => {
    const { id } = await map('A', IP, 100, 199);
    clock.at += 1000;
    await write('DELETE', `${pathOf('A')}/mappings/${String(id)}`);
    await map('B', IP, 100, 199);
    expect(await named(IP, 150)).toEqual(['B', IP]);
    expect(await named(IP, 150, { recorded_at: T })).toEqual(['A', IP]);
    expect(await named(IP, 150, { recorded_at: T + 2 })).toEqual(['B', IP]);
  });

  it('sees nothing of another context', async () => {
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
    [
      { ip: IP, time: 1.5 },
      'time',
      'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
    ],
    [
      { ip: IP, time: -1 },
      'time',
      'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
    ],
    [
      { ip: IP, time: 253_402_300_800 },
      'time',
      'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
    ],
    [
      { ip: IP, time: '2026-11-24 10:00:00' },
      'time',
      'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
    ],
    [
      { ip: IP, time: null },
      'time',
      'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
    ],
    [
      { ip: IP, time: '' },
      'time',
      'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
    ],
    [
      { ip: IP, recorded_at: 'then' },
      'recorded_at',
      'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
    ],
    [{ ip: IP, case_reference: 'x'.repeat(256) }, 'case_reference', notFree(255)],
    [{ ip: IP, purpose: 'a\0b' }, 'purpose', notFree(1024)],
    [{ ip: IP, purpose: 5 }, 'purpose', 'must be a string, not a number'],
    [{ ip: IP, address: 'x' }, 'address', 'is unknown here; correct its spelling or leave it out'],
  ])('refuses %j', async (body, field, message) => {
    for (const method of ['GET', 'POST']) {
      const answer = await caller.call(method, LOOKUP, { body });
      expect(answer.status).toBe(422);
      expect(answer.json).toMatchObject({ errors: [{ field, message }] });
    }
  });

  it('refuses what is asked twice, in two ways', async () => {
    const answer = await caller.call('GET', `${LOOKUP}?ip=203.0.113.8`, { body: { ip: IP } });
    const message = 'differs between the query string and the body';
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ field: 'ip', message }] } });
  });

  it('is on record, once, with its reference, its purpose and the holder', async () => {
    const { ipdr_customer_id } = await map('A', IP, 100, 199);
    const about = { case_reference: 'FIR 123/2026', purpose: 'Requested by court' };
    await get({ ip: IP, time: 150, ...about });
    await get({ ip: IP, time: 200 });
    const queries = [{ ip: IP, time: 150 }, { ip: `::ffff:${IP}`, time: '200' }, { ip: 'x' }];
    await caller.call('POST', LOOKUP, { body: { queries, ...about, recorded_at: T } });
    await sendCsv(`ip,time\r\n${IP},150\r\n`, '?purpose=CSV');
    await caller.call('GET', `${LOOKUP}/history`, { body: { ip: IP, from: 10, to: 199, ...about } });
    await caller.call('GET', `${COVERAGE}?prefix=203.0.113.77/24&from=10&to=20`);
    const entries = await auditTrail(service(), `user=${caller.credentials.username}`);
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
          ...{ recorded_at: T, ...about, queries: 2, records: 1 },
          queries_sha256: sha256(`${IP},150\n${IP},200\n`),
        },
      ],
      ['holder.looked_up', null, { ip: IP, time: 200, records: 0 }],
      ['holder.looked_up', 'A', { ip: IP, time: 150, ...about, ipdr_customer_id, records: 1 }],
    ]);
  });

  describe('of many addresses', () => {
    it('answers in order, a bad query in its own place', async () => {
      await map('A', '203.0.113.0/25', 0);
      await map('B', '203.0.113.128/25', 0);
      const queries: unknown[] = Array.from({ length: 10_000 }, (_, n) => ({
        ip: `203.0.113.${(n * 7) % 256}`,
        time: n,
      }));
      queries[4321] = { ip: '203.0.113.300', time: 1.5, when: 'x' };
      const answer = await caller.call('POST', LOOKUP, { body: { queries } });
      const { results } = answer.json as { results: Record<string, unknown>[] };
      expect(results).toHaveLength(10_000);
      expect(results[4321]).toEqual({
        status: 'ERROR',
        code: 'validation_failed',
        message:
          'ip must not have octets above 255 (300); time must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999; ' +
          'when is unknown here; correct its spelling or leave it out',
        errors: [
          { field: 'ip', message: 'must not have octets above 255 (300)' },
          {
            field: 'time',
            message: 'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
          },
          { field: 'when', message: 'is unknown here; correct its spelling or leave it out' },
        ],
      });
      const wrong = results.filter(({ ip, time, holder }, n) => {
        const octet = (n * 7) % 256;
        const { UserID } = (holder ?? {}) as { UserID?: string };
        const isRight = ip === `203.0.113.${octet}` && time === n && UserID === (octet < 128 ? 'A' : 'B');
        return n !== 4321 && !isRight;
      });
      expect(wrong).toEqual([]);
    });

    it('answers each as it would alone', async () => {
      await map('A', '203.0.113.0/24', 100, 199);
      await map('A', IP, 150, 160);
      await map('B', '2001:db8::/48', 0);
      const queries = [
        ...[IP, '203.0.113.8', '2001:db8::5', `::ffff:${IP}`].flatMap((ip) =>
          [99, 100, 155, 199, '200'].map((time) => ({ ip, time })),
        ),
        { ip: IP },
      ];
      const { json } = await caller.call('POST', LOOKUP, { body: { queries } });
      const alone = await Promise.all(queries.map(async (query) => (await get(query)).json));
      expect(json).toEqual({ results: alone });
    });

    it('answers twenty clients who ask at once', async () => {
      await map('A', IP, 0);
      const queries = Array.from({ length: 4000 }, () => ({ ip: IP }));
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => caller.call('POST', LOOKUP, { body: { queries } })),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    });

    it('answers all of one state of the register, whatever is written meanwhile', async () => {
      await map('A', '203.0.113.0/24', 0);
      const { id } = await map('A', IP, 100);
      const path = `${pathOf('A')}/mappings/${String(id)}`;
      const queries = Array.from({ length: 2000 }, () => ({ ip: IP, time: 150 }));
      let isOver = false;
      const writing = (async () => {
        for (let n = 0; !isOver; n++) await write('PATCH', path, { starttime: n % 2 === 0 ? 100 : 200 });
      })();
      for (let n = 0; n < 8; n++) {
        const { json } = await caller.call('POST', LOOKUP, { body: { queries } });
        expect(
          new Set((json as { results: Held[] }).results.map(({ mapping }) => mapping?.['id'])).size,
        ).toBe(1);
      }
      isOver = true;
      await writing;
    });

    it.each<[unknown, string]>([
      ['x', 'must be an array, not a string'],
      [null, 'must be an array, not null'],
      [Array.from({ length: 10_001 }, () => 0), 'must hold at most 10000 queries'],
    ])('refuses queries of another form', async (queries, message) => {
      const answer = await caller.call('POST', LOOKUP, { body: { queries } });
      expect(answer.json).toMatchObject({ errors: [{ field: 'queries', message }] });
    });

    it('takes none, and none besides', async () => {
      const empty = await caller.call('POST', LOOKUP, { body: { queries: [] } });
      expect(empty).toMatchObject({ status: 200, text: '{"results":[]}' });
      const both = await caller.call('POST', LOOKUP, { body: { ip: IP, queries: [] } });
      const message = 'belongs into each query when there are queries';
      expect(both).toMatchObject({ status: 422, json: { errors: [{ field: 'ip', message }] } });
    });

    it('takes a body of more than 1 MiB, and none of more than 4', async () => {
      const space = (bytes: number): string => ' '.repeat(bytes);
      const body = JSON.stringify({ ...caller.credentials, queries: [{ ip: IP }] });
      const long = await caller.call('POST', LOOKUP, { raw: body + space(2 ** 21) });
      expect(long.status).toBe(200);
      const longer = await caller.call('POST', LOOKUP, { raw: body + space(2 ** 22) });
      expect(longer).toMatchObject({
        status: 413,
        json: { message: 'The body is larger than 4194304 bytes' },
      });
    });
  });

  describe('as CSV', () => {
    const noTime = 'time must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999';
    const unknown = 'is unknown here; correct its spelling or leave it out';

    const line = (ip: string, time: number, userId: string, mapping: Record<string, unknown>): string => {
      const { Name, Address, Email, PhoneNumber, AltPhoneNumber } = customer(userId);
      const { id, ipdr_customer_id, ipsubnet, starttime } = mapping;
      const cells = [ip, time, userId, Name, Address, Email, PhoneNumber, AltPhoneNumber, '', id];
      return [...cells, ipdr_customer_id, ipsubnet, starttime, '', '', ''].join(',');
    };

    it.each([
      ['with a header line', 'ip,time\n'],
      ['with one in capitals, and a byte order mark', '\ufeffIP,Time\r\n'],
      ['without one', ''],
    ])('answers in order, %s', async (_form, header) => {
      const mapping = await map('A', '203.0.113.0/24', 0);
      const lines = `${IP},150,\n\n1.2.3,x\n"203.0.113.9", 7\n2001:db8::1,5\n=1+1,5\n${IP}\n${IP},5,6,,7\n`;
      const answer = await sendCsv(header + lines);
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
      expect(answer.text.split('\r\n')).toEqual([
        COLUMNS,
        line(IP, 150, 'A', mapping),
        `1.2.3,x,,,,,,,,,,,,,,"ip must have four octets, such as 192.0.2.1; ${noTime}"`,
        line('203.0.113.9', 7, 'A', mapping),
        '2001:db8::1,5,,,,,,,,,,,,,,',
        "'=1+1,5,,,,,,,,,,,,,,ip must be an IPv4 or IPv6 address",
        `${IP},,,,,,,,,,,,,,,"${noTime}"`,
        `${IP},5,,,,,,,,,,,,,,column 3 ${unknown}; column 5 ${unknown}`,
        '',
      ]);
    });

    it('has phone numbers as they are, and nothing that a spreadsheet would run', async () => {
      const phones = { PhoneNumber: '+91 (987) 65-43210', AltPhoneNumber: '+1+1' };
      await write('POST', '/api/ipdrcustomers', customer('C', { ...phones, Name: '-5', Address: '@x' }));
      await map('C', IP, 0);
      const { Email } = customer('C');
      const cells = `${IP},5,C,-5,'@x,${Email},+91 (987) 65-43210,'+1+1,,`;
      expect((await sendCsv(`${IP},5`)).text).toContain(cells);
    });

    it('takes its columns in another order, and one alone', async () => {
      await map('A', IP, 100, 150);
      clock.at = 150_000;
      expect((await sendCsv(`time,ip\n150,${IP}`)).text).toContain(`${IP},150,A,`);
      expect((await sendCsv(`ip\n${IP}`)).text).toContain(`${IP},150,A,`);
      expect((await sendCsv(`${IP}\n\n${IP}`)).text).toContain(`${IP},150,A,`);
      expect((await sendCsv('ip,time\n')).text).toBe(`${COLUMNS}\r\n`);
    });

    it.each<[string, number, string]>([
      ['ip,when\n1.2.3.4,5', 422, 'the header line may hold each of the columns ip and time once'],
      ['ip,ip\n1.2.3.4,5', 422, 'the header line may hold each of the columns ip and time once'],
      ['1.2.3.4\n'.repeat(10_001), 422, 'must hold at most 10000 queries'],
      ['ip,time\n1.2.3.4,"5', 400, 'The body is not valid CSV (line 2)'],
    ])('refuses %j', async (csv, status, message) => {
      const answer = await sendCsv(csv);
      expect(answer.status).toBe(status);
      const { errors, message: whole } = answer.json as { errors?: { message: string }[]; message: string };
      expect(errors?.[0]?.message ?? whole).toBe(message);
    });

    it('must be UTF-8, and only where it is taken', async () => {
      expect(await sendCsv(Buffer.from('ip\n\xff', 'latin1'))).toMatchObject({ status: 400 });
      const utf16 = await sendCsv('ip', '', { 'content-type': 'text/csv; charset=utf-16' });
      expect(utf16.status).toBe(415);
      const headers = { ...CSV, ...asHeaders(caller.credentials) };
      const elsewhere = await caller.call('POST', '/api/ipdrcustomers', { raw: 'ip', headers });
      expect(elsewhere.status).toBe(415);
    });

    it('is answered as JSON, and JSON as CSV, if the client asks for that', async () => {
      await map('A', IP, 0);
      const json = await sendCsv(`${IP},5`, '', { accept: 'application/json' });
      expect(json.json).toMatchObject({ results: [{ ip: IP, time: 5, holder: { UserID: 'A' } }] });
      const body = { queries: [{ ip: IP, time: 5 }] };
      const csv = await caller.call('POST', LOOKUP, { body, headers: { accept: 'text/csv' } });
      expect(csv.text).toContain(`${COLUMNS}\r\n${IP},5,A,`);
    });
  });

  describe('of the whole history of an address', () => {
    it('tells of every holder in order of time, each with the last data of its time', async () => {
      const { id: last } = await map('B', IP, T + 200);
      const { id: first } = await map('A', IP, 100, T + 99);
      const { id: around } = await map('A', '203.0.113.0/24', 50, 150);
      clock.at = (T + 100) * 1000;
      await write('PATCH', pathOf('A'), { Name: 'Later' });
      await write('PATCH', pathOf('B'), { Name: 'Now' });
      const history = async (more: object = {}): Promise<unknown[]> => {
        const { json } = await caller.call('GET', `${LOOKUP}/history`, { body: { ip: IP, ...more } });
        return (json as Held[]).map(({ holder, mapping }) => [
          ...[holder?.['UserID'], holder?.['Name'], mapping?.['id']],
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
      [
        { ip: IP, from: 'x' },
        'from',
        'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
      ],
      [{ ip: IP, time: 5 }, 'time', 'is unknown here; correct its spelling or leave it out'],
    ])('refuses %j', async (body, field, message) => {
      const answer = await caller.call('GET', `${LOOKUP}/history`, { body });
      expect(answer).toMatchObject({ status: 422, json: { errors: [{ field, message }] } });
    });
  });

  describe('of gaps and doubts', () => {
    const report = async (query: string): Promise<Record<string, unknown>> =>
      (await caller.call('GET', `${COVERAGE}?${query}`)).json as Record<string, unknown>;

    it('tells which addresses nobody held, and when', async () => {
      await map('A', '203.0.113.0/26', 100, 199);
      await map('A', IP, 150);
      await map('B', '203.0.113.128/25', 0);
      const gaps = [
        { first: '203.0.113.0', last: '203.0.113.6', starttime: 90, endtime: 99 },
        { first: '203.0.113.0', last: '203.0.113.6', starttime: 200, endtime: 300 },
        { first: '203.0.113.7', last: '203.0.113.7', starttime: 90, endtime: 99 },
        { first: '203.0.113.8', last: '203.0.113.63', starttime: 90, endtime: 99 },
        { first: '203.0.113.8', last: '203.0.113.63', starttime: 200, endtime: 300 },
        { first: '203.0.113.64', last: '203.0.113.127', starttime: 90, endtime: 300 },
      ];
      expect(await report('prefix=203.0.113.9/24&from=90&to=300')).toMatchObject({
        ...{ prefix: '203.0.113.0/24', from: 90, to: 300, gaps },
      });
      const now = { starttime: T, endtime: T };
      expect(await report('prefix=203.0.113.0/29')).toMatchObject({
        ...{ from: T, to: T },
        gaps: [{ first: '203.0.113.0', last: '203.0.113.6', ...now }],
      });
      expect(await report('prefix=2001:db8::/126&to=5')).toMatchObject({
        gaps: [{ first: '2001:db8::', last: '2001:db8::3', starttime: 5, endtime: 5 }],
      });
      expect(await report('prefix=203.0.113.192/26&from=0')).toMatchObject({ gaps: [] });
    });

    it('names the customers who held nothing, and what is missing of each', async () => {
      const complete = { Address: '1 Gandhi Street', Email: 'a@demo.example', PhoneNumber: '044 28123456' };
      const add = (UserID: string, fields: object): Promise<Record<string, unknown>> =>
        write('POST', '/api/ipdrcustomers', { Name: 'N', UserID, ...complete, ...fields });
      const { id: ids } = await add('complete', {});
      await add('bare', { Address: null, Email: '', PhoneNumber: ' ' });
      await add('placeholder', { Address: 'N/A', AltPhoneNumber: '+91 99999 99999' });
      await add('former', {});
      for (const UserID of ['A', 'B', 'complete', 'bare', 'placeholder']) {
        await map(UserID, `198.51.100.${UserID.length}${UserID.codePointAt(0)! % 10}`, 100);
      }
      await map('former', '192.0.2.1', 0, 99);
      const { customers } = await report('prefix=203.0.113.0/24');
      const made = ['PhoneNumber', 'AltPhoneNumber'];
      const first = Number(ids);
      expect(customers).toEqual([
        { id: first - 2, UserID: 'A', missing: [], placeholders: made },
        { id: first - 1, UserID: 'B', missing: [], placeholders: made },
        { id: first + 1, UserID: 'bare', missing: ['Address', 'Email', 'PhoneNumber'], placeholders: [] },
        { id: first + 2, UserID: 'placeholder', missing: ['Address'], placeholders: ['AltPhoneNumber'] },
        { id: first + 3, UserID: 'former', missing: ['ipsubnet'], placeholders: [] },
      ]);
      const then = await report('prefix=203.0.113.0/24&from=99');
      expect((then['customers'] as { UserID: string }[]).map(({ UserID }) => UserID)).not.toContain('former');
    });

    it.each<[string, string, string]>([
      ['', 'prefix', 'is required'],
      ['prefix=203.0.113.0/33', 'prefix', 'must not have a prefix longer than /32'],
      ['prefix=203.0.113.0&from=5&to=4', 'from', 'must not be after to'],
      [
        'prefix=203.0.113.0&from=x',
        'from',
        'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999',
      ],
    ])('refuses %s', async (query, field, message) => {
      expect(await report(query)).toMatchObject({ errors: [{ field, message }] });
    });
  });
});
