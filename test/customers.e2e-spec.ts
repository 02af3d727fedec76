import { describe, expect, it } from '@jest/globals';
import { LIST, useCustomerService, userIds } from './support/customer-service.js';
import { customer, pathOf, toJson, type CustomerFields } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import type { Answer } from './support/service.js';

const NOT_FOUND = { status: 'ERROR', code: 'customer_not_found', message: 'IPDR Customer not found' };

/** UserIDs that a less careful service would take for something else. */
const ODD_USER_IDS = [
  ...'a/b user@realm . .. ../admin / a//b/ a\\b a+b a%2Fb % %_ a?b=c&d#e'.split(' '),
  ...'bulk import export mapping mappings history changes search ipdrcustomers 0'.split(' '),
  ...'__proto__ constructor prototype toString null undefined true :UserID * (.*)'.split(' '),
  ...`<script> ' " \${1} {{7*7}} é 😀 名前 ﬁ`.split(' '),
  'a b',
  `'; DROP TABLE customers; --`,
  'x'.repeat(128),
  '😀'.repeat(128),
];

describe.each(databaseKinds)('on $name, the service', (kind) => {
  const { clock, caller, call, create, list } = useCustomerService(kind);

  it('creates, reads, lists, updates and deletes customers, with the members in the order of the document', async () => {
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

  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])(
    'answers 404 to %s for a customer who does not exist',
    async (method) => {
      const body = { PUT: customer('nobody'), PATCH: { Name: 'N' } }[method] ?? {};
      const answer = await call(method, pathOf('nobody'), { body });
      expect(answer.status).toBe(404);
      expect(answer.json).toEqual({ ...NOT_FOUND, request_id: answer.headers['x-request-id'] });
    },
  );

  describe('given a new customer,', () => {
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
      ['fields left out as null', {}, absent],
      ['null as null', absent, absent],
      ["'' as ''", empty, empty],
      ['the longest of every field', longest(), longest()],
      ['quotes, line breaks, edge spaces and any script', rich, rich],
    ])('stores %s', async (_what, given, kept) => {
      const id = await create({ UserID: 'k', Name: 'N', ...given });
      const whole = { UserID: 'k', Name: 'N', ...kept };
      expect((await call('GET', pathOf('k'))).text).toBe(toJson(id, whole));
      expect(await list()).toBe(`[${toJson(id, whole)}]`);
      expect((await call('PUT', pathOf('k'), { body: whole })).text).toBe(toJson(id, whole));
      expect((await call('PATCH', pathOf('k'), { body: whole })).text).toBe(toJson(id, whole));
      expect((await call('GET', pathOf('k'))).text).toBe(toJson(id, whole));
    });
  });

  describe('given a PATCH,', () => {
    it.each([
      { Name: 'Other' },
      { Address: 'Line 1\nLine 2' },
      { Email: null },
      { PhoneNumber: '' },
      { AltPhoneNumber: null },
      { Address: null, Email: '', Name: 'Several' },
    ])('changes %j and keeps the rest', async (changes) => {
      const id = await create(customer('p'));
      const after = toJson(id, customer('p', changes));
      expect(await call('PATCH', pathOf('p'), { body: changes })).toMatchObject({ status: 200, text: after });
      expect(await list()).toBe(`[${after}]`);
    });
  });

  describe.each(['PUT', 'PATCH'] as const)('given a new UserID by %s,', (method) => {
    const rename = (from: string, to: string): Promise<Answer> =>
      call(method, pathOf(from), { body: method === 'PUT' ? customer(to) : { UserID: to } });

    it('keeps the id and frees the old UserID', async () => {
      const id = await create(customer('old'));
      expect(await rename('old', 'new/name')).toMatchObject({
        status: 200,
        text: toJson(id, customer('new/name')),
      });
      expect((await call('GET', pathOf('old'))).status).toBe(404);
      expect((await call('GET', pathOf('new/name'))).text).toBe(toJson(id, customer('new/name')));
      await create(customer('old'));
    });

    it('refuses the UserID of another customer', async () => {
      await create(customer('one'));
      await create(customer('Zoé'));
      const before = await list();
      const answer = await rename('one', 'Zoe\u0301');
      expect(answer.status).toBe(409);
      expect(answer.json).toMatchObject({
        code: 'customer_exists',
        message: `Customer Zoé already exists in context ${caller().credentials.contextname}`,
      });
      expect(await list()).toBe(before);
    });

    it.each([
      ['the same UserID', 'same', 'same'],
      ['another case', 'Case', 'cASE'],
      ['another Unicode form', 'Zoé', 'Zoe\u0301'],
    ])('accepts %s', async (_what, from, to) => {
      const id = await create(customer(from));
      const after = toJson(id, customer(to.normalize('NFC')));
      expect(await rename(from, to)).toMatchObject({ status: 200, text: after });
      expect(await list()).toBe(`[${after}]`);
    });
  });

  it('deletes a customer once and reuses the UserID but not the id', async () => {
    const id = await create(customer('d'));
    expect((await call('DELETE', pathOf('d'))).text).toBe(toJson(id, customer('d')));
    expect(await call('DELETE', pathOf('d'))).toMatchObject({ status: 404 });
    expect(await create(customer('d'))).toBeGreaterThan(id);
  });

  it('deletes a customer whose mappings become identical once ended', async () => {
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

  it.each(ODD_USER_IDS)('accepts the UserID %s', async (userId) => {
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
    ['without its last character', 'B68t1'],
    ['as a pattern', 'B68t1_'],
    ['in another width', 'Ｂ68t19'],
  ])('finds no customer by the UserID %s', async (_how, userId) => {
    await create(customer('B68t19'));
    const before = await list();
    expect((await call('GET', pathOf(userId))).status).toBe(404);
    expect((await call('PATCH', pathOf(userId), { body: { Name: 'N' } })).status).toBe(404);
    expect((await call('PUT', pathOf(userId), { body: customer('B68t19') })).status).toBe(404);
    expect((await call('DELETE', pathOf(userId))).status).toBe(404);
    expect(await list()).toBe(before);
  });

  it('finds a customer by either Unicode form of the UserID', async () => {
    const id = await create(customer('Zoe\u0301'));
    for (const form of ['Zoé', 'Zoe\u0301']) {
      expect((await call('GET', pathOf(form))).text).toBe(toJson(id, customer('Zoé')));
      expect(await list(`?UserID=${encodeURIComponent(form)}`)).toBe(`[${toJson(id, customer('Zoé'))}]`);
      expect(userIds(await call('GET', `${LIST}?search=${encodeURIComponent(form)}`))).toEqual(['Zoé']);
    }
  });
});

/** Every field at its greatest length, in characters of four bytes where the field allows them. */
function longest(): Omit<CustomerFields, 'UserID'> {
  return {
    Name: '😀'.repeat(255),
    Address: '名'.repeat(1024),
    Email: `${'é'.repeat(242)}@example.com`,
    PhoneNumber: '9'.repeat(64),
    AltPhoneNumber: '+'.repeat(64),
  };
}
