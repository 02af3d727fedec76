import { describe, expect, it } from '@jest/globals';
import { toUserId, type Customer } from '../../customers/domain/customer.js';
import { doubtsOf } from './doubts.js';

const COMPLETE: Customer = {
  id: 1,
  updatedAt: 0,
  userId: toUserId('U'),
  name: 'N',
  address: '1 Gandhi Street',
  email: 'a@demo.example',
  phoneNumber: '+91 98400 12345',
  altPhoneNumber: null,
};

describe('the doubts about a customer', () => {
  it('are none if the data is complete', () => {
    expect(doubtsOf(COMPLETE)).toEqual({ missing: [], placeholders: [] });
  });

  it.each([
    null,
    '',
    ' ',
    '-',
    '...',
    '\n',
    'NA',
    'n/a',
    ' Nil ',
    'none',
    'NULL',
    'unknown',
    'Not available',
  ])('include a missing address for %j', (address) => {
    expect(doubtsOf({ ...COMPLETE, address }).missing).toEqual(['address']);
  });

  it.each(['Nagar', '7', 'नई दिल्ली', 'None Street 5', 'Nila'])('accept the address %j', (address) => {
    expect(doubtsOf({ ...COMPLETE, address }).missing).toEqual([]);
  });

  it('include a missing e-mail address and phone number', () => {
    const { missing, placeholders } = doubtsOf({
      ...COMPLETE,
      email: null,
      phoneNumber: '',
      altPhoneNumber: '',
    });
    expect(missing).toEqual(['email', 'phoneNumber']);
    expect(placeholders).toEqual([]);
  });

  it.each([
    '9999999999',
    '0000000000',
    '+91 99999 99999',
    '+91-9999999999',
    '(000) 000-0000',
    '111111',
    '1234567890',
    '+91 1234567890',
    '0123456789',
    '9876543210',
    '123456',
    '9999999999, 8888888888',
  ])('include the placeholder number %s', (number) => {
    expect(doubtsOf({ ...COMPLETE, phoneNumber: number }).placeholders).toEqual(['phoneNumber']);
    expect(doubtsOf({ ...COMPLETE, altPhoneNumber: number }).placeholders).toEqual(['altPhoneNumber']);
  });

  it.each([
    '98400 12345',
    '+91 98400 12345',
    '044-28123456',
    '9999999998',
    '2345678901',
    '100',
    '+1 800 555 0100',
    '9840099999',
    '9999999999 / 98400 12345',
    '',
    '-',
  ])('accept the number %j', (number) => {
    expect(doubtsOf({ ...COMPLETE, altPhoneNumber: number }).placeholders).toEqual([]);
  });
});
