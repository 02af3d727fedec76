import { beforeEach, describe, expect, it } from '@jest/globals';
import { detailsOf } from '../../../test/support/customer-details.js';
import { UseCases } from '../../../test/support/use-cases.js';
import type { Customer } from '../../customers/domain/customer.js';
import { NO_TERMINAL } from '../../ip-mappings/domain/ip-mapping.js';
import { IpAddress, IpNetwork } from '../../ip-mappings/domain/ip-network.js';
import { Validity } from '../../ip-mappings/domain/validity.js';
import type { Query } from './lookup.service.js';

const ADDRESS = '192.0.2.7';
const HOUR = 3600;

describe('a look-up', () => {
  let register: UseCases;
  let asha: Customer;
  let binu: Customer;
  /** Unix seconds. */
  let now: number;

  beforeEach(async () => {
    register = new UseCases();
    now = register.clock.now() / 1000;
    asha = await register.customers.create(register.by, detailsOf('asha'));
    binu = await register.customers.create(register.by, detailsOf('binu'));
  });

  const pass = (seconds: number): void => {
    register.clock.at += seconds * 1000;
  };
  const give = (holder: Customer, network: string, from: number, to: number | null = null): Promise<object> =>
    register.transactions.run(async () => {
      const ledger = await register.ledger.open(register.by);
      const validity = Validity.between(from, to);
      return ledger.insert(holder, { network: IpNetwork.parse(network), validity, terminalId: NO_TERMINAL });
    });
  const query = (address: string, second?: number): Query => ({ address: IpAddress.parse(address), second });
  const inquiry = { recordedAt: undefined, sent: { case: 'FIR 7' } };
  /** Who held an address, as the audit trail calls the holder. */
  const holderOf = async (
    address: string,
    second?: number,
    recordedAt?: number,
  ): Promise<string | undefined> => {
    const sent = { ...inquiry, recordedAt };
    return (await register.lookup.one(register.by, query(address, second), sent)).held?.holder.userId;
  };

  it('finds who held the address at that very second', async () => {
    await give(asha, '192.0.2.0/24', now - HOUR, now);
    await give(binu, '192.0.2.0/24', now);
    expect(await holderOf(ADDRESS, now - HOUR - 1)).toBeUndefined();
    expect(await holderOf(ADDRESS, now - HOUR)).toBe('asha');
    expect(await holderOf(ADDRESS, now - 1)).toBe('asha');
    expect(await holderOf(ADDRESS, now)).toBe('binu');
    expect(await holderOf('192.0.3.7', now)).toBeUndefined();
  });

  it('is about this second if no other is given', async () => {
    await give(asha, ADDRESS, now + HOUR);
    expect(await holderOf(ADDRESS)).toBeUndefined();
    pass(HOUR);
    expect(await holderOf(ADDRESS)).toBe('asha');
  });

  it('prefers the most specific mapping of the holder', async () => {
    await give(asha, '192.0.2.0/24', 0);
    const specific = await give(asha, ADDRESS, 0);
    const { held } = await register.lookup.one(register.by, query(ADDRESS), inquiry);
    expect(held?.mapping).toEqual(specific);
  });

  it('returns the customer as it was then, deleted or not', async () => {
    await give(asha, ADDRESS, now);
    pass(HOUR);
    await register.customers.change(register.by, asha.userId, { name: 'Asha' });
    pass(HOUR);
    await register.customers.delete(register.by, asha.userId);
    const { lookup, by } = register;
    const before = await lookup.one(by, query(ADDRESS, now + HOUR - 1), inquiry);
    expect(before.held?.holder).toEqual({ ...asha, isDeleted: true });
    const after = await lookup.one(by, query(ADDRESS, now + HOUR), inquiry);
    expect(after.held?.holder).toMatchObject({ name: 'Asha', isDeleted: true });
    expect(await holderOf(ADDRESS, now + 2 * HOUR)).toBeUndefined();
  });

  it('answers what the register said at an earlier time', async () => {
    pass(HOUR);
    await give(asha, ADDRESS, now);
    const { clock } = register;
    expect(await holderOf(ADDRESS, now, clock.now() - 1)).toBeUndefined();
    expect(await holderOf(ADDRESS, now, clock.now())).toBe('asha');
  });

  it('is audited with its reason, also if nobody held the address', async () => {
    await give(asha, ADDRESS, now);
    await holderOf(ADDRESS, now);
    expect(register.audited().at(-1)).toBe('holder.looked_up asha');
    expect(register.lastDetails()).toMatchObject({ case: 'FIR 7', time: now, records: 1 });
    await holderOf(ADDRESS, now - 1);
    expect(register.audited().at(-1)).toBe('holder.looked_up null');
    expect(register.lastDetails()).toMatchObject({ case: 'FIR 7', time: now - 1, records: 0 });
  });

  it('of many addresses answers in their order, and is audited once', async () => {
    await give(asha, ADDRESS, now);
    await give(binu, '2001:db8::/32', now);
    const queries = [query('2001:db8::1'), query('192.0.2.8'), query(ADDRESS), query('2001:db8::1')];
    const answers = await register.lookup.many(register.by, queries, inquiry);
    expect(answers.map(({ held }) => held?.holder.userId)).toEqual(['binu', undefined, 'asha', 'binu']);
    expect(register.audited().filter((act) => act.startsWith('holder'))).toEqual(['holders.looked_up null']);
    expect(register.lastDetails()).toMatchObject({ case: 'FIR 7', queries: 4, records: 3 });
  });

  it('of a period returns every holder in order of time, with its last data of that time', async () => {
    await give(asha, ADDRESS, now, now + HOUR);
    await give(binu, ADDRESS, now + HOUR);
    pass(HOUR - 1);
    await register.customers.change(register.by, asha.userId, { name: 'Asha' });
    pass(1);
    await register.customers.change(register.by, asha.userId, { name: 'Later' });
    const [address, period] = [IpAddress.parse(ADDRESS), Validity.between(now, now + 2 * HOUR)];
    const held = await register.lookup.history(register.by, address, period, inquiry.sent);
    expect(held.map(({ holder }) => holder.name)).toEqual(['Asha', 'Trisul']);
    expect(register.lastDetails()).toMatchObject({ case: 'FIR 7', records: 2 });
  });
});
