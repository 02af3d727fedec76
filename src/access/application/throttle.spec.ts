import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Throttle } from './throttle.js';

describe('the throttle', () => {
  const fail = async (throttle: Throttle, address: string, times: number): Promise<void> => {
    for (let n = 0; n < times; n++) await throttle.countFailedSignIn(address);
  };
  const isServed = (request: Promise<void>): Promise<boolean> =>
    request.then(
      () => true,
      () => false,
    );
  const isOpen = (throttle: Throttle, address: string): Promise<boolean> =>
    isServed(throttle.assertNotBlocked(address));

  it('blocks an address after too many failures, until the window ends', async () => {
    const throttle = new Throttle({ signIns: 3, requests: 0 }, 1);
    await fail(throttle, '192.0.2.1', 2);
    expect(await isOpen(throttle, '192.0.2.1')).toBe(true);
    await fail(throttle, '192.0.2.1', 1);
    await expect(throttle.assertNotBlocked('192.0.2.1')).rejects.toMatchObject({
      code: 'too_many_failures',
      headers: { 'Retry-After': '1' },
    });
    expect(await isServed(throttle.countFailedSignIn('192.0.2.1'))).toBe(false);
    expect(await isOpen(throttle, '192.0.2.2')).toBe(true);
    while (!(await isOpen(throttle, '192.0.2.1'))) await delay(20);
  });

  it.each([
    ['2001:db8::1', '2001:db8::2', false],
    ['2001:db8::1', '2001:db8:0:0:ffff:ffff:ffff:ffff', false],
    ['2001:db8::1', '2001:db8:0:1::1', true],
    ['192.0.2.1', '192.0.2.2', true],
    ['', '192.0.2.1', true],
  ])('counts an IPv6 /64 as one client: %s, then %s', async (guesser, other, open) => {
    const throttle = new Throttle({ signIns: 1, requests: 0 });
    await fail(throttle, guesser, 1);
    expect(await isOpen(throttle, guesser)).toBe(false);
    expect(await isOpen(throttle, other)).toBe(open);
  });

  it('blocks a token after too many requests, until the window ends', async () => {
    const throttle = new Throttle({ signIns: 0, requests: 2 }, 1);
    const request = (token: number): Promise<void> => throttle.countRequest(token);
    for (const token of [1, 1, 2, 2]) await request(token);
    await expect(request(1)).rejects.toMatchObject({
      code: 'too_many_requests',
      headers: { 'Retry-After': '1' },
    });
    while (!(await isServed(request(1)))) await delay(20);
  });

  it('blocks nobody without limits', async () => {
    const throttle = new Throttle({ signIns: 0, requests: 0 });
    await fail(throttle, '192.0.2.1', 1000);
    expect(await isOpen(throttle, '192.0.2.1')).toBe(true);
    for (let n = 0; n < 1000; n++) await throttle.countRequest(1);
  });
});
