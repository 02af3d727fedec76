import { beforeEach, describe, expect, it } from '@jest/globals';
import { detailsOf } from '../../../test/support/customer-details.js';
import { UseCases } from '../../../test/support/use-cases.js';
import { versionOf } from '../../versions/domain/version.js';
import { toUserId } from '../domain/customer.js';

const ASHA = toUserId('asha');
const SECOND = 1000;

describe('the customers of a context', () => {
  let register: UseCases;
  beforeEach(() => {
    register = new UseCases();
  });

  it('keep what they were created with', async () => {
    const { customers, by, clock } = register;
    const created = await customers.create(by, detailsOf('asha', { email: 'asha@demo.example' }));
    expect(created).toMatchObject({ email: 'asha@demo.example', updatedAt: clock.now() });
    expect(await customers.get(by, ASHA)).toEqual(created);
    expect(register.audited()).toEqual(['customer.created asha', 'customer.read asha']);
  });

  it('have one UserID each', async () => {
    const { customers, by } = register;
    const first = await customers.create(by, detailsOf('asha', { name: 'First' }));
    const second = customers.create(by, detailsOf('asha', { name: 'Second' }));
    await expect(second).rejects.toMatchObject({ code: 'customer_exists' });
    await customers.create(by, detailsOf('binu'));
    const rename = customers.change(by, toUserId('binu'), { userId: ASHA });
    await expect(rename).rejects.toMatchObject({ code: 'customer_exists' });
    expect(await customers.get(by, ASHA)).toEqual(first);
    expect(register.audited()).toEqual([
      'customer.created asha',
      'customer.created binu',
      'customer.read asha',
    ]);
  });

  it('change in the fields that were sent', async () => {
    const { customers, by, clock } = register;
    const created = await customers.create(by, detailsOf('asha', { phoneNumber: '1' }));
    clock.at += SECOND;
    const changed = await customers.change(by, ASHA, { name: 'Asha', phoneNumber: null });
    expect(changed).toEqual({ ...created, name: 'Asha', phoneNumber: null, updatedAt: clock.now() });
  });

  it('stay in the same version if nothing changes', async () => {
    const { customers, by, clock } = register;
    const created = await customers.create(by, detailsOf('asha'));
    clock.at += SECOND;
    expect(await customers.change(by, ASHA, { name: created.name })).toEqual(created);
    expect(register.audited().at(-1)).toBe('customer.unchanged asha');
  });

  it('get a later version even if the clock goes back', async () => {
    const { customers, by, clock } = register;
    const created = await customers.create(by, detailsOf('asha'));
    clock.at -= SECOND;
    const changed = await customers.change(by, ASHA, { name: 'Asha' });
    expect(changed.updatedAt).toBe(created.updatedAt + 1);
  });

  it('are audited under their old UserID when they get a new one', async () => {
    const { customers, by } = register;
    const { id } = await customers.create(by, detailsOf('asha'));
    await customers.change(by, ASHA, { userId: toUserId('asha-2') });
    expect(register.audited().at(-1)).toBe('customer.updated asha');
    expect(register.lastDetails()).toEqual({ id, renamed_to: 'asha-2' });
    await expect(customers.get(by, ASHA)).rejects.toMatchObject({ code: 'customer_not_found' });
    expect(register.audited().at(-1)).toBe('customer.read asha');
  });

  it('are left alone by a caller who expects another version', async () => {
    const { customers, by } = register;
    const created = await customers.create(by, detailsOf('asha'));
    const changed = await customers.change(by, ASHA, { name: 'Asha' });
    const isExpected = (version: string): boolean => version === versionOf(created);
    const refusal = { code: 'precondition_failed' };
    await expect(customers.change(by, ASHA, { name: 'Late' }, isExpected)).rejects.toMatchObject(refusal);
    await expect(customers.delete(by, ASHA, isExpected)).rejects.toMatchObject(refusal);
    expect(await customers.get(by, ASHA)).toEqual(changed);
  });

  it('are known as they were, after they changed and after they were deleted', async () => {
    const { customers, by, clock } = register;
    const created = await customers.create(by, detailsOf('asha'));
    clock.at += SECOND;
    const changed = await customers.change(by, ASHA, { name: 'Asha' });
    clock.at += SECOND;
    expect(await customers.delete(by, ASHA)).toEqual(changed);
    await expect(customers.get(by, ASHA)).rejects.toMatchObject({ code: 'customer_not_found' });
    expect(await customers.get(by, ASHA, created.updatedAt)).toEqual(created);
    expect(await customers.get(by, ASHA, changed.updatedAt)).toEqual(changed);
    const again = await customers.create(by, detailsOf('asha'));
    expect(again.id).not.toBe(created.id);
  });

  it('never break a rule, whoever writes them', async () => {
    const { customers, by } = register;
    const nameless = customers.create.bind(customers, by, detailsOf('asha', { name: '' }));
    expect(nameless).toThrow(expect.objectContaining({ code: 'validation_failed' }));
    expect(register.audited()).toEqual([]);
  });
});
