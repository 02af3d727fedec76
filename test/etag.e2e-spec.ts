import { beforeEach, describe, expect, it } from '@jest/globals';
import { auditTrail } from './support/audit.js';
import { newCaller, type Caller } from './support/callers.js';
import { customer, pathOf, toJson, type CustomerFields } from './support/customers.js';
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

const LIST = '/api/ipdrcustomers';
const ONE = pathOf('B68t19');
const CLIENTS = 20;
const CHANGED = customer('B68t19', { Name: 'Changed' });

/** Makes the header of the present ETag. */
type Condition = (tag: string) => string;

const WRITES = [
  ['PUT', CHANGED],
  ['PATCH', { Name: 'Changed' }],
  ['DELETE', {}],
] as const;

describe.each(databaseKinds)('the ETag of a customer on $name', (kind) => {
  // The clock stands still: an ETag that is only a time would repeat itself.
  const { service, database } = useService(kind, { adapt: new TestClock().adapt });
  let caller: Caller;
  let id: number;

  beforeEach(async () => {
    caller = await newCaller(service());
    id = ((await create()).json as { id: number }).id;
  });

  const create = (): Promise<Answer> => caller.call('POST', LIST, { body: customer('B68t19') });
  const get = (headers: Record<string, string> = {}): Promise<Answer> => caller.call('GET', ONE, { headers });
  const tag = async (): Promise<string> => String((await get()).headers['etag']);
  const versions = async (): Promise<number> =>
    ((await caller.call('GET', `${ONE}/history`)).json as unknown[]).length;
  const send = (method: string, body: object, match: string, path = ONE): Promise<Answer> =>
    caller.call(method, path, { body, headers: { 'if-match': match } });

  it('is strong and stays the same while nothing changes', async () => {
    const first = await tag();
    expect(first).toMatch(/^"[\x21\x23-\x7e]+"$/);
    expect(await tag()).toBe(first);
  });

  it.each<[string, string, object]>([
    ['POST', LIST, customer('new')],
    ['PUT', ONE, customer('new', { Name: 'Changed' })],
    ['PUT', ONE, customer('B68t19')],
    ['PATCH', ONE, { UserID: 'new' }],
    ['PATCH', ONE, { Address: null }],
    ['PATCH', ONE, { Address: 'Chennai' }],
  ])('is the same in the answer to %s %s %j as in that to GET', async (method, path, body) => {
    const answer = await caller.call(method, path, { body });
    expect(answer.status).toBe(200);
    const { UserID } = answer.json as CustomerFields;
    const { headers } = await caller.call('GET', pathOf(UserID));
    expect(answer.headers['etag']).toBe(headers['etag']);
    expect(answer.headers['etag']).toMatch(/^".+"$/);
  });

  it('differs in every version, even when a field gets its old value back', async () => {
    const tags = [await tag()];
    for (const Name of ['A', 'Trisul', 'A', 'Trisul']) {
      tags.push(String((await caller.call('PATCH', ONE, { body: { Name } })).headers['etag']));
    }
    expect(new Set(tags).size).toBe(5);
    expect(tags.at(-1)).toBe(await tag());
  });

  it('differs when the customer is deleted and created again unchanged', async () => {
    const before = await tag();
    await caller.call('DELETE', ONE);
    await create();
    expect(await tag()).not.toBe(before);
    expect((await send('DELETE', {}, before)).status).toBe(412);
    expect((await get({ 'if-none-match': before })).status).toBe(200);
  });

  it('differs from that of the same UserID in another context', async () => {
    const other = await newCaller(service());
    const answer = await other.call('POST', LIST, { body: customer('B68t19') });
    expect(answer.headers['etag']).not.toBe(await tag());
  });

  it('is missing from lists and errors', async () => {
    expect((await caller.call('GET', LIST)).headers['etag']).toBeUndefined();
    expect((await caller.call('GET', pathOf('nobody'))).headers['etag']).toBeUndefined();
  });

  describe('in If-None-Match', () => {
    it.each<[string, Condition]>([
      ['the same ETag', (own) => own],
      ['the same ETag, weak', (own) => `W/${own}`],
      ['a list that holds it', (own) => `"other", ${own}`],
      ['a list without spaces', (own) => `${own},"other"`],
      ['a list that holds it weak', (own) => `W/"other" ,\t W/${own}`],
      ['*', () => '*'],
    ])('gets 304 without a body for %s', async (_what, condition) => {
      const own = await tag();
      const answer = await get({ 'if-none-match': condition(own) });
      expect(answer).toMatchObject({ status: 304, text: '' });
      expect(answer.headers['etag']).toBe(own);
    });

    it.each<[string, Condition]>([
      ['another ETag', () => '"other"'],
      ['an empty one', () => '""'],
      ['a prefix of it', (own) => `${own.slice(0, -2)}"`],
      ['one that it is a prefix of', (own) => `${own.slice(0, -1)}0"`],
      ['one that contains it', (own) => `"x,${own.slice(1, -1)}"`],
      ['a list of others', () => '"a", W/"b"'],
    ])('gets 200 for %s', async (_what, condition) => {
      const answer = await get({ 'if-none-match': condition(await tag()) });
      expect(answer).toMatchObject({ status: 200, text: toJson(id, customer('B68t19')) });
    });

    it('gets 200 for an earlier version', async () => {
      const before = await tag();
      await caller.call('PATCH', ONE, { body: { Name: 'Changed' } });
      expect((await get({ 'if-none-match': before })).text).toBe(toJson(id, CHANGED));
    });

    it('gets 404 for a customer that does not exist', async () => {
      const answer = await caller.call('GET', pathOf('nobody'), { headers: { 'if-none-match': '*' } });
      expect(answer.status).toBe(404);
    });
  });

  describe.each(WRITES)('in the If-Match of %s %j', (method, body) => {
    it.each<[string, Condition]>([
      ['the same ETag', (own) => own],
      ['the same ETag, weak', (own) => `W/${own}`],
      ['a list that holds it', (own) => `"other",W/"weak" , ${own}`],
      ['a list that holds it weak', (own) => `"other", W/${own}`],
      ['*', () => '*'],
    ])('lets %s through', async (_what, condition) => {
      const answer = await send(method, body, condition(await tag()));
      const after = method === 'DELETE' ? customer('B68t19') : CHANGED;
      expect(answer).toMatchObject({ status: 200, text: toJson(id, after) });
      expect((await get()).status).toBe(method === 'DELETE' ? 404 : 200);
      expect(await versions()).toBe(2);
    });

    it.each<[string, Condition]>([
      ['another ETag', () => '"other"'],
      ['another ETag, weak', () => 'W/"other"'],
      ['a list of others', () => '"other", W/"another"'],
      ['one that it is a prefix of', (own) => `${own.slice(0, -1)}0"`],
    ])('refuses %s with 412 and changes nothing', async (_what, condition) => {
      const own = await tag();
      const answer = await send(method, body, condition(own));
      expect(answer.status).toBe(412);
      expect(answer.json).toMatchObject({ status: 'ERROR', code: 'precondition_failed' });
      expect(answer.headers['etag']).toBeUndefined();
      expect(await get()).toMatchObject({ text: toJson(id, customer('B68t19')), headers: { etag: own } });
      expect(await versions()).toBe(1);
    });

    it('refuses the ETag of an earlier version with 412 and changes nothing', async () => {
      const before = await tag();
      await caller.call('PATCH', ONE, { body: { Address: 'elsewhere' } });
      expect((await send(method, body, before)).status).toBe(412);
      expect((await get()).text).toBe(toJson(id, customer('B68t19', { Address: 'elsewhere' })));
      expect(await versions()).toBe(2);
    });

    it('is refused with 412 in If-None-Match, and changes nothing', async () => {
      const own = await tag();
      for (const known of [own, `W/${own}`, '*', `"other", ${own}`]) {
        const answer = await caller.call(method, ONE, { body, headers: { 'if-none-match': known } });
        expect(answer).toMatchObject({ status: 412, json: { code: 'precondition_failed' } });
      }
      expect(await versions()).toBe(1);
      const answer = await caller.call(method, ONE, { body, headers: { 'if-none-match': '"other"' } });
      expect(answer.status).toBe(200);
    });

    it.each(['*', '"other"', 'W/"weak"'])('gets 404 for a missing customer: %s', async (match) => {
      const answer = await send(method, body, match, pathOf('nobody'));
      expect(answer.status).toBe(404);
      expect(answer.json).toMatchObject({ code: 'customer_not_found' });
    });
  });

  it('is checked before conflicts, and also when nothing would change', async () => {
    await caller.call('POST', LIST, { body: customer('taken') });
    expect((await send('PATCH', { UserID: 'taken' }, '"other"')).status).toBe(412);
    expect((await send('PATCH', { UserID: 'taken' }, await tag())).status).toBe(409);
    expect((await send('PATCH', { Name: 'Trisul' }, '"other"')).status).toBe(412);
    expect((await send('PATCH', { Name: 'Trisul' }, await tag())).status).toBe(200);
  });

  describe('that is malformed', () => {
    it.each([
      '',
      'x',
      '5-1',
      '"',
      '"a',
      'a"',
      '"a" "b"',
      '"a",',
      'w/"a"',
      'W/a',
      '*, "a"',
      '**',
      '"a"b',
      '"a b"',
    ])('is refused with 400: %j', async (text) => {
      for (const [method, body] of WRITES) {
        const answer = await send(method, body, text);
        expect(answer.status).toBe(400);
        expect(answer.json).toMatchObject({
          code: 'etag_malformed',
          message: expect.stringContaining('If-Match'),
        });
      }
      const answer = await get({ 'if-none-match': text });
      expect(answer.status).toBe(400);
      const [read] = await auditTrail(service(), `user=${caller.credentials.username}&action=customer.read`);
      expect(read).toBeUndefined(); // nothing was read
      expect(answer.json).toMatchObject({
        code: 'etag_malformed',
        message: expect.stringContaining('If-None-Match'),
      });
      expect(await versions()).toBe(1);
    });
  });

  describe('of an IP mapping', () => {
    let mapping: Mapping;
    let path: string;
    const flat = `${MAPPINGS}/B68t19`;

    beforeEach(async () => {
      mapping = await addMapping(caller, 'B68t19', '192.0.2.0/24', 100, 199);
      path = mappingPath('B68t19', mapping);
    });

    const read = (headers: Record<string, string> = {}): Promise<Answer> =>
      caller.call('GET', path, { headers });
    const tagOf = async (): Promise<string> => String((await read()).headers['etag']);
    const countVersions = async (): Promise<number | undefined> =>
      (await dump(database().configuration))['ip_mapping_versions']?.length;
    const writes = [
      { method: 'PATCH', form: 'nested', body: { terminalid: 'changed' } },
      { method: 'PUT', form: 'flat', body: { terminalid: 'changed' } },
      { method: 'DELETE', form: 'nested', body: {} },
      { method: 'DELETE', form: 'flat', body: {} },
    ];
    const pathIn = (form: string): string => (form === 'flat' ? flat : path);

    it('is the same in the answer to a write as in that to GET, and differs in every version', async () => {
      const tags = [await tagOf()];
      for (const { method, form, body, isChange } of [
        { method: 'PATCH', form: 'nested', body: { terminalid: 'a' }, isChange: true },
        { method: 'PUT', form: 'flat', body: { terminalid: 'TERM12345' }, isChange: true },
        { method: 'PATCH', form: 'nested', body: { terminalid: 'a' }, isChange: true },
        { method: 'PATCH', form: 'nested', body: { terminalid: 'a', starttime: '100' }, isChange: false },
        { method: 'PUT', form: 'flat', body: { ipsubnet: '192.0.2.0/24' }, isChange: false },
        { method: 'PUT', form: 'flat', body: { ipsubnet: '192.0.2.7/24' }, isChange: true },
      ]) {
        const { status, headers } = await caller.call(method, pathIn(form), { body });
        expect(status).toBe(200);
        expect(headers['etag']).toBe(await tagOf());
        expect(headers['etag'] !== tags.at(-1)).toBe(isChange);
        if (isChange) tags.push(String(headers['etag']));
      }
      for (const [method, on, UserID] of [
        ['POST', MAPPINGS, { UserID: 'B68t19' }],
        ['POST', mappingsOf('B68t19'), {}],
      ] as const) {
        const body = { ...UserID, ipsubnet: '192.0.2.0/24', starttime: 100, endtime: 200 };
        const { headers, json } = await caller.call(method, on, { body });
        const made = mappingPath('B68t19', json as Mapping);
        expect((await caller.call('GET', made)).headers['etag']).toBe(headers['etag']);
        tags.push(String(headers['etag']));
        // The next round creates the same mapping again: its ETag must differ.
        expect((await caller.call('DELETE', made)).headers['etag']).toBeUndefined();
      }
      expect(new Set(tags).size).toBe(7);
      for (const tag of tags) expect(tag).toMatch(/^"[\x21\x23-\x7e]+"$/);
      for (const on of [MAPPINGS, mappingsOf('B68t19'), mappingPath('B68t19', { id: 0 })]) {
        expect((await caller.call('GET', on)).headers['etag']).toBeUndefined();
      }
    });

    it('is compared with If-None-Match', async () => {
      const own = await tagOf();
      for (const known of [own, `W/${own}`, '*', `"other",${own}`]) {
        const answer = await read({ 'if-none-match': known });
        expect(answer).toMatchObject({ status: 304, text: '', headers: { etag: own } });
      }
      const text = JSON.stringify(mapping);
      expect(await read({ 'if-none-match': '"other"' })).toMatchObject({ status: 200, text });
      await caller.call('PATCH', path, { body: { endtime: null } });
      expect(await read({ 'if-none-match': own })).toMatchObject({ status: 200 });
      expect((await read({ 'if-none-match': 'x' })).json).toMatchObject({ code: 'etag_malformed' });
      const nowhere = mappingPath('B68t19', { id: 0 });
      const answer = await caller.call('GET', nowhere, { headers: { 'if-none-match': '*' } });
      expect(answer.status).toBe(404);
    });

    describe.each(writes)('in the If-Match of $method by the $form path', ({ method, form, body }) => {
      it.each<[string, Condition]>([
        ['the same ETag', (own) => own],
        ['the same ETag, weak', (own) => `W/${own}`],
        ['a list that holds it', (own) => `"other",W/"weak" , ${own}`],
        ['*', () => '*'],
      ])('lets %s through', async (_what, condition) => {
        const headers = { 'if-match': condition(await tagOf()) };
        const answer = await caller.call(method, pathIn(form), { body, headers });
        expect(answer).toMatchObject({ status: 200, text: JSON.stringify({ ...mapping, ...body }) });
      });

      it('refuses any other, or this one in If-None-Match, with 412 and changes nothing', async () => {
        const old = await tagOf();
        await caller.call('PATCH', path, { body: { endtime: null } });
        const [own, before, { text }] = [await tagOf(), await countVersions(), await read()];
        for (const headers of [
          { 'if-match': '"other"' },
          { 'if-match': old },
          { 'if-match': 'W/"other"' },
          { 'if-match': `${own.slice(0, -1)}0"` },
          { 'if-none-match': own },
          { 'if-none-match': `W/${own}` },
          { 'if-none-match': '*' },
        ]) {
          const answer = await caller.call(method, pathIn(form), { body, headers });
          expect(answer).toMatchObject({ status: 412, json: { code: 'precondition_failed' } });
          expect(answer.headers['etag']).toBeUndefined();
        }
        for (const name of ['if-match', 'if-none-match']) {
          const answer = await caller.call(method, pathIn(form), { body, headers: { [name]: 'x' } });
          expect(answer).toMatchObject({ status: 400, json: { code: 'etag_malformed' } });
        }
        expect(await read()).toMatchObject({ text, headers: { etag: own } });
        expect(await countVersions()).toBe(before);
      });

      it('gets 404 for a mapping that does not exist', async () => {
        await caller.call('DELETE', path);
        const answer = await caller.call(method, pathIn(form), { body, headers: { 'if-match': '*' } });
        expect(answer).toMatchObject({ status: 404, json: { code: 'mapping_not_found' } });
      });
    });

    it('is checked before conflicts, and after ambiguity', async () => {
      const open = await addMapping(caller, 'B68t19', '192.0.2.0/24', 100);
      await addCustomer(caller, 'other');
      await addMapping(caller, 'other', '198.51.100.1');
      const patch = async (body: object, match: string): Promise<unknown> =>
        (await caller.call('PATCH', path, { body, headers: { 'if-match': match } })).status;
      for (const body of [{ ipsubnet: '198.51.100.1' }, { endtime: null }]) {
        expect([await patch(body, '"other"'), await patch(body, await tagOf())]).toEqual([412, 409]);
      }
      const headers = { 'if-match': '"other"' };
      const answer = await caller.call('DELETE', flat, { headers });
      expect(answer).toMatchObject({ status: 409, json: { code: 'mapping_ambiguous' } });
      const unambiguous = await caller.call('DELETE', flat, { body: { id: open.id }, headers });
      expect(unambiguous.status).toBe(412);
    });
  });

  it('lets only one of twenty clients change what all of them have read', async () => {
    for (let round = 0; round < 5; round++) {
      const [read, before] = [await tag(), await versions()];
      const answers = await Promise.all(
        Array.from({ length: CLIENTS }, (_, n) => send('PATCH', { Name: `R${round} N${n}` }, read)),
      );
      const [winner, ...others] = answers.toSorted((a, b) => a.status - b.status) as [Answer, ...Answer[]];
      expect(winner.status).toBe(200);
      for (const { status, json } of others) {
        expect({ status, json }).toMatchObject({ status: 412, json: { code: 'precondition_failed' } });
      }
      expect((await get()).text).toBe(winner.text);
      expect((await get()).headers['etag']).toBe(winner.headers['etag']);
      expect(await versions()).toBe(before + 1);
    }
  });
});
