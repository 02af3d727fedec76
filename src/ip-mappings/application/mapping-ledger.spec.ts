import { beforeEach, describe, expect, it } from '@jest/globals';
import { detailsOf } from '../../../test/support/customer-details.js';
import { UseCases } from '../../../test/support/use-cases.js';
import type { Customer } from '../../customers/domain/customer.js';
import { NO_TERMINAL, type RecordedMapping } from '../domain/ip-mapping.js';
import { IpNetwork } from '../domain/ip-network.js';
import { Validity } from '../domain/validity.js';
import type { OpenLedger } from './mapping-ledger.js';

const NETWORK = '192.0.2.0/24';

describe('the ledger of mappings', () => {
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

  const change = <T>(work: (ledger: OpenLedger) => Promise<T>): Promise<T> =>
    register.transactions.run(async () => work(await register.ledger.open(register.by)));
  const give = (
    holder: Customer,
    network: string,
    from = 0,
    to: number | null = null,
  ): Promise<RecordedMapping> => {
    const validity = Validity.between(from, to);
    return change((ledger) =>
      ledger.insert(holder, { network: IpNetwork.parse(network), validity, terminalId: NO_TERMINAL }),
    );
  };

  it('gives a network to a customer, and audits it', async () => {
    const given = await give(asha, NETWORK);
    expect(register.mappingsOf(asha.id)).toEqual([given]);
    expect(register.audited().at(-1)).toBe('mapping.created asha');
    expect(register.lastDetails()).toEqual({ id: given.id, ipdr_customer_id: asha.id });
  });

  it('gives no address to two customers at once', async () => {
    await give(asha, NETWORK, 100, 200);
    const audited = register.audited();
    const overlap = { code: 'mapping_overlap', message: expect.stringContaining('of UserID : asha') };
    await expect(give(binu, '192.0.2.7', 199)).rejects.toMatchObject(overlap);
    await expect(give(binu, '192.0.0.0/16', 0, 101)).rejects.toMatchObject(overlap);
    expect(register.mappingsOf(binu.id)).toEqual([]);
    expect(register.audited()).toEqual(audited);
  });

  it('gives an address to the next customer in the second in which it is free', async () => {
    await give(asha, NETWORK, 100, 200);
    await give(binu, NETWORK, 200);
    await give(binu, NETWORK, 0, 100);
    expect(register.mappingsOf(binu.id)).toHaveLength(2);
  });

  it('lets a customer hold a part of its network as well, but nothing twice', async () => {
    await give(asha, NETWORK);
    await give(asha, '192.0.2.7');
    await expect(give(asha, NETWORK)).rejects.toMatchObject({ code: 'mapping_duplicate' });
    expect(register.mappingsOf(asha.id)).toHaveLength(2);
  });

  it('refuses to extend a mapping into that of another customer', async () => {
    const first = await give(asha, NETWORK, 100, 200);
    await give(binu, NETWORK, 200);
    const extended = { validity: Validity.between(100, 201) };
    const update = change((ledger) => ledger.update(asha, first, extended));
    await expect(update).rejects.toMatchObject({ code: 'mapping_overlap' });
    expect(register.mappingsOf(asha.id)).toEqual([first]);
  });

  it('leaves a mapping in its version if nothing changes', async () => {
    const given = await give(asha, NETWORK);
    register.clock.at += 1000;
    const { network } = given;
    expect(await change((ledger) => ledger.update(asha, given, { network }))).toEqual(given);
    expect(register.audited().at(-1)).toBe('mapping.unchanged asha');
  });

  it('records changes one after the other, even within a millisecond', async () => {
    const [first, second] = [await give(asha, '192.0.2.1'), await give(binu, '192.0.2.2')];
    expect(second.updatedAt).toBe(first.updatedAt + 1);
  });

  it('frees the addresses of a mapping that is deleted', async () => {
    const mistaken = await give(asha, NETWORK);
    await change((ledger) => ledger.delete(asha, mistaken));
    expect(register.audited().at(-1)).toBe('mapping.deleted asha');
    await give(binu, NETWORK);
    expect(register.mappingsOf(asha.id)).toEqual([]);
  });

  it('ends what a deleted customer holds, withdraws the future, and keeps the past', async () => {
    const past = await give(asha, '192.0.2.1', 100, 200);
    const open = await give(asha, '192.0.2.2', 100);
    await give(asha, '192.0.2.3', now + 100);
    await register.customers.delete(register.by, asha.userId);
    const ended = { ...open, validity: Validity.between(100, now), updatedAt: expect.any(Number) };
    expect(register.mappingsOf(asha.id)).toEqual([past, ended]);
    await give(binu, '192.0.2.0/24', now);
  });
});
