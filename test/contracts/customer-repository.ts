import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ContextId } from '../../src/identity/domain/principal.js';
import type { CustomerFilter } from '../../src/customers/application/customer.repository.js';
import { toUserId, type Customer, type CustomerDetails } from '../../src/customers/domain/customer.js';
import { newContext, type Register } from '../support/register.js';
import { itRefusesWritesOutsideTransactions } from './writes.js';

/** Enough for `all` to need several batches. */
const MANY = 1100;

type Fields = Partial<Omit<CustomerDetails, 'userId'>>;

function details(userId: string, fields: Fields = {}): CustomerDetails {
  return {
    userId: toUserId(userId),
    name: 'Trisul',
    address: null,
    email: null,
    phoneNumber: null,
    altPhoneNumber: null,
    ...fields,
  };
}

export function customerRepositoryContract(register: () => Register): void {
  const run = <T>(work: () => Promise<T>): Promise<T> => register().transactions.run(work);
  const context = (): Promise<ContextId> => newContext(register());
  const insert = (to: ContextId, customer: CustomerDetails, at = 0): Promise<number | undefined> =>
    run(() => register().customers.insert(to, { ...customer, updatedAt: at }));
  const find = (of: ContextId, userId: string): Promise<Customer | undefined> =>
    register().customers.find(of, toUserId(userId));

  const update = (of: ContextId, customer: Customer): Promise<boolean> =>
    run(() => register().customers.update(of, customer));
  const destroy = (of: ContextId, id: number): Promise<void> =>
    run(() => register().customers.delete(of, id));

  /** Inserts a customer and returns it. */
  const add = async (to: ContextId, userId: string, fields: Fields = {}, at = 0): Promise<Customer> => {
    const id = await insert(to, details(userId, fields), at);
    return { id: Number(id), ...details(userId, fields), updatedAt: at };
  };
  const addMany = (to: ContextId, count: number): Promise<Customer[]> =>
    run(async () => {
      const added: Customer[] = [];
      for (let n = 0; n < count; n++) added.push(await add(to, `U${n}`));
      return added;
    });
  const rest = async (batches: AsyncGenerator<Customer[]>): Promise<Customer[]> => {
    const found: Customer[] = [];
    for await (const batch of batches) found.push(...batch);
    return found;
  };
  const ignore = async (): Promise<void> => undefined;
  const all = (of: ContextId, filter: CustomerFilter = {}, after = 0): Promise<Customer[]> =>
    rest(register().customers.all(of, filter, after, ignore));
  /** The UserIDs that a filter finds. Expects `page` and `all` to agree. */
  const filtered = async (of: ContextId, filter: CustomerFilter): Promise<string[]> => {
    const page = await register().customers.page(of, filter, 0, 1000);
    expect(await all(of, filter)).toEqual(page);
    return page.map((customer) => customer.userId);
  };

  const full: Fields = {
    name: `O'Brien "Óscar" \\ 100 %_ 😀`,
    address: 'MG Road 1\r\n\tChennai\n',
    email: '',
    phoneNumber: '+91 (44) 123-45',
    altPhoneNumber: ' ',
  };

  it('finds a customer as it was inserted', async () => {
    const [here, at] = [await context(), 1_764_000_000_123];
    const [whole, bare] = [await add(here, 'whole', full, at), await add(here, 'bare', {}, at)];
    expect(await find(here, 'whole')).toEqual(whole);
    expect(await find(here, 'bare')).toEqual(bare);
    expect(await find(here, 'nobody')).toBeUndefined();
    expect(await run(() => register().customers.lock(here, whole.userId))).toEqual(whole);
    expect(await run(() => register().customers.lock(here, toUserId('nobody')))).toBeUndefined();
  });

  it('compares UserIDs byte for byte in Unicode NFC', async () => {
    const here = await context();
    const userIds = [
      'abc',
      'ABC',
      'äbc',
      'ábc',
      'ａbc',
      'straße',
      'strasse',
      'ΐ',
      'ι',
      'ﬁ',
      'fi',
      '😀',
      '😁',
      '0',
      '00',
    ];
    for (const userId of userIds) expect(await insert(here, details(userId))).toEqual(expect.any(Number));
    expect(await filtered(here, {})).toEqual(userIds);
    for (const userId of userIds) {
      expect((await find(here, userId))?.userId).toBe(userId);
      expect(await find(here, userId.normalize('NFD'))).toEqual(await find(here, userId));
      expect(await insert(here, details(userId.normalize('NFD')))).toBeUndefined();
    }
    for (const other of ['Abc', 'abc ', ' abc', 'abc\0', 'abc\u00ad', 'a%', '', '%']) {
      expect(await find(here, other)).toBeUndefined();
    }
  });

  it('neither inserts nor updates to a UserID that is taken', async () => {
    const here = await context();
    const [first, second] = [await add(here, 'first'), await add(here, 'second')];
    expect(await insert(here, details('first', full))).toBeUndefined();
    expect(await update(here, { ...first, ...full, userId: second.userId })).toBe(false);
    expect(await all(here)).toEqual([first, second]);
  });

  it('can go on in the same transaction after a UserID was taken', async () => {
    const here = await context();
    const first = await add(here, 'first');
    await run(async () => {
      expect(await register().customers.insert(here, { ...details('second'), updatedAt: 0 })).toEqual(
        expect.any(Number),
      );
      expect(await register().customers.insert(here, { ...details('first'), updatedAt: 0 })).toBeUndefined();
      expect(await register().customers.update(here, { ...first, userId: toUserId('second') })).toBe(false);
      expect(await register().customers.insert(here, { ...details('third'), updatedAt: 0 })).toEqual(
        expect.any(Number),
      );
    });
    expect(await filtered(here, {})).toEqual(['first', 'second', 'third']);
  });

  it('updates every field, UserID included, and keeps the id', async () => {
    const here = await context();
    const [before, other] = [await add(here, 'before'), await add(here, 'other', full)];
    const after = { ...before, ...full, userId: toUserId('after') };
    expect(await update(here, after)).toBe(true);
    expect(await update(here, after)).toBe(true);
    expect(await find(here, 'before')).toBeUndefined();
    expect(await all(here)).toEqual([after, other]);
    expect(await update(here, before)).toBe(true);
    expect(await all(here)).toEqual([before, other]);
  });

  it('deletes a customer, frees its UserID and never reuses its id', async () => {
    const here = await context();
    const [first, last] = [await add(here, 'first'), await add(here, 'last')];
    await destroy(here, last.id);
    await destroy(here, last.id);
    expect(await find(here, 'last')).toBeUndefined();
    const again = await add(here, 'last');
    expect(again.id).toBeGreaterThan(last.id);
    expect(await all(here)).toEqual([first, again]);
  });

  it('never touches or shows a customer of another context', async () => {
    const [here, there] = [await context(), await context()];
    const mine = await add(here, 'same', { name: 'Mine' });
    const theirs = await add(there, 'same', { name: 'Theirs' });
    const hidden = await add(there, 'hidden', { name: 'Hidden' });
    expect(await find(here, 'same')).toEqual(mine);
    expect(await find(here, 'hidden')).toBeUndefined();
    expect(await run(() => register().customers.lock(here, hidden.userId))).toBeUndefined();
    expect(await update(here, { ...hidden, name: 'Captured' })).toBe(true);
    expect(await update(here, { ...hidden, userId: toUserId('free') })).toBe(true);
    await destroy(here, hidden.id);
    for (const filter of [
      {},
      { search: 'same' },
      { search: 'hidden' },
      { search: 'H' },
      { updatedSince: 0 },
      { equal: [{ name: 'Hidden' }] },
      { equal: [{ email: null }] },
    ]) {
      expect(await filtered(here, filter)).not.toContain('hidden');
      for (const customer of await register().customers.page(here, filter, 0, 10)) {
        expect(customer).toEqual(mine);
      }
    }
    expect(await all(there)).toEqual([theirs, hidden]);
  });

  it('pages by ascending id', async () => {
    const here = await context();
    const added = [];
    for (const userId of ['c', 'a', 'd', 'b']) added.push(await add(here, userId));
    const [first, second, third, last] = added as [Customer, Customer, Customer, Customer];
    // Updates don't move a customer.
    await update(here, { ...first, name: 'Changed', updatedAt: 1 });
    await update(here, first);
    const { customers } = register();
    expect(await customers.page(here, {}, 0, 3)).toEqual([first, second, third]);
    expect(await customers.page(here, {}, third.id, 3)).toEqual([last]);
    expect(await customers.page(here, {}, last.id, 3)).toEqual([]);
    expect(await customers.page(here, { equal: [{ userId: third.userId }] }, second.id, 3)).toEqual([third]);
    expect(await customers.page(here, { search: 'c' }, first.id, 3)).toEqual([]);
    expect(await customers.page(here, { search: 'tri' }, first.id, 2)).toEqual([second, third]);
    expect(await all(here, {}, second.id)).toEqual([third, last]);
    expect(await all(here, { search: 'tri' }, second.id)).toEqual([third, last]);
  });

  describe('filtering by equality', () => {
    let here: ContextId;

    beforeAll(async () => {
      here = await context();
      await add(here, 'whole', full);
      await add(here, 'bare');
      await add(here, 'spaced', { name: 'Trisul ' });
    });

    it.each<[string, CustomerFilter['equal'], string[]]>([
      ['no filter', [], ['whole', 'bare', 'spaced']],
      ['no condition', [{}, {}], ['whole', 'bare', 'spaced']],
      ['a UserID', [{ userId: toUserId('bare') }], ['bare']],
      ['a UserID in another case', [{ userId: toUserId('Bare') }], []],
      ['a UserID with a trailing space', [{ userId: toUserId('bare ') }], []],
      ['a name', [{ name: 'Trisul' }], ['bare']],
      ['a name with a trailing space', [{ name: 'Trisul ' }], ['spaced']],
      ['a name in another case', [{ name: 'TRISUL' }], []],
      ['the start of a name', [{ name: 'Tris' }], []],
      ['a name with quotes', [{ name: `O'Brien "Óscar" \\ 100 %_ 😀` }], ['whole']],
      ['a name that contains SQL', [{ name: `' OR '1'='1` }], []],
      ['an address', [{ address: 'MG Road 1\r\n\tChennai\n' }], ['whole']],
      ['no address', [{ address: null }], ['bare', 'spaced']],
      ['an empty e-mail', [{ email: '' }], ['whole']],
      ['a blank e-mail', [{ email: ' ' }], []],
      ['no e-mail', [{ email: null }], ['bare', 'spaced']],
      ['a phone number', [{ phoneNumber: '+91 (44) 123-45' }], ['whole']],
      ['an empty second phone number', [{ altPhoneNumber: '' }], []],
      ['no second phone number', [{ altPhoneNumber: null }], ['bare', 'spaced']],
      ['two fields', [{ name: 'Trisul', email: null }], ['bare']],
      ['two fields in two places', [{ name: 'Trisul' }, { email: null }], ['bare']],
      ['a contradiction', [{ name: 'Trisul' }, { name: 'Trisul ' }], []],
    ])('compares exactly: %s', async (_case, equal = [], expected) => {
      expect(await filtered(here, { equal })).toEqual(expected);
    });
  });

  describe('searching the start of UserID, phone number, name and e-mail', () => {
    let here: ContextId;

    beforeAll(async () => {
      here = await context();
      await add(here, 'B68t19', { email: 'demo@gmail.com', phoneNumber: '+91 (44) 1', altPhoneNumber: '99' });
      await add(here, 'other', { name: 'trisul ', phoneNumber: '+91-44', email: 'info@demo.example' });
      await add(here, 'école', { name: 'École' });
      await add(here, 'emoji', { name: '😀 Café' });
      await add(here, 'greek', { name: 'ΟΔΥΣΣΕΥΣ' });
      await add(here, 'percent', { name: '%a' });
      await add(here, 'underscore', { name: '_a' });
      await add(here, 'quote', { name: `'t Hooft` });
      await add(here, '"double', { name: 'a' });
      await add(here, 'back\\slash', { name: '\\a' });
      await add(here, 'long', { name: 'AB'.repeat(100) });
    });

    it.each<[string, string, string[]]>([
      ['a name in any case', 'TRI', ['B68t19', 'other']],
      ['a whole name', 'trisul', ['B68t19', 'other']],
      ['nothing for the middle of a name', 'risul', []],
      ['an e-mail in any case', 'Demo@GMAIL', ['B68t19']],
      ['a UserID', 'B68', ['B68t19']],
      ['no UserID in another case', 'b68', []],
      ['a phone number', '+91 (44', ['B68t19']],
      ['no second phone number', '99', []],
      ['a name with accents', 'éCO', ['école']],
      ['a name with accents in another Unicode form', 'E\u0301co'.normalize('NFD'), ['école']],
      ['no name with other accents', 'eco', []],
      ['a name that begins with an emoji', '😀 c', ['emoji']],
      ['a Greek name in any case', 'ΟΔΥΣ', ['greek']],
      ['a Greek name with any form of sigma', 'οδυς', ['greek']],
      ['a percent sign', '%', ['percent']],
      ['an underscore', '_', ['underscore']],
      ['a quote', `'`, ['quote']],
      ['a double quote', `"`, ['"double']],
      ['a backslash', '\\', ['back\\slash']],
      ['nothing for an SQL comment', '--', []],
      ['a name with a trailing space', 'Trisul ', ['other']],
      ['nothing for a longer text', 'Trisul Network', []],
      ['a text of 64 characters', 'ab'.repeat(32), ['long']],
    ])('finds %s', async (_case, search, expected) => {
      expect(await filtered(here, { search })).toEqual(expected);
    });
  });

  it('searches the updated values', async () => {
    const here = await context();
    const customer = await add(here, 'A', { email: 'old@demo.example' });
    await update(here, { ...customer, name: 'Newton', email: 'new@demo.example', phoneNumber: '7' });
    expect(await filtered(here, { search: 'tri' })).toEqual([]);
    expect(await filtered(here, { search: 'old@' })).toEqual([]);
    for (const search of ['newt', 'NEW@', '7']) expect(await filtered(here, { search })).toEqual(['A']);
    await update(here, { ...customer, email: null });
    expect(await filtered(here, { search: 'new' })).toEqual([]);
  });

  it('filters by updatedSince, including that very millisecond', async () => {
    const [here, at] = [await context(), 1_764_000_000_123];
    const [first] = [await add(here, 'first', {}, at), await add(here, 'second', {}, at + 1)];
    expect(await filtered(here, { updatedSince: at })).toEqual(['first', 'second']);
    expect(await filtered(here, { updatedSince: at + 1 })).toEqual(['second']);
    expect(await filtered(here, { updatedSince: at + 2 })).toEqual([]);
    await update(here, { ...first, updatedAt: at + 2 });
    expect(await filtered(here, { updatedSince: at + 2 })).toEqual(['first']);
  });

  it('applies every condition of a filter at once', async () => {
    const here = await context();
    await add(here, 'A', { name: 'Trisul', email: 'a@demo.example' }, 5);
    await add(here, 'B', { name: 'Trisul', email: 'a@demo.example' }, 4);
    await add(here, 'C', { name: 'Tristan', email: 'a@demo.example' }, 5);
    await add(here, 'D', { name: 'Trisul', email: null }, 5);
    const equal = [{ name: 'Trisul' }, { email: 'a@demo.example' }];
    expect(await filtered(here, { search: 'TRI', updatedSince: 5, equal })).toEqual(['A']);
  });

  it('lists all as of the first batch, whatever changes meanwhile', async () => {
    const here = await context();
    const before = await addMany(here, MANY);
    const batches = register().customers.all(here, {}, 0, ignore);
    const { value: first } = (await batches.next()) as { value: Customer[] };
    expect(first.length).toBeLessThan(MANY);
    const [late, last] = before.slice(-2) as [Customer, Customer];
    await update(here, { ...late, name: 'Changed' });
    await destroy(here, last.id);
    await add(here, 'New');
    expect([...first, ...(await rest(batches))]).toEqual(before);
    expect((await all(here)).slice(-2)).toEqual([{ ...late, name: 'Changed' }, await find(here, 'New')]);
  });

  it.each([0, 3, MANY])('announces the number of %d customers before the first', async (count) => {
    const here = await context();
    await addMany(here, count);
    await add(here, 'not found', { name: 'Other' });
    const seen: (number | string)[] = [];
    const announce = async (found: number): Promise<void> => void seen.push(found);
    const filter = { equal: [{ name: 'Trisul' }] };
    for await (const batch of register().customers.all(here, filter, 0, announce)) {
      seen.push(...batch.map(({ userId }) => userId));
    }
    expect(seen).toEqual([count, ...Array.from({ length: count }, (_, n) => `U${n}`)]);
  });

  it('lists nothing of an uncommitted transaction', async () => {
    const here = await context();
    await expect(
      run(async () => {
        await add(here, 'A');
        expect(await find(here, 'A')).toBeDefined();
        throw new Error('made to fail');
      }),
    ).rejects.toThrow('made to fail');
    expect(await filtered(here, {})).toEqual([]);
  });

  it('releases the resources of a list that is abandoned early', async () => {
    const here = await context();
    const added = await addMany(here, 3);
    for (let n = 0; n < 20; n++) {
      for await (const batch of register().customers.all(here, {}, 0, ignore)) {
        expect(batch.length).toBeGreaterThan(0);
        break;
      }
    }
    expect(await all(here)).toEqual(added);
  });

  itRefusesWritesOutsideTransactions(async () => {
    const here = await context();
    const customer = await add(here, 'A');
    const { customers } = register();
    return {
      read: () => customers.page(here, {}, 0, 10),
      writes: [
        () => customers.insert(here, { ...details('B'), updatedAt: 0 }),
        () => customers.update(here, { ...customer, name: 'Changed' }),
        () => customers.delete(here, customer.id),
      ],
    };
  });
}
