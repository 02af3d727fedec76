import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { asHeaders, newCaller, newContext, type Caller } from './support/callers.js';
import { customer, pathOf, toJson, type CustomerFields } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import type { Answer, Call } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const NDJSON = { accept: 'application/x-ndjson' };
const NOT_FOUND = { status: 'ERROR', code: 'customer_not_found', message: 'IPDR Customer not found' };

/** UserIDs that would be something else in a less careful service. */
const ODD_USER_IDS = [
  ...'a/b user@realm . .. ../admin / a//b/ a\\b a+b a%2Fb % %_ a?b=c&d#e'.split(' '),
  ...'bulk import export mapping mappings history changes search ipdrcustomers 0'.split(' '),
  ...'__proto__ constructor prototype toString null undefined true :UserID * (.*)'.split(' '),
  ...`<script> ' " \${1} {{7*7}} é 😀 名前 ﬁ`.split(' '),
  ...['a b', `'; DROP TABLE customers; --`, 'x'.repeat(128), '😀'.repeat(128)],
];

describe.each(databaseKinds)('customers on $name', (kind) => {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: clock.adapt });
  let caller: Caller;

  beforeEach(async () => {
    caller = await newCaller(service());
  });

  const call = (method: string, path: string, more?: Call): Promise<Answer> =>
    caller.call(method, path, more);
  const create = async (fields: Partial<CustomerFields>): Promise<number> => {
    const answer = await call('POST', LIST, { body: fields });
    expect(answer.status).toBe(200);
    return (answer.json as { id: number }).id;
  };
  const list = async (query = '', more?: Call): Promise<string> =>
    (await call('GET', `${LIST}${query}`, more)).text;
  const userIds = (answer: Answer): string[] => {
    expect(answer.status).toBe(200);
    return (answer.json as CustomerFields[]).map(({ UserID }) => UserID);
  };

  it('are created, read, listed, updated and deleted, each answer in the order of the document', async () => {
    const [first, second] = [customer('B68t19'), customer('Xlr8d3', { Name: 'Trisul Network Analytics' })];
    const created = await call('POST', LIST, { body: first });
    const { id } = created.json as { id: number };
    expect(created).toMatchObject({ status: 200, text: toJson(id, first) });
    expect(created.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(Number.isInteger(id)).toBe(true);
    const next = await create(second);
    expect(next).toBeGreaterThan(id);

    expect(await call('GET', pathOf('B68t19'))).toMatchObject({ status: 200, text: toJson(id, first) });
    const all = await call('GET', LIST);
    expect(all).toMatchObject({ status: 200, text: `[${toJson(id, first)},${toJson(next, second)}]` });
    expect(all.headers['content-type']).toBe('application/json; charset=utf-8');

    const replaced = customer('B68t19', { Name: 'Trisul Network Analyzer', Address: 'India' });
    expect(await call('PUT', pathOf('B68t19'), { body: replaced })).toMatchObject({
      status: 200,
      text: toJson(id, replaced),
    });
    const changed = { ...replaced, Address: 'Partially Updated' };
    expect(await call('PATCH', pathOf('B68t19'), { body: { Address: 'Partially Updated' } })).toMatchObject({
      status: 200,
      text: toJson(id, changed),
    });
    expect(await list()).toBe(`[${toJson(id, changed)},${toJson(next, second)}]`);
    expect(await call('DELETE', pathOf('B68t19'))).toMatchObject({ status: 200, text: toJson(id, changed) });
    expect(await list()).toBe(`[${toJson(next, second)}]`);
  });

  it('have a list that is [] when there are none', async () => {
    expect(await call('GET', LIST)).toMatchObject({ status: 200, text: '[]' });
    expect(await call('GET', LIST, { headers: NDJSON })).toMatchObject({ status: 200, text: '' });
  });

  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])(
    'are not found by %s when they are not there',
    async (method) => {
      const body = { PUT: customer('nobody'), PATCH: { Name: 'N' } }[method] ?? {};
      const answer = await call(method, pathOf('nobody'), { body });
      expect(answer.status).toBe(404);
      expect(answer.json).toEqual({ ...NOT_FOUND, request_id: answer.headers['x-request-id'] });
    },
  );

  describe('keep what was given', () => {
    const absent = { Address: null, Email: null, PhoneNumber: null, AltPhoneNumber: null };
    const empty = { Address: '', Email: '', PhoneNumber: '', AltPhoneNumber: '' };
    const rich = {
      Name: `  O'Brien "Óscar" \\ 100 % 😀 `,
      Address: 'MG Road 1\r\n\tChennai\n600001 ',
      Email: 'Óscar.o+brien@exämple.in',
      PhoneNumber: '+91 (44) 123-45.6/7,8;9',
      AltPhoneNumber: ' ',
    };

    it.each<[string, Partial<CustomerFields>, Omit<CustomerFields, 'Name' | 'UserID'>]>([
      ['nothing optional: null', {}, absent],
      ['null: null', absent, absent],
      ["'': ''", empty, empty],
      ['the longest of everything', longest(), longest()],
      ['quotes, line breaks, edge spaces, any script', rich, rich],
    ])('%s', async (_what, given, kept) => {
      const id = await create({ UserID: 'k', Name: 'N', ...given });
      const whole = { UserID: 'k', Name: 'N', ...kept };
      expect((await call('GET', pathOf('k'))).text).toBe(toJson(id, whole));
      expect(await list()).toBe(`[${toJson(id, whole)}]`);
      expect((await call('PUT', pathOf('k'), { body: whole })).text).toBe(toJson(id, whole));
      expect((await call('PATCH', pathOf('k'), { body: whole })).text).toBe(toJson(id, whole));
      expect((await call('GET', pathOf('k'))).text).toBe(toJson(id, whole));
    });
  });

  describe('are changed by PATCH', () => {
    it.each([
      { Name: 'Other' },
      { Address: 'Line 1\nLine 2' },
      { Email: null },
      { PhoneNumber: '' },
      { AltPhoneNumber: null },
      { Address: null, Email: '', Name: 'Several' },
    ])('%j, and keep the rest', async (changes) => {
      const id = await create(customer('p'));
      const after = toJson(id, customer('p', changes));
      expect(await call('PATCH', pathOf('p'), { body: changes })).toMatchObject({ status: 200, text: after });
      expect(await list()).toBe(`[${after}]`);
    });
  });

  describe.each(['PUT', 'PATCH'] as const)('are renamed by %s', (method) => {
    const rename = (from: string, to: string): Promise<Answer> =>
      call(method, pathOf(from), { body: method === 'PUT' ? customer(to) : { UserID: to } });

    it('and keep their id; the old name is free', async () => {
      const id = await create(customer('old'));
      expect(await rename('old', 'new/name')).toMatchObject({
        status: 200,
        text: toJson(id, customer('new/name')),
      });
      expect((await call('GET', pathOf('old'))).status).toBe(404);
      expect((await call('GET', pathOf('new/name'))).text).toBe(toJson(id, customer('new/name')));
      await create(customer('old'));
    });

    it('but not onto another', async () => {
      await create(customer('one'));
      await create(customer('Zoé'));
      const before = await list();
      const answer = await rename('one', 'Zoe\u0301');
      expect(answer.status).toBe(409);
      expect(answer.json).toMatchObject({
        code: 'customer_exists',
        message: `Customer Zoé already exists in context ${caller.credentials.contextname}`,
      });
      expect(await list()).toBe(before);
    });

    it.each([
      ['themselves', 'same', 'same'],
      ['another case', 'Case', 'cASE'],
      ['another Unicode form of the same', 'Zoé', 'Zoe\u0301'],
    ])('onto %s', async (_what, from, to) => {
      const id = await create(customer(from));
      const after = toJson(id, customer(to.normalize('NFC')));
      expect(await rename(from, to)).toMatchObject({ status: 200, text: after });
      expect(await list()).toBe(`[${after}]`);
    });
  });

  it('are deleted once; the UserID is free again, the id is not', async () => {
    const id = await create(customer('d'));
    expect((await call('DELETE', pathOf('d'))).text).toBe(toJson(id, customer('d')));
    expect(await call('DELETE', pathOf('d'))).toMatchObject({ status: 404 });
    expect(await create(customer('d'))).toBeGreaterThan(id);
  });

  it('are deleted even if mappings of theirs come to hold the same addresses for the same time', async () => {
    const now = clock.now() / 1000;
    const id = await create(customer('d'));
    const endtimes = [now - 1, now + 99, null];
    for (const endtime of endtimes) {
      const body = { ipsubnet: '192.0.2.1', starttime: 1, endtime };
      expect((await call('POST', `${pathOf('d')}/mappings`, { body })).status).toBe(200);
      clock.at++;
    }
    expect((await call('DELETE', pathOf('d'))).text).toBe(toJson(id, customer('d')));
    const left = (await call('GET', '/api/ipdrcustomers_mapping')).json;
    expect(left).toMatchObject([{ ipdr_customer_id: id, starttime: 1, endtime: now - 1 }]);
  });

  it.each(ODD_USER_IDS)('may have the UserID %s', async (userId) => {
    const id = await create(customer(userId));
    await create(customer('other'));
    const changed = customer(userId, { Name: 'Changed' });
    expect((await call('GET', pathOf(userId))).text).toBe(toJson(id, customer(userId)));
    expect((await call('PATCH', pathOf(userId), { body: { Name: 'Changed' } })).text).toBe(
      toJson(id, changed),
    );
    expect((await call('PUT', pathOf(userId), { body: changed })).text).toBe(toJson(id, changed));
    expect(await list(`?UserID=${encodeURIComponent(userId)}`)).toBe(`[${toJson(id, changed)}]`);
    expect(await list('', { body: { UserID: userId } })).toBe(`[${toJson(id, changed)}]`);
    expect((await call('DELETE', pathOf(userId))).text).toBe(toJson(id, changed));
    expect(userIds(await call('GET', LIST))).toEqual(['other']);
  });

  it.each([
    ['in another case', 'b68T19'],
    ['with an accent', 'B68t19\u0301'],
    ['with a space after it', 'B68t19 '],
    ['with a space before it', ' B68t19'],
    ['with a NUL after it', 'B68t19\0'],
    ['cut short', 'B68t1'],
    ['as a pattern', 'B68t1_'],
    ['in another width', 'Ｂ68t19'],
  ])('are not found %s', async (_how, userId) => {
    await create(customer('B68t19'));
    const before = await list();
    expect((await call('GET', pathOf(userId))).status).toBe(404);
    expect((await call('PATCH', pathOf(userId), { body: { Name: 'N' } })).status).toBe(404);
    expect((await call('PUT', pathOf(userId), { body: customer('B68t19') })).status).toBe(404);
    expect((await call('DELETE', pathOf(userId))).status).toBe(404);
    expect(await list()).toBe(before);
  });

  it('are found by either Unicode form of their UserID', async () => {
    const id = await create(customer('Zoe\u0301'));
    for (const form of ['Zoé', 'Zoe\u0301']) {
      expect((await call('GET', pathOf(form))).text).toBe(toJson(id, customer('Zoé')));
      expect(await list(`?UserID=${encodeURIComponent(form)}`)).toBe(`[${toJson(id, customer('Zoé'))}]`);
      expect(userIds(await call('GET', `${LIST}?search=${encodeURIComponent(form)}`))).toEqual(['Zoé']);
    }
  });

  describe('are filtered by', () => {
    beforeEach(async () => {
      await create(customer('a', { Name: 'Trisul', Address: null, Email: null }));
      await create(customer('b', { Name: 'Trisul ', Address: '', Email: '' }));
      await create(customer('c', { Name: 'trisul', Address: 'MG Road 1\nChennai', PhoneNumber: '+91 44' }));
      await create(customer('d', { Name: `O'Brien & 100 %`, AltPhoneNumber: null }));
    });

    it.each<[Record<string, string>, string[]]>([
      [{ UserID: 'a' }, ['a']],
      [{ UserID: 'A' }, []],
      [{ Name: 'Trisul' }, ['a']],
      [{ Name: 'Trisul ' }, ['b']],
      [{ Name: 'Tri%' }, []],
      [{ Name: `O'Brien & 100 %` }, ['d']],
      [{ Name: "' OR 1=1 -- " }, []],
      [{ Address: '' }, ['b']],
      [{ Address: 'MG Road 1\nChennai' }, ['c']],
      [{ Email: '' }, ['b']],
      [{ Email: 'demo@gmail.com' }, ['c', 'd']],
      [{ PhoneNumber: '+91 44' }, ['c']],
      [{ PhoneNumber: '1234567890', AltPhoneNumber: '9999999999' }, ['a', 'b']],
      [{ Name: 'Trisul', UserID: 'b' }, []],
    ])('%j', async (fields, found) => {
      expect(userIds(await call('GET', LIST, { body: fields }))).toEqual(found);
      const query = new URLSearchParams(fields).toString();
      expect(userIds(await call('GET', `${LIST}?${query}`))).toEqual(found);
      expect(userIds(await call('GET', `${LIST}?${query}`, { body: fields }))).toEqual(found);
    });

    it.each<[object, string[]]>([
      [{ Address: null }, ['a']],
      [{ AltPhoneNumber: null }, ['d']],
      [{ Address: null, Email: null, Name: 'Trisul' }, ['a']],
      [{ Address: null, Email: '' }, []],
    ])('%j, null meaning never given', async (fields, found) => {
      expect(userIds(await call('GET', LIST, { body: fields }))).toEqual(found);
    });

    it('body and query string together', async () => {
      const both = (Email: string) => call('GET', `${LIST}?PhoneNumber=1234567890`, { body: { Email } });
      expect(userIds(await both('demo@gmail.com'))).toEqual(['d']);
      expect(userIds(await both(''))).toEqual(['b']);
    });
  });

  describe('are searched for by the start of', () => {
    beforeEach(async () => {
      await create(customer('U-1', { Name: 'Ärzte 100 %', Email: 'Zoe@x.in', PhoneNumber: '+91 44' }));
      await create(customer('u-2', { Name: 'zebra', Email: null, PhoneNumber: null, AltPhoneNumber: '+91' }));
      await create(customer('%_\\', { Name: 'U-name', Email: 'ärzte@x.in', PhoneNumber: '' }));
      await create(customer('%x', { Name: 'other', Email: '', PhoneNumber: '91' }));
      await create(customer('ab c', { Name: 'ab', Email: null, PhoneNumber: '+9' }));
      await create(customer('ab', { Name: 'ab', Email: null, PhoneNumber: null }));
    });

    it.each([
      ['U-', ['U-1', '%_\\']],
      ['u-', ['u-2', '%_\\']],
      ['U-1', ['U-1']],
      ['ä', ['U-1', '%_\\']],
      ['ÄRZTE', ['U-1', '%_\\']],
      ['A\u0308rz', ['U-1', '%_\\']],
      ['Z', ['U-1', 'u-2']],
      ['+91', ['U-1']],
      ['+9', ['U-1', 'ab c']],
      ['%', ['%_\\', '%x']],
      ['%_', ['%_\\']],
      ['\\', []],
      ['_', []],
      ['oe@', []],
      ['ab ', ['ab c']],
      ["' OR 1=1 -- ", []],
      ['x'.repeat(64), []],
    ])('UserID, Name, Email, PhoneNumber: %s', async (text, found) => {
      const search = `search=${encodeURIComponent(text)}`;
      expect(userIds(await call('GET', `${LIST}?${search}`))).toEqual(found);
      expect(userIds(await call('GET', `${LIST}?limit=10&${search}`))).toEqual(found);
    });

    it('all of it together with filters', async () => {
      expect(userIds(await call('GET', `${LIST}?search=U-&PhoneNumber=`))).toEqual(['%_\\']);
      expect(userIds(await call('GET', `${LIST}?search=U-`, { body: { Email: 'Zoe@x.in' } }))).toEqual([
        'U-1',
      ]);
    });
  });

  describe('are listed page by page', () => {
    /** Follows the links, and answers the UserIDs of each page. */
    const pages = async (first: string, more: Call = {}): Promise<string[][]> => {
      const found: string[][] = [];
      for (let path: string | undefined = `${LIST}${first}`; path !== undefined && found.length < 20;) {
        const answer: Answer = await call('GET', path, more);
        expect(answer.status).toBe(200);
        const isNdjson = String(answer.headers['content-type']).startsWith(NDJSON.accept);
        const json = isNdjson ? `[${answer.text.trim().replaceAll('\n', ',')}]` : answer.text;
        found.push((JSON.parse(json) as CustomerFields[]).map(({ UserID }) => UserID));
        const { link } = answer.headers;
        if (link !== undefined) expect(link).toMatch(/^<\/api\/ipdrcustomers\?[^>]+>; rel="next"$/);
        path = /^<(.*)>/.exec(String(link))?.[1];
      }
      return found;
    };

    beforeEach(async () => {
      for (const n of [1, 2, 3, 4, 5, 6])
        await create(customer(`p${n}`, { Address: n % 2 ? 'odd' : 'a&b=%' }));
    });

    it.each<[string, Call, string[][]]>([
      ['?limit=1', {}, [['p1'], ['p2'], ['p3'], ['p4'], ['p5'], ['p6']]],
      [
        '?limit=4',
        {},
        [
          ['p1', 'p2', 'p3', 'p4'],
          ['p5', 'p6'],
        ],
      ],
      ['?limit=6', {}, [['p1', 'p2', 'p3', 'p4', 'p5', 'p6']]],
      ['?limit=10000', {}, [['p1', 'p2', 'p3', 'p4', 'p5', 'p6']]],
      ['?limit=2&Address=a%26b%3D%25', {}, [['p2', 'p4'], ['p6']]],
      ['?limit=2', { body: { Address: 'odd' } }, [['p1', 'p3'], ['p5']]],
      [
        '?limit=2&search=p',
        {},
        [
          ['p1', 'p2'],
          ['p3', 'p4'],
          ['p5', 'p6'],
        ],
      ],
      ['?search=p&Address=odd&updated_since=0&limit=2', {}, [['p1', 'p3'], ['p5']]],
      [
        '?limit=4',
        { headers: NDJSON },
        [
          ['p1', 'p2', 'p3', 'p4'],
          ['p5', 'p6'],
        ],
      ],
      ['?limit=3&UserID=nobody', {}, [[]]],
    ])('%s %j', async (first, more, expected) => {
      expect(await pages(first, more)).toEqual(expected);
    });

    it('and miss none when customers come and go in between', async () => {
      const { headers } = await call('GET', `${LIST}?limit=3`);
      await call('DELETE', pathOf('p1'));
      await call('DELETE', pathOf('p3'));
      await call('DELETE', pathOf('p4'));
      await create(customer('p7'));
      const [, next = ''] = /^<(.*)>/.exec(String(headers['link'])) ?? [];
      expect(userIds(await call('GET', next))).toEqual(['p5', 'p6', 'p7']);
    });

    it('or from the cursor of a page to the end at once', async () => {
      const { headers } = await call('GET', `${LIST}?limit=2`);
      const [, after] = /[?&]after=([^&>]+)/.exec(String(headers['link'])) ?? [];
      expect(userIds(await call('GET', `${LIST}?after=${after}`))).toEqual(['p3', 'p4', 'p5', 'p6']);
    });
  });

  describe('are listed since', () => {
    beforeEach(async () => {
      clock.at = Date.parse('2026-11-23T18:29:59Z');
      await create(customer('before'));
      await create(customer('changed'));
      clock.at = Date.parse('2026-11-23T18:30:00Z');
      await create(customer('at'));
      clock.at = Date.parse('2026-11-23T18:30:01.5Z');
      await call('PATCH', pathOf('changed'), { body: { Name: 'N' } });
    });

    it.each([
      ['1795458600', ['changed', 'at']],
      ['2026-11-23T18:30:00Z', ['changed', 'at']],
      ['2026-11-23T18:30Z', ['changed', 'at']],
      ['2026-11-23T18:30:00.000Z', ['changed', 'at']],
      ['2026-11-24T00:00:00%2B05:30', ['changed', 'at']],
      ['2026-11-24T00:00:00+05:30', ['changed', 'at']],
      ['2026-11-23T14:30:00-04:00', ['changed', 'at']],
      ['1795458601', ['changed']],
      ['2026-11-23T18:30:01.501Z', []],
      ['0', ['before', 'changed', 'at']],
      ['2027-01-01T00:00:00Z', []],
    ])('%s', async (since, found) => {
      expect(userIds(await call('GET', `${LIST}?updated_since=${since}`))).toEqual(found);
      expect(userIds(await call('GET', `${LIST}?limit=9&updated_since=${since}`))).toEqual(found);
    });
  });

  it('come as NDJSON, a line each, the same as in JSON', async () => {
    await create(customer('n1', { Address: 'two\nlines' }));
    await create(customer('n2'));
    const answer = await call('GET', LIST, { headers: NDJSON });
    expect(answer.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    expect(answer.text).toMatch(/^.+\n.+\n$/);
    expect(`[${answer.text.trim().replace('\n', ',')}]`).toBe(await list());
  });

  it('come as CSV, under the names of the members, in which nothing is a formula', async () => {
    const columns = 'id,Name,Address,Email,PhoneNumber,AltPhoneNumber,UserID\r\n';
    const csv = (): Promise<Answer> => call('GET', LIST, { headers: { accept: 'text/csv' } });
    expect(await csv()).toMatchObject({ status: 200, text: columns });
    await create(customer('c1', { Name: '=1+1', Address: 'two\nlines, "quoted"', Email: null }));
    await create(customer('-c2', { PhoneNumber: '+91 (44) 1', AltPhoneNumber: '' }));
    const answer = await csv();
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    const [one, two] = JSON.parse(await list()) as { id: number }[];
    expect(answer.text).toBe(
      columns +
        `${one?.id},'=1+1,"two\nlines, ""quoted""",,1234567890,9999999999,c1\r\n` +
        `${two?.id},Trisul,Chennai,demo@gmail.com,+91 (44) 1,,'-c2\r\n`,
    );
    const page = await call('GET', `${LIST}?limit=1`, { headers: { accept: 'text/csv' } });
    expect(answer.text.startsWith(page.text)).toBe(true);
    expect(String(page.headers['link'])).toContain('rel="next"');
  });

  it.each([
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['text/html, */*;q=0.1', 'application/json'],
    ['application/json, application/x-ndjson;q=0.5', 'application/json'],
    ['application/x-ndjson, application/json;q=0.5', 'application/x-ndjson'],
    ['text/csv, application/json;q=0.5', 'text/csv'],
  ])('come in the form that Accept: %s prefers', async (accept, type) => {
    const { headers } = await call('GET', LIST, { headers: { accept } });
    expect(headers['content-type']).toBe(`${type}; charset=utf-8`);
  });

  describe('with credentials in headers', () => {
    const viaHeaders = (method: string, path: string, { body, headers }: Call = {}): Promise<Answer> =>
      call(method, path, {
        raw: body === undefined ? '' : JSON.stringify(body),
        headers: { ...asHeaders(caller.credentials), ...headers },
      });

    it('are listed, read, created, changed and deleted', async () => {
      const { text } = await viaHeaders('POST', LIST, { body: customer('h') });
      expect((await viaHeaders('GET', pathOf('h'))).text).toBe(text);
      expect((await viaHeaders('GET', LIST)).text).toBe(`[${text}]`);
      expect((await viaHeaders('GET', LIST, { headers: NDJSON })).text).toBe(`${text}\n`);
      expect((await viaHeaders('PATCH', pathOf('h'), { body: { Name: 'Trisul' } })).text).toBe(text);
      expect((await viaHeaders('PUT', pathOf('h'), { body: customer('h') })).text).toBe(text);
      expect((await viaHeaders('DELETE', pathOf('h'))).text).toBe(text);
      expect(await list()).toBe('[]');
    });

    it.each([
      ['bearer in small letters', () => ({ authorization: `bearer ${caller.credentials.api_token}` })],
      ['spaces around the token', () => ({ authorization: `Bearer   ${caller.credentials.api_token}  ` })],
      ['the same in the body', () => ({ 'content-type': 'application/json' })],
    ])('in the form: %s', async (how, headers) => {
      const body = how.includes('body') ? caller.credentials : undefined;
      expect((await viaHeaders('GET', LIST, { ...(body && { body }), headers: headers() })).text).toBe('[]');
    });

    it('are those of a user whose name is not ASCII', async () => {
      const { credentials } = await newCaller(service(), { name: 'Jürgen ₹' });
      const answer = await call('GET', LIST, { raw: '', headers: asHeaders(credentials) });
      expect(answer).toMatchObject({ status: 200, text: '[]' });
    });
  });

  describe('are those of the context', () => {
    let elsewhere: Caller;

    beforeAll(async () => {
      elsewhere = await newCaller(service(), { contexts: ['default', await newContext(service())] });
      await elsewhere.call('POST', LIST, { body: customer('in default') });
    });

    const inBody = (members: object): Call => ({
      raw: JSON.stringify({ ...elsewhere.credentials, contextname: undefined, ...members }),
    });
    const inHeader = (name?: string): Call => {
      const { api_token, username } = elsewhere.credentials;
      return { raw: '', headers: asHeaders({ api_token, username, ...(name && { contextname: name }) }) };
    };

    it.each([
      ['left out', () => inBody({})],
      ['contextname: default', () => inBody({ contextname: 'default' })],
      ['contextname: context0', () => inBody({ contextname: 'context0' })],
      ['context: default', () => inBody({ context: 'default' })],
      ['context: context0', () => inBody({ context: 'context0' })],
      ['contextname and context', () => inBody({ contextname: 'default', context: 'default' })],
      ['no X-Context', () => inHeader()],
      ['X-Context: default', () => inHeader('default')],
      ['X-Context: context0', () => inHeader('context0')],
    ])('default: %s', async (_how, request) => {
      expect(userIds(await elsewhere.call('GET', LIST, request()))).toEqual(['in default']);
    });

    it('named, by either member and by the header', async () => {
      await create(customer('in the other'));
      const { contextname } = caller.credentials;
      const admin = { api_token: service().tokens.admin, username: 'admin' };
      const requests: Call[] = [
        { raw: JSON.stringify({ ...admin, contextname }) },
        { raw: JSON.stringify({ ...admin, context: contextname }) },
        { raw: '', headers: asHeaders({ ...admin, contextname }) },
      ];
      for (const request of requests) {
        expect(userIds(await service().admin('GET', LIST, request))).toEqual(['in the other']);
      }
    });

    it.each(['Default', 'default ', ' default', 'default\0', 'context1', 'nobody', '', "' OR 1=1 -- "])(
      'but not one that does not exist: %j',
      async (contextname) => {
        const answer = await elsewhere.call('GET', LIST, inBody({ contextname }));
        expect(answer.status).toBe(404);
        expect(answer.json).toMatchObject({
          code: 'context_not_found',
          message: `Invalid Context name - ${contextname}`,
        });
      },
    );
  });

  describe('of two contexts', () => {
    let other: Caller;
    let others: string;

    beforeEach(async () => {
      other = await newCaller(service());
      await other.call('POST', LIST, { body: customer('same') });
      await other.call('POST', LIST, { body: customer('only there') });
      others = (await other.call('GET', LIST)).text;
    });

    it.each<[string, string, Partial<CustomerFields>?]>([
      ['PUT', 'same', customer('same', { Name: 'Changed' })],
      ['PUT', 'same', customer('only there')],
      ['PATCH', 'same', { Name: 'Changed' }],
      ['PATCH', 'same', { UserID: 'only there' }],
      ['DELETE', 'same'],
    ])('never touch each other: %s %s %j', async (method, userId, body = {}) => {
      await create(customer('same'));
      expect((await call(method, pathOf(userId), { body })).status).toBe(200);
      expect((await other.call('GET', LIST)).text).toBe(others);
    });

    it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('never find each other: %s', async (method) => {
      const body = { PUT: customer('only there'), PATCH: { Name: 'N' } }[method] ?? {};
      expect((await call(method, pathOf('only there'), { body })).status).toBe(404);
      expect((await other.call('GET', LIST)).text).toBe(others);
    });

    it.each([
      '',
      '?limit=10',
      '?search=same',
      '?search=only',
      '?UserID=same',
      '?updated_since=0',
      '?after=aWQ6MA',
    ])('are never listed together: %s', async (query) => expect(await list(query)).toBe('[]'));

    it('are closed to a user who was not granted the other', async () => {
      const { contextname } = other.credentials;
      const { username } = caller.credentials;
      for (const [method, path] of [
        ['GET', LIST],
        ['POST', LIST],
        ['GET', pathOf('same')],
        ['PUT', pathOf('same')],
        ['PATCH', pathOf('same')],
        ['DELETE', pathOf('same')],
      ] as const) {
        const answer = await call(method, path, { body: { contextname } });
        expect(answer.status).toBe(403);
        expect(answer.json).toMatchObject({
          code: 'context_forbidden',
          message: `The user (${username}) is not allowed to access the context ${contextname}`,
        });
      }
      expect((await other.call('GET', LIST)).text).toBe(others);
    });
  });

  describe('are answered with the X-Request-Id', () => {
    it.each([
      ['of the caller, if it is sane', 'crm-2026/11/24:0001', true],
      ['of the caller, up to 128 characters', 'x'.repeat(128), true],
      ['of the service, if it is too long', 'x'.repeat(129), false],
      ['of the service, if it holds spaces', 'a b', false],
      ['of the service, if it holds quotes', 'a"b', false],
      ['of the service, if it is empty', '', false],
      ['of the service, if it is given twice', ['a', 'b'], false],
      ['of the service, if it is not ASCII', 'Ã©', false],
    ])('%s', async (_whose, given, echoed) => {
      for (const path of [LIST, pathOf('nobody'), '/nowhere', `${LIST}/%ZZ`, '/health/live']) {
        const { headers, text } = await call('GET', path, { headers: { 'x-request-id': given } });
        const id = headers['x-request-id'];
        if (echoed) expect(id).toBe(given);
        else expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        if (text.includes('ERROR')) expect(text).toContain(`"request_id":"${id as string}"`);
      }
    });

    it('of the service, another for each request', async () => {
      const ids = await Promise.all(
        [1, 2, 3].map(async () => (await call('GET', LIST)).headers['x-request-id']),
      );
      expect(new Set(ids).size).toBe(3);
    });
  });
});

/** Every field as long as it may be, in characters of four bytes where the field takes them. */
function longest(): Omit<CustomerFields, 'UserID'> {
  return {
    Name: '😀'.repeat(255),
    Address: '名'.repeat(1024),
    Email: `${'é'.repeat(242)}@example.com`,
    PhoneNumber: '9'.repeat(64),
    AltPhoneNumber: '+'.repeat(64),
  };
}
