import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressList, includesAddress, plainAddress } from './address-list.js';

describe('an address list', () => {
  it('includes the IPv4 addresses that share the prefix, and no others', () => {
    const number = (address: string): number =>
      address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
    const near = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 31 })).map(([address, bit]) => {
      const flipped = number(address) + (number(address) & (2 ** bit) ? -1 : 1) * 2 ** bit;
      const octets = [24, 16, 8, 0].map((shift) => Math.floor(flipped / 2 ** shift) % 256);
      return { address, other: octets.join('.') };
    });
    fc.assert(
      fc.property(near, fc.integer({ min: 0, max: 32 }), ({ address, other }, prefix) => {
        const list = addressList([`${address}/${prefix}`]);
        const network = (text: string): number => Math.floor(number(text) / 2 ** (32 - prefix));
        expect(includesAddress(list, address)).toBe(true);
        expect(includesAddress(list, other)).toBe(network(address) === network(other));
        expect(includesAddress(list, `::ffff:${other}`)).toBe(includesAddress(list, other));
      }),
    );
  });

  it.each([
    ['192.0.2.1', ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201'], ['192.0.2.2', '::192.0.2.1', '::1']],
    ['192.0.2.77/24', ['192.0.2.0', '192.0.2.255'], ['192.0.3.0', '192.0.1.255']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255'], ['2001:db8::1']],
    ['2001:db8::/33', ['2001:DB8:7fff::1', '2001:db8:0:0:0:0:0:1'], ['2001:db8:8000::', '192.0.2.1']],
    ['::/0', ['2001:db8::1', '::1'], ['192.0.2.1', '::ffff:192.0.2.1']],
    ['::ffff:0:0/96', ['192.0.2.1', '::ffff:192.0.2.1'], ['2001:db8::1']],
    ['2001:db8::1', ['2001:db8::1'], ['2001:db8::2', '2001:db8::']],
    ['::ffff:192.0.2.0/120', ['192.0.2.255', '::ffff:192.0.2.1'], ['192.0.3.0']],
  ])('%s includes %j, not %j', (entry, inside, outside) => {
    const list = addressList([entry]);
    for (const address of inside) expect([address, includesAddress(list, address)]).toEqual([address, true]);
    for (const address of outside)
      expect([address, includesAddress(list, address)]).toEqual([address, false]);
  });

  it('includes the addresses of all entries, and none when empty', () => {
    const list = addressList(['192.0.2.1', '2001:db8::/32']);
    expect(
      ['192.0.2.1', '2001:db8::5', '192.0.2.2'].map((address) => includesAddress(list, address)),
    ).toEqual([true, true, false]);
    expect(includesAddress(addressList([]), '192.0.2.1')).toBe(false);
  });

  it.each(['', 'localhost', '192.0.2.1/24', '192.0.2', ' 192.0.2.1'])(
    'does not include "%s", which is not an address',
    (text) => {
      expect(includesAddress(addressList(['0.0.0.0/0', '::/0']), text)).toBe(false);
    },
  );

  it.each([
    '',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4.5',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4,5.6.7.8',
    '1.2.3.4/',
    '1.2.3.4/33',
    '1.2.3.4/-1',
    '1.2.3.4/8/8',
    '1.2.3.4/ 8',
    '1.2.3.4/0x8',
    '1.2.3.4/8.0',
    '/8',
    '::/129',
    ':::',
    'fe80::1%eth0',
    'fe80::1%eth0/64',
    '[::1]',
    '1::2::3',
    '12345::',
    '*',
  ])('refuses "%s"', (entry) => {
    expect(() => addressList(['192.0.2.1', entry])).toThrow(TypeError);
  });
});

describe('plainAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::192.0.2.1', '::c000:201'],
    ['192.0.2.1:4000', '192.0.2.1'],
    ['[2001:db8::1]:4000', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['', ''],
    ['localhost', ''],
    ['192.0.2.256', ''],
    ['192.0.2.1:', ''],
    ['192.0.2.1, 192.0.2.2', ''],
  ])('turns %j into %j', (text, plain) => {
    expect(plainAddress(text)).toBe(plain);
  });
});
