import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newCaller } from './support/callers.js';
import { databaseKinds } from './support/databases.js';
import { expectRefused, useMappingService } from './support/mapping-service.js';
import {
  addCustomer,
  addMapping,
  MAPPINGS,
  mappingPath,
  mappingsOf,
  type Mapping,
} from './support/mappings.js';
import type { Answer } from './support/service.js';

const NDJSON = { accept: 'application/x-ndjson' };
/** The last second of the year 9999. */
const LAST = 253_402_300_799;
/** The members of a mapping in the order of the reference document. */
const MEMBERS = ['id', 'ipdr_customer_id', 'ipsubnet', 'starttime', 'endtime', 'terminalid'];

describe.each(databaseKinds)('on $name, the service', (kind) => {
  const { clock, service, start, caller, u1, u2, send, add, list } = useMappingService(kind);

  describe('given a new mapping,', () => {
    beforeAll(start);

    it.each<[object, Partial<Mapping>]>([
      [
        { ipsubnet: '192.168.1.25/16', starttime: 1723431899, endtime: 1723444899, terminalid: 'TERM12345' },
        {},
      ],
      [
        { ipsubnet: '10.0.0.1', starttime: '1723431899', endtime: '1723444899' },
        { starttime: 1723431899, endtime: 1723444899, terminalid: '' },
      ],
      [
        { ipsubnet: '10.0.0.2/32', starttime: 0 },
        { endtime: null, terminalid: '' },
      ],
      [
        { ipsubnet: '10.0.0.3', starttime: '0', endtime: null, terminalid: null },
        { starttime: 0, terminalid: '' },
      ],
      [{ ipsubnet: '10.0.0.4', starttime: 7, endtime: '', terminalid: '' }, { endtime: null }],
      [{ ipsubnet: '10.0.0.5', starttime: 0, endtime: 0, terminalid: '😀'.repeat(64) }, {}],
      [{ ipsubnet: '10.0.0.6', starttime: LAST, endtime: LAST, terminalid: ` O'Brien "x" \\ ` }, {}],
      [
        { ipsubnet: '2001:DB8::1/64', starttime: 1 },
        { endtime: null, terminalid: '' },
      ],
      [
        { ipsubnet: '::ffff:10.0.0.7', starttime: 1 },
        { endtime: null, terminalid: '' },
      ],
      [
        { ipsubnet: '2001:db8:0:0:0:0:192.0.2.1', starttime: 1 },
        { endtime: null, terminalid: '' },
      ],
      [{ starttime: 5, terminalid: 'first', endtime: 9, ipsubnet: '128.0.0.0/1' }, {}],
    ])(
      'answers the members in the order of the document, whatever that of the request: %j',
      async (sent, answered) => {
        const answer = await send('POST', MAPPINGS, { UserID: 'U1', ...sent });
        const { id } = answer.json as Mapping;
        const expected = { ...sent, ...answered, id, ipdr_customer_id: u1() };
        const text = JSON.stringify(expected, MEMBERS);
        expect(answer).toMatchObject({ status: 200, text });
        expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
        expect(Number.isInteger(id)).toBe(true);
        expect((await send('GET', mappingPath('U1', { id }))).text).toBe(text);
        expect(await list('?UserID=U1')).toMatch(new RegExp(`[[,]${escaped(text)}]$`));
        expect((await send('DELETE', mappingPath('U1', { id }))).text).toBe(text);
        // Its own path makes the same, with another id.
        const again = await send('POST', mappingsOf('U1'), sent);
        const next = (again.json as Mapping).id;
        expect(next).toBeGreaterThan(id);
        expect(again).toMatchObject({
          status: 200,
          text: JSON.stringify({ ...expected, id: next }, MEMBERS),
        });
      },
    );
  });

  describe('given the mappings of two customers,', () => {
    beforeEach(start);

    const overlap = (answer: Answer, userId: string, mapping: Mapping): void => {
      const { ipsubnet, starttime, endtime } = mapping;
      const period = `starttime ${starttime}, endtime ${endtime}`;
      const message = `Overlaps ipsubnet ${ipsubnet}, ${period} of UserID : ${userId}`;
      expectRefused(answer, 409, 'mapping_overlap', message);
    };

    it('lets one follow the other to the second, with an inclusive endtime', async () => {
      const first = await add('U1', '192.168.1.25/16', 0, 1735669799);
      const next = (starttime: number): Promise<Answer> =>
        send('POST', MAPPINGS, { UserID: 'U2', ipsubnet: '192.168.7.7', starttime });
      overlap(await next(1735669799), 'U1', first);
      const second = await next(1735669800);
      expect(second.status).toBe(200);
      expect(await list()).toBe(JSON.stringify([first, second.json]));
      // The first must not last a second longer either.
      const longer = await send('PUT', `${MAPPINGS}/U1`, { endtime: 1735669800 });
      overlap(longer, 'U2', second.json as Mapping);
      expect(await list()).toBe(JSON.stringify([first, second.json]));
    });

    it('refuses an overlap on every route and reports the mapping in the way', async () => {
      const held = await add('U1', '10.9.8.7/24', 100, 199);
      const elsewhere = await add('U2', '172.16.0.1', 0);
      const before = await list();
      for (const [ipsubnet, starttime, endtime] of [
        ['10.9.8.0/24', 100, 199],
        ['10.9.8.255', 199, null],
        ['10.0.0.0/8', 0, 100],
        ['::ffff:10.9.8.7', 150, 150],
        ['::ffff:10.9.0.0/112', '0', '100'],
      ] as const) {
        const fields = { ipsubnet, starttime, endtime };
        overlap(await send('POST', MAPPINGS, { UserID: 'U2', ...fields }), 'U1', held);
        overlap(await send('POST', mappingsOf('U2'), fields), 'U1', held);
        overlap(await send('PUT', `${MAPPINGS}/U2`, fields), 'U1', held);
        overlap(await send('PATCH', mappingPath('U2', elsewhere), fields), 'U1', held);
      }
      expect(await list()).toBe(before);
      // Neighbours do not overlap.
      for (const [ipsubnet, starttime, endtime] of [
        ['10.9.8.7', 0, 99],
        ['10.9.8.7', 200, null],
        ['10.9.9.0/24', 0, null],
        ['10.9.7.255', 0, null],
        ['::10.9.8.7', 0, null],
      ] as const) {
        await add('U2', ipsubnet, starttime, endtime);
      }
    });

    it('still refuses an overlap with the past of a deleted customer', async () => {
      const now = clock.at / 1000;
      const held = await add('U1', '10.9.8.7', 100);
      expect((await send('DELETE', '/api/ipdrcustomers/U1')).status).toBe(200);
      const ended = { ...held, endtime: now - 1 };
      const take = (starttime: number): Promise<Answer> =>
        send('POST', mappingsOf('U2'), { ipsubnet: '10.9.8.4/30', starttime });
      overlap(await take(now - 1), 'U1', ended);
      expect((await take(now)).json).toMatchObject({ ipdr_customer_id: u2(), starttime: now });
      expect(JSON.parse(await list())).toMatchObject([ended, { starttime: now, endtime: null }]);
    });

    it('reports the new UserID after a rename', async () => {
      const held = await add('U1', '10.9.8.7');
      expect((await send('PATCH', '/api/ipdrcustomers/U1', { UserID: 'renamed' })).status).toBe(200);
      overlap(await send('POST', mappingsOf('U2'), { ipsubnet: '10.9.8.7', starttime: 0 }), 'renamed', held);
    });
  });

  describe('given the mappings of one customer,', () => {
    beforeEach(start);

    it('accepts a subnet beside a part of it, and several periods', async () => {
      for (const [ipsubnet, starttime, endtime] of [
        ['192.168.1.25/16', 0, null],
        ['192.168.1.25', 0, null],
        ['192.168.1.0/24', 0, null],
        ['192.168.1.25/16', 0, 5],
        ['192.168.1.25/16', 1, null],
      ] as const) {
        await add('U1', ipsubnet, starttime, endtime);
      }
      expect(JSON.parse(await list())).toHaveLength(5);
    });

    it('refuses a duplicate on every route', async () => {
      await add('U1', '192.168.1.25/16', 100, 199);
      const other = await add('U1', '192.168.1.25', 100, 199);
      const before = await list();
      for (const ipsubnet of ['192.168.1.25/16', '192.168.0.0/16', '::ffff:192.168.0.0/112']) {
        const fields = { ipsubnet, starttime: '100', endtime: 199, terminalid: 'another' };
        for (const answer of [
          await send('POST', MAPPINGS, { UserID: 'U1', ...fields }),
          await send('POST', mappingsOf('U1'), fields),
          await send('PUT', `${MAPPINGS}/U1`, { id: other.id, ipsubnet }),
          await send('PATCH', mappingPath('U1', other), { ipsubnet }),
        ]) {
          expectRefused(answer, 409, 'mapping_duplicate', 'Duplicate Mapping for UserID : U1');
        }
      }
      expect(await list()).toBe(before);
    });

    it('refuses an open duplicate and reports the UserID of the customer', async () => {
      await addCustomer(caller(), 'U1001');
      await add('U1001', '192.168.1.25/16', 0);
      const answer = await send('POST', MAPPINGS, {
        UserID: 'U1001',
        ipsubnet: '192.168.1.25/16',
        starttime: 0,
      });
      expectRefused(answer, 409, 'mapping_duplicate', 'Duplicate Mapping for UserID : U1001');
    });
  });

  describe('given two contexts,', () => {
    it('keeps them apart: an address is free in each, and no UserID is known in the other', async () => {
      await start();
      const there = await newCaller(service());
      await addCustomer(there, 'only there');
      const mine = await add('U1', '192.168.1.25/16');
      const theirs = await addMapping(there, 'only there', '192.168.1.25/16');
      for (const [method, path, body] of [
        ['GET', MAPPINGS, { UserID: 'only there' }],
        ['POST', MAPPINGS, { UserID: 'only there', ipsubnet: '10.0.0.1', starttime: 0 }],
        ['PUT', `${MAPPINGS}/only%20there`, { terminalid: 'x' }],
        ['DELETE', `${MAPPINGS}/only%20there`, {}],
        ['GET', mappingsOf('only there'), {}],
        ['POST', mappingsOf('only there'), { ipsubnet: '10.0.0.1', starttime: 0 }],
        ['GET', mappingPath('only there', theirs), {}],
        ['PATCH', mappingPath('only there', theirs), { terminalid: 'x' }],
        ['DELETE', mappingPath('only there', theirs), {}],
        ['POST', `${mappingPath('only there', theirs)}/reassign`, { UserID: 'U1', starttime: 5 }],
        ['POST', `${mappingPath('U1', mine)}/reassign`, { UserID: 'only there', starttime: 5 }],
      ] as const) {
        const answer = await send(method, path, body);
        expect([method, path, answer.status]).toEqual([method, path, 404]);
        expectRefused(answer, 404, 'customer_not_found', 'IPDR Customer not found');
      }
      expect(await list()).toBe(JSON.stringify([mine]));
      expect(await list('', there)).toBe(JSON.stringify([theirs]));
    });
  });

  describe('given a list,', () => {
    let all: Mapping[];

    beforeAll(async () => {
      await start();
      all = [];
      for (const [n, userId] of ['U2', 'U1', 'U2', 'U2', 'U1'].entries()) {
        all.push(await add(userId, `10.0.0.${9 - n}`, 9 - n));
      }
    });

    const texts = (userId?: number): string[] =>
      all
        .filter(({ ipdr_customer_id: id }) => userId === undefined || id === userId)
        .map((mapping) => JSON.stringify(mapping));

    it('returns all mappings or those of a customer by ascending id, as JSON and as NDJSON', async () => {
      for (const { method, path, body, expected } of [
        { method: 'GET', path: MAPPINGS, body: {}, expected: texts() },
        { method: 'GET', path: MAPPINGS, body: { UserID: 'U2' }, expected: texts(u2()) },
        { method: 'GET', path: `${MAPPINGS}?UserID=U2`, body: {}, expected: texts(u2()) },
        { method: 'GET', path: `${MAPPINGS}?UserID=U2`, body: { UserID: 'U2' }, expected: texts(u2()) },
        { method: 'GET', path: mappingsOf('U1'), body: {}, expected: texts(u1()) },
      ] as const) {
        const json = await send(method, path, body);
        expect(json).toMatchObject({ status: 200, text: `[${expected.join(',')}]` });
        expect(json.headers['content-type']).toBe('application/json; charset=utf-8');
        expect(json.headers['link']).toBeUndefined();
        const lines = await caller().call(method, path, { body, headers: NDJSON });
        expect(lines).toMatchObject({ status: 200, text: expected.map((line) => `${line}\n`).join('') });
        expect(lines.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
      }
    });

    it.each([
      [MAPPINGS, ''],
      [MAPPINGS, 'UserID=U2'],
      [mappingsOf('U2'), ''],
    ])('returns pages that the Link header connects: %s?%s', async (path, query) => {
      const expected = texts(query === '' && path === MAPPINGS ? undefined : u2());
      for (const limit of [1, 2, 3, 5, 10000]) {
        const pages: string[][] = [];
        const search = new URLSearchParams(query);
        search.set('limit', String(limit));
        for (let next: string | undefined = `${path}?${search.toString()}`; next !== undefined;) {
          const { status, json, headers } = await send('GET', next);
          expect([next, status]).toEqual([next, 200]);
          pages.push((json as Mapping[]).map((mapping) => JSON.stringify(mapping)));
          next = /^<(.*)>; rel="next"$/.exec(String(headers['link']))?.[1];
        }
        expect(pages.flat()).toEqual(expected);
        expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
        expect(pages).toHaveLength(Math.ceil(expected.length / limit));
      }
      // Without a limit, the rest is one page.
      const { headers } = await send('GET', `${path}?limit=1&${query}`);
      const [, after = ''] = /[?&]after=([^&>]+)/.exec(String(headers['link'])) ?? [];
      expect((await send('GET', `${path}?after=${after}&${query}`)).text).toBe(
        `[${expected.slice(1).join(',')}]`,
      );
    });

    it('returns [] when there are none', async () => {
      await addCustomer(caller(), 'none');
      expect((await send('GET', mappingsOf('none'))).text).toBe('[]');
      expect((await send('GET', `${mappingsOf('none')}?limit=5`)).text).toBe('[]');
      expect((await caller().call('GET', mappingsOf('none'), { headers: NDJSON })).text).toBe('');
      expect(await list('', await newCaller(service()))).toBe('[]');
    });

    it('answers many clients at once, since a short list takes no scarce connection', async () => {
      const answers = await Promise.all(Array.from({ length: 40 }, () => send('GET', MAPPINGS)));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    });
  });
});

/** A text as a part of a regular expression. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
