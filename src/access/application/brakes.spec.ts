import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Brakes } from './brakes.js';

describe('the brakes', () => {
  const fail = async (brakes: Brakes, address: string, times: number): Promise<void> => {
    for (let n = 0; n < times; n++) await brakes.countFailure(address);
  };
  const isServed = (request: Promise<void>): Promise<boolean> =>
    request.then(
      () => true,
      () => false,
    );
  const isOpen = (brakes: Brakes, address: string): Promise<boolean> =>
    isServed(brakes.refuseGuessers(address));

  it('hold an address after so many failures, and let it go when the time is over', async () => {
    const brakes = new Brakes({ signIns: 3, requests: 0 }, 1);
    await fail(brakes, '192.0.2.1', 2);
    expect(await isOpen(brakes, '192.0.2.1')).toBe(true);
    await fail(brakes, '192.0.2.1', 1);
    await expect(brakes.refuseGuessers('192.0.2.1')).rejects.toMatchObject({
      code: 'too_many_failures',
      headers: { 'Retry-After': '1' },
    });
    expect(await isServed(brakes.countFailure('192.0.2.1'))).toBe(false);
    expect(await isOpen(brakes, '192.0.2.2')).toBe(true);
    while (!(await isOpen(brakes, '192.0.2.1'))) await delay(20);
  });

  it.each([
    ['2001:db8::1', '2001:db8::2', false],
    ['2001:db8::1', '2001:db8:0:0:ffff:ffff:ffff:ffff', false],
    ['2001:db8::1', '2001:db8:0:1::1', true],
    ['192.0.2.1', '192.0.2.2', true],
    ['', '192.0.2.1', true],
  ])('take the /64 of an IPv6 address for one client: %s, then %s', async (guesser, other, open) => {
    const brakes = new Brakes({ signIns: 1, requests: 0 });
    await fail(brakes, guesser, 1);
    expect(await isOpen(brakes, guesser)).toBe(false);
    expect(await isOpen(brakes, other)).toBe(open);
  });

  it('hold a token after so many requests, and let it go when the time is over', async () => {
    const brakes = new Brakes({ signIns: 0, requests: 2 }, 1);
    const request = (token: number): Promise<void> => brakes.countRequest(token);
    for (const token of [1, 1, 2, 2]) await request(token);
    const held = { code: 'too_many_requests', headers: { 'Retry-After': '1' } };
    await expect(request(1)).rejects.toMatchObject(held);
    while (!(await isServed(request(1)))) await delay(20);
  });

  it('hold nobody where there is no limit', async () => {
    const brakes = new Brakes({ signIns: 0, requests: 0 });
    await fail(brakes, '192.0.2.1', 1000);
    expect(await isOpen(brakes, '192.0.2.1')).toBe(true);
    for (let n = 0; n < 1000; n++) await brakes.countRequest(1);
  });
});
