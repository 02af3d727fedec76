import { describe, expect, it } from '@jest/globals';
import { asHeaders } from './support/callers.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { CSV, IP, LOOKUP, useLookups, type Held } from './support/lookups.js';

const COLUMNS =
  'ip,time,UserID,Name,Address,Email,PhoneNumber,AltPhoneNumber,deleted,' +
  'mapping_id,ipdr_customer_id,ipsubnet,starttime,endtime,terminalid,error';
const NOT_A_TIME = 'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999';
const UNKNOWN = 'is unknown here; correct its spelling or leave it out';

describe.each(databaseKinds)('on $name, a look-up', (kind) => {
  const { clock, caller, write, map, get, sendCsv } = useLookups(kind);

  describe('of many addresses', () => {
    it('answers in order, with an error in the place of a bad query', async () => {
      await map('A', '203.0.113.0/25', 0);
      await map('B', '203.0.113.128/25', 0);
      const queries: unknown[] = Array.from({ length: 10_000 }, (_, n) => ({
        ip: `203.0.113.${(n * 7) % 256}`,
        time: n,
      }));
      queries[4321] = { ip: '203.0.113.300', time: 1.5, when: 'x' };
      const answer = await caller().call('POST', LOOKUP, { body: { queries } });
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
            message: NOT_A_TIME,
          },
          { field: 'when', message: UNKNOWN },
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

    it('answers each as it would answer it alone', async () => {
      await map('A', '203.0.113.0/24', 100, 199);
      await map('A', IP, 150, 160);
      await map('B', '2001:db8::/48', 0);
      const queries = [
        ...[IP, '203.0.113.8', '2001:db8::5', `::ffff:${IP}`].flatMap((ip) =>
          [99, 100, 155, 199, '200'].map((time) => ({ ip, time })),
        ),
        { ip: IP },
      ];
      const { json } = await caller().call('POST', LOOKUP, { body: { queries } });
      const alone = await Promise.all(queries.map(async (query) => (await get(query)).json));
      expect(json).toEqual({ results: alone });
    });

    it('answers twenty clients at once', async () => {
      await map('A', IP, 0);
      const queries = Array.from({ length: 4000 }, () => ({ ip: IP }));
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => caller().call('POST', LOOKUP, { body: { queries } })),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    });

    it('answers all from one state of the register, whatever is written meanwhile', async () => {
      await map('A', '203.0.113.0/24', 0);
      const { id } = await map('A', IP, 100);
      const path = `${pathOf('A')}/mappings/${String(id)}`;
      const queries = Array.from({ length: 2000 }, () => ({ ip: IP, time: 150 }));
      let isOver = false;
      const writing = (async () => {
        for (let n = 0; !isOver; n++) await write('PATCH', path, { starttime: n % 2 === 0 ? 100 : 200 });
      })();
      for (let n = 0; n < 8; n++) {
        const { json } = await caller().call('POST', LOOKUP, { body: { queries } });
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
      [Array.from({ length: 10_001 }, () => 0), 'must contain at most 10000 queries'],
    ])('refuses queries that are no array of at most 10000', async (queries, message) => {
      const answer = await caller().call('POST', LOOKUP, { body: { queries } });
      expect(answer.json).toMatchObject({ errors: [{ field: 'queries', message }] });
    });

    it('accepts no queries, and refuses an address beside them', async () => {
      const empty = await caller().call('POST', LOOKUP, { body: { queries: [] } });
      expect(empty).toMatchObject({ status: 200, text: '{"results":[]}' });
      const both = await caller().call('POST', LOOKUP, { body: { ip: IP, queries: [] } });
      const message = 'belongs into each query when there are queries';
      expect(both).toMatchObject({ status: 422, json: { errors: [{ field: 'ip', message }] } });
    });

    it('accepts a body of more than 1 MiB, but not of more than 4', async () => {
      const space = (bytes: number): string => ' '.repeat(bytes);
      const body = JSON.stringify({ ...caller().credentials, queries: [{ ip: IP }] });
      const long = await caller().call('POST', LOOKUP, { raw: body + space(2 ** 21) });
      expect(long.status).toBe(200);
      const longer = await caller().call('POST', LOOKUP, { raw: body + space(2 ** 22) });
      expect(longer).toMatchObject({
        status: 413,
        json: { message: 'The body is larger than 4194304 bytes' },
      });
    });
  });

  describe('as CSV', () => {
    const noTime = 'time must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999';
    const unknown = UNKNOWN;

    const line = (ip: string, time: number, userId: string, mapping: Record<string, unknown>): string => {
      const { Name, Address, Email, PhoneNumber, AltPhoneNumber } = customer(userId);
      const { id, ipdr_customer_id, ipsubnet, starttime } = mapping;
      const cells = [ip, time, userId, Name, Address, Email, PhoneNumber, AltPhoneNumber, '', id];
      return [...cells, ipdr_customer_id, ipsubnet, starttime, '', '', ''].join(',');
    };

    it.each([
      ['with a header line', 'ip,time\n'],
      ['with one in capitals after a byte order mark', '\ufeffIP,Time\r\n'],
      ['without one', ''],
    ])('answers lines in order, %s', async (_form, header) => {
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

    it('returns phone numbers unchanged, and nothing that a spreadsheet would run', async () => {
      const phones = { PhoneNumber: '+91 (987) 65-43210', AltPhoneNumber: '+1+1' };
      await write('POST', '/api/ipdrcustomers', customer('C', { ...phones, Name: '-5', Address: '@x' }));
      await map('C', IP, 0);
      const { Email } = customer('C');
      const cells = `${IP},5,C,-5,'@x,${Email},+91 (987) 65-43210,'+1+1,,`;
      expect((await sendCsv(`${IP},5`)).text).toContain(cells);
    });

    it('accepts its columns in another order, and the address alone', async () => {
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
      ['1.2.3.4\n'.repeat(10_001), 422, 'must contain at most 10000 queries'],
      ['ip,time\n1.2.3.4,"5', 400, 'The body is not valid CSV (line 2)'],
    ])('refuses %j', async (csv, status, message) => {
      const answer = await sendCsv(csv);
      expect(answer.status).toBe(status);
      const { errors, message: whole } = answer.json as { errors?: { message: string }[]; message: string };
      expect(errors?.[0]?.message ?? whole).toBe(message);
    });

    it('is refused unless it is UTF-8, and on other routes', async () => {
      expect(await sendCsv(Buffer.from('ip\n\xff', 'latin1'))).toMatchObject({ status: 400 });
      const utf16 = await sendCsv('ip', '', { 'content-type': 'text/csv; charset=utf-16' });
      expect(utf16.status).toBe(415);
      const headers = { ...CSV, ...asHeaders(caller().credentials) };
      const elsewhere = await caller().call('POST', '/api/ipdrcustomers', { raw: 'ip', headers });
      expect(elsewhere.status).toBe(415);
    });

    it('is answered as JSON, and JSON as CSV, if Accept says so', async () => {
      await map('A', IP, 0);
      const json = await sendCsv(`${IP},5`, '', { accept: 'application/json' });
      expect(json.json).toMatchObject({ results: [{ ip: IP, time: 5, holder: { UserID: 'A' } }] });
      const body = { queries: [{ ip: IP, time: 5 }] };
      const csv = await caller().call('POST', LOOKUP, { body, headers: { accept: 'text/csv' } });
      expect(csv.text).toContain(`${COLUMNS}\r\n${IP},5,A,`);
    });
  });
});
