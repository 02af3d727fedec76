import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sealNow } from './support/audit.js';
import { asHeaders, newCaller, type Caller } from './support/callers.js';
import { databaseKinds } from './support/databases.js';
import { dump } from './support/dump.js';
import {
  addCustomer,
  addMapping,
  MAPPINGS,
  mappingPath,
  mappingsOf,
  type Mapping,
} from './support/mappings.js';
import type { Answer } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { useService } from './support/use-service.js';

const NDJSON = { accept: 'application/x-ndjson' };
/** The last second of the year 9999. */
const LAST = 253_402_300_799;
/** The tables. */
const KEPT = ['ip_mappings', 'ip_mapping_versions', 'ip_mapping_guards'];
/** In the order of the document. */
const MEMBERS = ['id', 'ipdr_customer_id', 'ipsubnet', 'starttime', 'endtime', 'terminalid'];

describe.each(databaseKinds)('IP mappings on $name', (kind) => {
  const clock = new TestClock();
  const { service, database } = useService(kind, { adapt: clock.adapt });
  let caller: Caller;
  /** The ids of the customers U1 and U2. */
  let u1: number;
  let u2: number;

  const start = async (): Promise<void> => {
    caller = await newCaller(service());
    u1 = await addCustomer(caller, 'U1');
    u2 = await addCustomer(caller, 'U2');
  };
  const send = (method: string, path: string, body: object = {}): Promise<Answer> =>
    caller.call(method, path, { body });
  const add = (userId: string, ipsubnet: string, starttime = 0, endtime: number | null = null) =>
    addMapping(caller, userId, ipsubnet, starttime, endtime);
  const list = async (query = '', by = caller): Promise<string> =>
    (await by.call('GET', `${MAPPINGS}${query}`)).text;
  const expectRefused = (answer: Answer, status: number, code: string, message: string): void => {
    expect(answer).toMatchObject({ status, json: { status: 'ERROR', code, message } });
  };

  describe('are answered', () => {
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
    ])('in the order of the document, whatever that of the request: %j', async (sent, answered) => {
      const answer = await send('POST', MAPPINGS, { UserID: 'U1', ...sent });
      const { id } = answer.json as Mapping;
      const expected = { ...sent, ...answered, id, ipdr_customer_id: u1 };
      const text = JSON.stringify(expected, MEMBERS);
      expect(answer).toMatchObject({ status: 200, text });
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(Number.isInteger(id)).toBe(true);
      expect((await send('GET', mappingPath('U1', { id }))).text).toBe(text);
      expect(await list('?UserID=U1')).toMatch(new RegExp(`[[,]${escaped(text)}]$`));
      expect((await send('DELETE', mappingPath('U1', { id }))).text).toBe(text);
      // The same by the customer's own path, under another id.
      const again = await send('POST', mappingsOf('U1'), sent);
      const next = (again.json as Mapping).id;
      expect(next).toBeGreaterThan(id);
      expect(again).toMatchObject({ status: 200, text: JSON.stringify({ ...expected, id: next }, MEMBERS) });
    });
  });

  describe('of two customers', () => {
    beforeEach(start);

    const overlap = (answer: Answer, userId: string, mapping: Mapping): void => {
      const { ipsubnet, starttime, endtime } = mapping;
      const period = `starttime ${starttime}, endtime ${endtime}`;
      const message = `Overlaps ipsubnet ${ipsubnet}, ${period} of UserID : ${userId}`;
      expectRefused(answer, 409, 'mapping_overlap', message);
    };

    it('follow each other to the second: endtime is inclusive', async () => {
      const first = await add('U1', '192.168.1.25/16', 0, 1735669799);
      const next = (starttime: number): Promise<Answer> =>
        send('POST', MAPPINGS, { UserID: 'U2', ipsubnet: '192.168.7.7', starttime });
      overlap(await next(1735669799), 'U1', first);
      const second = await next(1735669800);
      expect(second.status).toBe(200);
      expect(await list()).toBe(JSON.stringify([first, second.json]));
      // Nor may the first go on for a second.
      const longer = await send('PUT', `${MAPPINGS}/U1`, { endtime: 1735669800 });
      overlap(longer, 'U2', second.json as Mapping);
      expect(await list()).toBe(JSON.stringify([first, second.json]));
    });

    it('never overlap, whichever way they are made or changed; the answer names what is in the way', async () => {
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
      // What only comes near is no overlap.
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

    it('do not overlap after one of them is deleted: who held an address then is not forgotten', async () => {
      const now = clock.at / 1000;
      const held = await add('U1', '10.9.8.7', 100);
      expect((await send('DELETE', '/api/ipdrcustomers/U1')).status).toBe(200);
      const ended = { ...held, endtime: now - 1 };
      const take = (starttime: number): Promise<Answer> =>
        send('POST', mappingsOf('U2'), { ipsubnet: '10.9.8.4/30', starttime });
      overlap(await take(now - 1), 'U1', ended);
      expect((await take(now)).json).toMatchObject({ ipdr_customer_id: u2, starttime: now });
      expect(JSON.parse(await list())).toMatchObject([ended, { starttime: now, endtime: null }]);
    });

    it('may be in the way of a rename in nothing', async () => {
      const held = await add('U1', '10.9.8.7');
      expect((await send('PATCH', '/api/ipdrcustomers/U1', { UserID: 'renamed' })).status).toBe(200);
      overlap(await send('POST', mappingsOf('U2'), { ipsubnet: '10.9.8.7', starttime: 0 }), 'renamed', held);
    });
  });

  describe('of one customer', () => {
    beforeEach(start);

    it('may be a subnet and a part of it, and several periods', async () => {
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

    it('are not the same twice', async () => {
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

    it('are not the same twice though both are open, and named by the UserID that the customer has', async () => {
      await addCustomer(caller, 'U1001');
      await add('U1001', '192.168.1.25/16', 0);
      const answer = await send('POST', MAPPINGS, {
        ...{ UserID: 'U1001', ipsubnet: '192.168.1.25/16', starttime: 0 },
      });
      expectRefused(answer, 409, 'mapping_duplicate', 'Duplicate Mapping for UserID : U1001');
    });
  });

  describe('by the UserID alone', () => {
    beforeEach(start);
    const one = `${MAPPINGS}/U1`;

    it('are changed: what is left out stays, null or "" clears', async () => {
      const made = await add('U1', '192.168.1.25/16', 100, 199);
      const changed = async (body: object): Promise<unknown> => {
        const answer = await send('PUT', one, body);
        expect(answer.status).toBe(200);
        expect(answer.text).toBe(JSON.stringify(answer.json, MEMBERS));
        expect(await list()).toBe(`[${answer.text}]`);
        return answer.json;
      };
      expect(await changed({ ipsubnet: '10.0.0.1' })).toEqual({ ...made, ipsubnet: '10.0.0.1' });
      expect(await changed({ ipsubnet: '10.0.0.1/24', starttime: '0' })).toEqual({
        ...made,
        ...{ ipsubnet: '10.0.0.1/24', starttime: 0 },
      });
      const { ipsubnet, starttime, endtime, terminalid } = made;
      const whole = { ipsubnet, starttime, endtime, terminalid };
      for (const [body, after] of [
        [{ ...whole, UserID: 'U1' }, {}],
        [{ endtime: null }, { endtime: null }],
        [whole, {}],
        [{ endtime: '' }, { endtime: null }],
        [{ ...whole, id: made.id }, {}],
        [{ terminalid: null }, { terminalid: '' }],
        [{ ...whole, id: String(made.id) }, {}],
        [{ terminalid: '' }, { terminalid: '' }],
        [{ terminalid: 'new' }, { terminalid: 'new' }],
        [{ endtime: 100 }, { endtime: 100, terminalid: 'new' }],
      ] as const) {
        expect(await changed(body)).toEqual({ ...made, ...after });
      }
    });

    it('are deleted, and answered as they were', async () => {
      const made = await add('U1', '192.168.1.25/16', 100, 199);
      await add('U2', '10.0.0.1');
      const left = await list('?UserID=U2');
      expect(await send('DELETE', one)).toMatchObject({ status: 200, text: JSON.stringify(made) });
      expect(await list()).toBe(left);
      expectRefused(await send('DELETE', one), 404, 'mapping_not_found', 'IP Mapping not found');
      const changes = { terminalid: 'x' };
      expectRefused(await send('PUT', one, changes), 404, 'mapping_not_found', 'IP Mapping not found');
      expect((await send('POST', mappingsOf('U2'), { ipsubnet: '192.168.1.1', starttime: 150 })).status).toBe(
        200,
      );
    });

    it('are deleted without a body too', async () => {
      await add('U1', '192.168.1.25/16');
      const answer = await caller.call('DELETE', one, { raw: '', headers: asHeaders(caller.credentials) });
      expect(answer.status).toBe(200);
      expect(await list()).toBe('[]');
    });

    it('are told apart by their id, where there are several; without it, nothing is done', async () => {
      const [first, second] = [await add('U1', '192.168.1.25/16', 5), await add('U1', '10.0.0.1', 0, 7)];
      const before = await list();
      for (const [method, body] of [
        ['PUT', { terminalid: 'x' }],
        ['PUT', { UserID: 'U1', ipsubnet: '10.0.0.1', starttime: 0, endtime: 7 }],
        ['DELETE', {}],
        ['DELETE', { UserID: 'U1' }],
      ] as const) {
        const answer = await send(method, one, body);
        const message = 'The customer has 2 mappings; say which one by its id';
        expectRefused(answer, 409, 'mapping_ambiguous', message);
        expect((answer.json as { errors: unknown }).errors).toEqual([
          {
            field: 'id',
            message: `may be ${first.id}: ipsubnet 192.168.1.25/16, starttime 5, endtime null`,
          },
          { field: 'id', message: `may be ${second.id}: ipsubnet 10.0.0.1, starttime 0, endtime 7` },
        ]);
        expect(await list()).toBe(before);
      }
      const changed = { ...second, terminalid: 'x' };
      expect((await send('PUT', one, { id: second.id, terminalid: 'x' })).json).toEqual(changed);
      expect(await list()).toBe(JSON.stringify([first, changed]));
      expect((await send('DELETE', one, { id: String(first.id) })).json).toEqual(first);
      expect(await list()).toBe(JSON.stringify([changed]));
      expect((await send('DELETE', one)).json).toEqual(changed);
    });

    it('are named a hundred at most', async () => {
      await Promise.all(Array.from({ length: 101 }, (_, n) => add('U1', `10.0.0.${n}`)));
      const { errors, message } = (await send('DELETE', one)).json as { errors: object[]; message: string };
      expect(message).toBe('The customer has 101 mappings; say which one by its id');
      expect(errors).toHaveLength(100);
    });

    it('never go to another customer', async () => {
      const made = await add('U1', '192.168.1.25/16');
      const message = 'must be the UserID of the path; to give an address to another customer, reassign it';
      for (const [method, body] of [
        ['PUT', { UserID: 'U2', terminalid: 'x' }],
        ['PUT', { UserID: 'u1', id: made.id, terminalid: 'x' }],
        ['DELETE', { UserID: 'U2' }],
      ] as const) {
        const answer = await send(method, one, body);
        const errors = [{ field: 'UserID', message }];
        expect(answer).toMatchObject({ status: 422, json: { code: 'validation_failed', errors } });
      }
      expect(await list()).toBe(JSON.stringify([made]));
    });

    it('are found under a UserID in either Unicode form', async () => {
      await addCustomer(caller, 'Zoé');
      const made = await add('Zoe\u0301', '10.0.0.1');
      const body = { UserID: 'Zoe\u0301', terminalid: 'x' };
      const answer = await send('PUT', `${MAPPINGS}/Zo%C3%A9`, body);
      expect(answer.json).toEqual({ ...made, terminalid: 'x' });
      expect(await list('?UserID=Zoe%CC%81')).toBe(`[${answer.text}]`);
    });
  });

  describe('each under its own path', () => {
    beforeEach(start);

    it('are read, changed and deleted', async () => {
      const [made, other] = [await add('U1', '192.168.1.25/16', 100, 199), await add('U1', '10.0.0.1')];
      const path = mappingPath('U1', made);
      expect(await send('GET', path)).toMatchObject({ status: 200, text: JSON.stringify(made) });
      const changed = { ...made, endtime: null, terminalid: '' };
      expect(await send('PATCH', path, { endtime: '', terminalid: null })).toMatchObject({
        ...{ status: 200, text: JSON.stringify(changed) },
      });
      expect(await list()).toBe(JSON.stringify([changed, other]));
      expect(await send('DELETE', path)).toMatchObject({ status: 200, text: JSON.stringify(changed) });
      expect(await list()).toBe(JSON.stringify([other]));
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const answer = await send(method, path, method === 'PATCH' ? { terminalid: 'x' } : {});
        expectRefused(answer, 404, 'mapping_not_found', 'IP Mapping not found');
      }
    });

    it('are not found under another customer, in another context, or under what is no id', async () => {
      const made = await add('U1', '192.168.1.25/16');
      const there = await newCaller(service());
      await addCustomer(there, 'U1');
      await addMapping(there, 'U1', '10.0.0.1');
      const before = [await list(), await list('', there)];
      const paths: [Caller, string][] = [
        [caller, mappingPath('U2', made)],
        [there, mappingPath('U1', made)],
        ...['0', '-1', '1.5', 'x', '%00', `${made.id}x`, '9'.repeat(15), '9'.repeat(400)].map(
          (id): [Caller, string] => [caller, `${mappingsOf('U1')}/${id}`],
        ),
      ];
      for (const [by, path] of paths) {
        for (const [method, more, body] of [
          ['GET', '', {}],
          ['PATCH', '', { terminalid: 'x' }],
          ['DELETE', '', {}],
          ['POST', '/reassign', { UserID: by === there ? 'U1' : 'U2', starttime: 5 }],
        ] as const) {
          const answer = await by.call(method, `${path}${more}`, { body });
          expect([method, path, answer.status]).toEqual([method, path, 404]);
          expectRefused(answer, 404, 'mapping_not_found', 'IP Mapping not found');
        }
      }
      for (const [by, userId] of [
        [caller, 'U2'],
        [there, 'U1'],
      ] as const) {
        const call = { body: { id: made.id, terminalid: 'x' } };
        expect((await by.call('PUT', `${MAPPINGS}/${userId}`, call)).status).toBe(404);
        expect((await by.call('DELETE', `${MAPPINGS}/${userId}`, { body: { id: made.id } })).status).toBe(
          404,
        );
      }
      expect([await list(), await list('', there)]).toEqual(before);
    });
  });

  describe('of two contexts', () => {
    it('never meet: the same address is free in each, and no UserID is known in the other', async () => {
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

  describe('are listed', () => {
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

    it('by ascending id, all or those of a customer, as JSON and as NDJSON', async () => {
      for (const [method, path, body, expected] of [
        ['GET', MAPPINGS, {}, texts()],
        ['GET', MAPPINGS, { UserID: 'U2' }, texts(u2)],
        ['GET', `${MAPPINGS}?UserID=U2`, {}, texts(u2)],
        ['GET', `${MAPPINGS}?UserID=U2`, { UserID: 'U2' }, texts(u2)],
        ['GET', mappingsOf('U1'), {}, texts(u1)],
      ] as const) {
        const json = await send(method, path, body);
        expect(json).toMatchObject({ status: 200, text: `[${expected.join(',')}]` });
        expect(json.headers['content-type']).toBe('application/json; charset=utf-8');
        expect(json.headers['link']).toBeUndefined();
        const lines = await caller.call(method, path, { body, headers: NDJSON });
        expect(lines).toMatchObject({ status: 200, text: expected.map((line) => `${line}\n`).join('') });
        expect(lines.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
      }
    });

    it.each([
      [MAPPINGS, ''],
      [MAPPINGS, 'UserID=U2'],
      [mappingsOf('U2'), ''],
    ])('in pages, by the Link header: %s?%s', async (path, query) => {
      const expected = texts(query === '' && path === MAPPINGS ? undefined : u2);
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
      // Without a limit, the rest comes at once.
      const { headers } = await send('GET', `${path}?limit=1&${query}`);
      const [, after = ''] = /[?&]after=([^&>]+)/.exec(String(headers['link'])) ?? [];
      expect((await send('GET', `${path}?after=${after}&${query}`)).text).toBe(
        `[${expected.slice(1).join(',')}]`,
      );
    });

    it('as [] where there are none', async () => {
      await addCustomer(caller, 'none');
      expect((await send('GET', mappingsOf('none'))).text).toBe('[]');
      expect((await send('GET', `${mappingsOf('none')}?limit=5`)).text).toBe('[]');
      expect((await caller.call('GET', mappingsOf('none'), { headers: NDJSON })).text).toBe('');
      expect(await list('', await newCaller(service()))).toBe('[]');
    });

    it('to many clients at once: a short list takes nothing that there is little of', async () => {
      const answers = await Promise.all(Array.from({ length: 40 }, () => send('GET', MAPPINGS)));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    });
  });

  /** All that is kept of mappings, and all that is told of what became of them. */
  const everything = async (): Promise<unknown[]> => {
    await sealNow(service());
    const tables = await dump(database().configuration);
    const feed = (await send('GET', '/api/ipdrcustomers_changes')).text;
    return [await list(), feed, ...KEPT.map((table) => tables[table])];
  };

  describe('pass from one customer to another', () => {
    beforeEach(start);
    const reassign = (mapping: Mapping, body: object, query = '', headers = {}): Promise<Answer> =>
      caller.call('POST', `${mappingPath('U1', mapping)}/reassign${query}`, { body, headers });

    it.each([
      ['within the period', 199, 150],
      ['in its second second', 199, 101],
      ['in its last second', 199, '199'],
      ['from some time on, for good', null, 150],
      ['in the last second of all', null, LAST],
    ] as const)('%s', async (_when, endtime, starttime) => {
      const held = await add('U1', '192.168.1.25/16', 100, endtime);
      const from = Number(starttime);
      const { ipsubnet } = held;
      const expected = (isDryRun: boolean, id: number): object => ({
        dry_run: isDryRun,
        ended: { ...held, endtime: from - 1 },
        created: { id, ipdr_customer_id: u2, ipsubnet, starttime: from, endtime, terminalid: '' },
        changes: [{ ipsubnet, starttime: from, endtime, from: 'U1', to: 'U2' }],
      });
      const before = await everything();
      const tried = await reassign(held, { UserID: 'U2', starttime }, '?dry_run=true');
      expect(tried).toMatchObject({ status: 200, text: JSON.stringify(expected(true, 0)) });
      expect(await everything()).toEqual(before);

      const done = await reassign(held, { UserID: 'U2', starttime }, '?dry_run=false');
      const { ended, created } = done.json as { ended: Mapping; created: Mapping };
      expect(created.id).toBeGreaterThan(held.id);
      expect(done).toMatchObject({ status: 200, text: JSON.stringify(expected(false, created.id)) });
      expect(await list()).toBe(JSON.stringify([ended, created]));
      expect((await send('GET', mappingPath('U2', created))).json).toEqual(created);
    });

    it('but not outside the period, to the holder itself, or into the way of another', async () => {
      const ended = await add('U1', '10.0.0.0/24', 100, 199);
      const open = await add('U1', '172.16.0.1', 100);
      await add('U1', '10.0.0.7', 180, 180);
      const twin = await add('U1', '192.168.0.0/24', 100, 199);
      await add('U1', '192.168.0.0/24', 100, 149);
      const within = 'must be after the starttime of the mapping, and not after its endtime';
      const invalid = (field: string, message: string): object => ({
        ...{ status: 422, json: { code: 'validation_failed', errors: [{ field, message }] } },
      });
      const overlap = 'Overlaps ipsubnet 10.0.0.7, starttime 180, endtime 180 of UserID : U1';
      const cases: [Mapping, object, object][] = [
        [ended, { UserID: 'U2', starttime: 0 }, invalid('starttime', within)],
        [ended, { UserID: 'U2', starttime: 100 }, invalid('starttime', within)],
        [ended, { UserID: 'U2', starttime: 200 }, invalid('starttime', within)],
        [open, { UserID: 'U2', starttime: 100 }, invalid('starttime', within)],
        [
          ended,
          { UserID: 'U1', starttime: 150 },
          invalid('UserID', 'must be another customer than the holder'),
        ],
        [ended, { UserID: 'U2', starttime: -1 }, invalid('starttime', 'must not be negative')],
        [ended, { UserID: 'U2' }, invalid('starttime', 'is required; 0 = always')],
        [ended, { starttime: 150 }, invalid('UserID', 'is required')],
        [
          ended,
          { UserID: 'U2', starttime: 150, endtime: 160 },
          invalid('endtime', 'is unknown here; correct its spelling or leave it out'),
        ],
        [
          ended,
          { UserID: 'U2', starttime: 150 },
          { status: 409, json: { code: 'mapping_overlap', message: overlap } },
        ],
        [
          twin,
          { UserID: 'U2', starttime: 150 },
          {
            status: 409,
            json: { code: 'mapping_duplicate', message: 'Duplicate Mapping for UserID : U1' },
          },
        ],
      ];
      const before = await everything();
      for (const [mapping, body, refusal] of cases) {
        for (const query of ['', '?dry_run=true']) {
          expect(await reassign(mapping, body, query)).toMatchObject(refusal);
        }
      }
      for (const query of ['?dry_run=', '?dry_run=1', '?dry_run=True', '?dryrun=true']) {
        const answer = await reassign(open, { UserID: 'U2', starttime: 150 }, query);
        expect([query, answer.status]).toEqual([query, 422]);
      }
      expect(await everything()).toEqual(before);
    });

    it('by one who has the present version alone', async () => {
      const held = await add('U1', '10.0.0.0/24', 100, 199);
      const tag = String((await send('GET', mappingPath('U1', held))).headers['etag']);
      const body = { UserID: 'U2', starttime: 150 };
      const before = await everything();
      for (const [headers, status] of [
        [{ 'if-match': '"other"' }, 412],
        [{ 'if-match': `W/${tag}` }, 412],
        [{ 'if-none-match': tag }, 412],
        [{ 'if-match': 'x' }, 400],
      ] as const) {
        expect((await reassign(held, body, '?dry_run=true', headers)).status).toBe(status);
        expect((await reassign(held, body, '', headers)).status).toBe(status);
      }
      expect((await reassign(held, body, '?dry_run=true', { 'if-match': tag })).status).toBe(200);
      expect(await everything()).toEqual(before);
      expect((await reassign(held, body, '', { 'if-match': tag })).status).toBe(200);
      expect((await reassign(held, { ...body, starttime: 120 }, '', { 'if-match': tag })).status).toBe(412);
    });

    it('only once under an Idempotency-Key, and not at all where it is only tried', async () => {
      const held = await add('U1', '10.0.0.0/24', 100, 199);
      const body = { UserID: 'U2', starttime: 150 };
      const before = await everything();
      for (const [query, key] of [
        ['?dry_run=true', 'tried'],
        ['', 'done'],
      ] as const) {
        const headers = { 'idempotency-key': key };
        const first = await reassign(held, body, query, headers);
        expect(first.status).toBe(200);
        const after = await everything();
        if (key === 'tried') expect(after).toEqual(before);
        const again = await reassign(held, body, query, headers);
        expect(again).toMatchObject({ status: 200, text: first.text });
        expect(again.headers['idempotent-replayed']).toBe('true');
        expect(await everything()).toEqual(after);
        expect(await reassign(held, { ...body, starttime: 151 }, query, headers)).toMatchObject({
          ...{ status: 409, json: { code: 'idempotency_key_reused' } },
        });
      }
    });

    it('or are tried to, under keys and beside those who read', async () => {
      const held = await add('U1', '10.0.0.0/24', 100, 199);
      const body = { UserID: 'U2', starttime: 150 };
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => [
          reassign(held, body, '?dry_run=true', { 'idempotency-key': `tried ${n}` }),
          send('GET', mappingPath('U1', held)),
        ]).flat(),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    });
  });

  describe('of a customer', () => {
    beforeEach(start);

    it('who is renamed stay as they are', async () => {
      const held = await add('U1', '10.0.0.1', 100);
      const [before] = await everything();
      const tag = (await send('GET', mappingPath('U1', held))).headers['etag'];
      expect((await send('PATCH', '/api/ipdrcustomers/U1', { UserID: 'new' })).status).toBe(200);
      expect(await list()).toBe(before);
      const answer = await send('GET', mappingPath('new', held));
      expect(answer).toMatchObject({ text: JSON.stringify(held), headers: { etag: tag } });
      expect((await send('GET', mappingPath('U1', held))).status).toBe(404);
      const versions = (await dump(database().configuration))['ip_mapping_versions'] as {
        mapping_id: number;
      }[];
      expect(versions.filter((version) => version.mapping_id === held.id)).toHaveLength(1);
    });

    it('who is deleted end, those that were to come are withdrawn, and the past stays', async () => {
      const now = clock.at / 1000;
      const past = await add('U1', '10.0.0.1', 100, 199);
      const toTheEnd = await add('U1', '10.0.0.2', now - 1, now - 1);
      const open = await add('U1', '10.0.0.3', 0);
      const lasting = await add('U1', '10.0.0.4', now - 1, now + 1000);
      const toTheMoment = await add('U1', '10.0.0.5', 0, now);
      await add('U1', '10.0.0.6', now);
      await add('U1', '10.0.0.7', now + 1, now + 5);
      const others = await add('U2', '10.0.1.1', 0);
      expect((await send('DELETE', '/api/ipdrcustomers/U1')).status).toBe(200);
      const ended = [open, lasting, toTheMoment].map((each) => ({ ...each, endtime: now - 1 }));
      expect(await list()).toBe(JSON.stringify([past, toTheEnd, ...ended, others]));
      for (const path of [`${MAPPINGS}?UserID=U1`, mappingsOf('U1'), mappingPath('U1', open)]) {
        expect((await send('GET', path)).status).toBe(404);
      }
    });

    it('who is deleted go, though two of them differ in their ends alone', async () => {
      const now = clock.at / 1000;
      await add('U1', '10.0.0.1', 100);
      const latest = await add('U1', '10.0.0.1', 100, now + 1000);
      const [, ended] = [await add('U1', '10.0.0.2', 100), await add('U1', '10.0.0.2', 100, now - 1)];
      const [, open] = [await add('U1', '10.0.0.3', 100, now - 1), await add('U1', '10.0.0.3', 100)];
      expect((await send('DELETE', '/api/ipdrcustomers/U1')).status).toBe(200);
      const left = [{ ...latest, endtime: now - 1 }, ended, { ...open, endtime: now - 1 }];
      expect(await list()).toBe(JSON.stringify(left));
    });

    it('who could not be deleted stay as they are', async () => {
      await add('U1', '10.0.0.1', 100);
      const before = await everything();
      const headers = { 'if-match': '"other"' };
      expect((await caller.call('DELETE', '/api/ipdrcustomers/U1', { headers })).status).toBe(412);
      expect(await everything()).toEqual(before);
    });

    it('who was deleted are not those of another who has the UserID since', async () => {
      const held = await add('U1', '10.0.0.1', 100, 199);
      await send('DELETE', '/api/ipdrcustomers/U1');
      const again = await addCustomer(caller, 'U1');
      expect(again).toBeGreaterThan(u1);
      expect((await send('GET', mappingsOf('U1'))).text).toBe('[]');
      for (const [method, path, body] of [
        ['GET', mappingPath('U1', held), {}],
        ['DELETE', mappingPath('U1', held), {}],
        ['PUT', `${MAPPINGS}/U1`, { terminalid: 'x' }],
        ['DELETE', `${MAPPINGS}/U1`, { id: held.id }],
      ] as const) {
        const answer = await send(method, path, body);
        expectRefused(answer, 404, 'mapping_not_found', 'IP Mapping not found');
      }
      // It is as any other: what the former one held is in its way.
      const answer = await send('POST', mappingsOf('U1'), { ipsubnet: '10.0.0.1', starttime: 0 });
      expect(answer).toMatchObject({ status: 409, json: { code: 'mapping_overlap' } });
      const next = await add('U1', '10.0.0.1', 200);
      expect(next.ipdr_customer_id).toBe(again);
      expect(await list()).toBe(JSON.stringify([held, next]));
    });
  });
});

/** A text as a part of a regular expression. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
