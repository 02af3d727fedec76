import { describe, expect, it } from '@jest/globals';
import { databaseKinds } from './support/databases.js';
import { COVERAGE, IP, T, useLookups } from './support/lookups.js';

const NOT_A_TIME = 'must be Unix seconds, or ISO 8601 with an offset, in the years 1970 to 9999';

describe.each(databaseKinds)('on $name, the coverage report', (kind) => {
  const { caller, write, map } = useLookups(kind);

  const report = async (query: string): Promise<Record<string, unknown>> =>
    (await caller().call('GET', `${COVERAGE}?${query}`)).json as Record<string, unknown>;

  it('lists which addresses nobody held, and when', async () => {
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
      prefix: '203.0.113.0/24',
      from: 90,
      to: 300,
      gaps,
    });
    const now = { starttime: T, endtime: T };
    expect(await report('prefix=203.0.113.0/29')).toMatchObject({
      from: T,
      to: T,
      gaps: [{ first: '203.0.113.0', last: '203.0.113.6', ...now }],
    });
    expect(await report('prefix=2001:db8::/126&to=5')).toMatchObject({
      gaps: [{ first: '2001:db8::', last: '2001:db8::3', starttime: 5, endtime: 5 }],
    });
    expect(await report('prefix=203.0.113.192/26&from=0')).toMatchObject({ gaps: [] });
  });

  it('lists the customers who held nothing, and what is missing of each', async () => {
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
    ['prefix=203.0.113.0&from=x', 'from', NOT_A_TIME],
  ])('refuses %s', async (query, field, message) => {
    expect(await report(query)).toMatchObject({ errors: [{ field, message }] });
  });
});
