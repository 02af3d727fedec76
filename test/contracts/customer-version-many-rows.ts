import { expect, it } from '@jest/globals';
import type { ContextId } from '../../src/identity/domain/principal.js';
import type { Customer } from '../../src/customers/domain/customer.js';
import { detailsOf } from '../support/customer-details.js';
import { principal } from '../support/principal.js';
import { newContext, type Register } from '../support/register.js';

const T = 1_764_000_000_000;
let lastId = 1_000_000;
const CUSTOMER: Omit<Customer, 'id'> = {
  ...detailsOf('M', { name: `O'Brien \\ 😀`, altPhoneNumber: '' }),
  updatedAt: T,
};

export function customerVersionManyRowsContract(register: () => Register): void {
  const insert = (to: ContextId, versions: readonly Customer[]): Promise<void> =>
    register().transactions.run(() => register().versions.insert(principal(to), 'updated', versions));
  /** The states of all customers of this name, the oldest first. */
  const states = async (of: ContextId): Promise<Customer[]> => {
    const found = await register().versions.history(of, CUSTOMER.userId, Number.MAX_SAFE_INTEGER, 10_000);
    return found.map(({ state }) => state).reverse();
  };
  const many = (count: number): Customer[] =>
    Array.from({ length: count }, (_, n) => ({ ...CUSTOMER, id: ++lastId, updatedAt: T + n }));

  it.each([0, 2, 5000])('keeps %i versions in the order of the list', async (count) => {
    const here = await newContext(register());
    const versions = many(count);
    await insert(here, versions);
    expect(await states(here)).toEqual(versions);
  });

  it('keeps none if one of many repeats the time of another', async () => {
    const here = await newContext(register());
    const versions = many(5000);
    await expect(insert(here, [...versions, versions[0] as Customer])).rejects.toThrow();
    expect(await states(here)).toEqual([]);
  });
}
