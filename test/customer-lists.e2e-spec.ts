import { beforeEach, describe, expect, it } from '@jest/globals';
import { LIST, NDJSON, useCustomerService, userIds } from './support/customer-service.js';
import { customer, pathOf, type CustomerFields } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import type { Answer, Call } from './support/service.js';

describe.each(databaseKinds)('on $name, the service', (kind) => {
  const { clock, call, create, list } = useCustomerService(kind);

  it('lists [] when there are no customers', async () => {
    expect(await call('GET', LIST)).toMatchObject({ status: 200, text: '[]' });
    expect(await call('GET', LIST, { headers: NDJSON })).toMatchObject({ status: 200, text: '' });
  });

  describe('given a filter,', () => {
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
    ])('finds the customers with %j', async (fields, found) => {
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
    ])('finds the customers with %j, where null matches a missing value', async (fields, found) => {
      expect(userIds(await call('GET', LIST, { body: fields }))).toEqual(found);
    });

    it('combines body and query string', async () => {
      const both = (Email: string) => call('GET', `${LIST}?PhoneNumber=1234567890`, { body: { Email } });
      expect(userIds(await both('demo@gmail.com'))).toEqual(['d']);
      expect(userIds(await both(''))).toEqual(['b']);
    });
  });

  describe('given a search,', () => {
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
    ])('finds a UserID, Name, Email or PhoneNumber that begins with %s', async (text, found) => {
      const search = `search=${encodeURIComponent(text)}`;
      expect(userIds(await call('GET', `${LIST}?${search}`))).toEqual(found);
      expect(userIds(await call('GET', `${LIST}?limit=10&${search}`))).toEqual(found);
    });

    it('combines search and filters', async () => {
      expect(userIds(await call('GET', `${LIST}?search=U-&PhoneNumber=`))).toEqual(['%_\\']);
      expect(userIds(await call('GET', `${LIST}?search=U-`, { body: { Email: 'Zoe@x.in' } }))).toEqual([
        'U-1',
      ]);
    });
  });

  describe('given a limit,', () => {
    /** Follows the links. @returns the UserIDs of each page */
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
    ])('returns pages of %s %j', async (first, more, expected) => {
      expect(await pages(first, more)).toEqual(expected);
    });

    it('misses no customer when others are created and deleted in between', async () => {
      const { headers } = await call('GET', `${LIST}?limit=3`);
      await call('DELETE', pathOf('p1'));
      await call('DELETE', pathOf('p3'));
      await call('DELETE', pathOf('p4'));
      await create(customer('p7'));
      const [, next = ''] = /^<(.*)>/.exec(String(headers['link'])) ?? [];
      expect(userIds(await call('GET', next))).toEqual(['p5', 'p6', 'p7']);
    });

    it('continues from a cursor to the end without a limit', async () => {
      const { headers } = await call('GET', `${LIST}?limit=2`);
      const [, after] = /[?&]after=([^&>]+)/.exec(String(headers['link'])) ?? [];
      expect(userIds(await call('GET', `${LIST}?after=${after}`))).toEqual(['p3', 'p4', 'p5', 'p6']);
    });
  });

  describe('given updated_since,', () => {
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
    ])('lists what changed since %s', async (since, found) => {
      expect(userIds(await call('GET', `${LIST}?updated_since=${since}`))).toEqual(found);
      expect(userIds(await call('GET', `${LIST}?limit=9&updated_since=${since}`))).toEqual(found);
    });
  });

  it('returns NDJSON with the same objects as JSON', async () => {
    await create(customer('n1', { Address: 'two\nlines' }));
    await create(customer('n2'));
    const answer = await call('GET', LIST, { headers: NDJSON });
    expect(answer.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    expect(answer.text).toMatch(/^.+\n.+\n$/);
    expect(`[${answer.text.trim().replace('\n', ',')}]`).toBe(await list());
  });

  it('returns CSV with the names of the members and no formulas', async () => {
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
  ])('returns the form that Accept: %s prefers', async (accept, type) => {
    const { headers } = await call('GET', LIST, { headers: { accept } });
    expect(headers['content-type']).toBe(`${type}; charset=utf-8`);
  });
});
