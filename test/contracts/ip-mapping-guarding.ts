import { describe, expect, it } from '@jest/globals';
import type { ContextId } from '../../src/identity/domain/principal.js';
import { MAX_AHEAD_MS } from '../../src/ip-mappings/application/ip-mapping.repository.js';
import { Gate } from '../support/gate.js';
import type { Register } from '../support/register.js';
import { aMapping, fail, IpMappingHarness, T } from './ip-mapping-harness.js';

export function ipMappingGuardingContract(register: () => Register): void {
  const { run, context, probe, add, ofCustomer, page } = new IpMappingHarness(register);

  describe.each([
    { end: 'commits', isRolledBack: false },
    { end: 'is rolled back', isRolledBack: true },
  ])('while one transaction changes mappings, until it $end,', ({ isRolledBack }) => {
    it.each([
      { which: 'a new context', isGuarded: false },
      { which: 'a context that was guarded before', isGuarded: true },
    ])('makes the others wait in $which', async ({ isGuarded }) => {
      const here = await context();
      const { mappings } = register();
      if (isGuarded) await run(() => mappings.guard(here, T));
      const order: string[] = [];
      const entered = new Gate();
      const first = run(async () => {
        await mappings.guard(here, T);
        entered.open();
        // Give the others time to get as far as they can.
        for (let n = 0; n < 20; n++) await mappings.page(here, undefined, 0, 10);
        await add(here, '192.0.2.0/24');
        order.push('first');
        if (isRolledBack) await fail();
      });
      await entered.passed;
      const wanted = { ...aMapping('192.0.2.7'), customerId: 2 };
      // Each reads, once it is let in, what those before it left.
      const other = (customerId: number): Promise<number> =>
        run(async () => {
          await mappings.guard(here, T);
          order.push('other');
          const before = (await page(here)).length;
          const isFree = (await mappings.conflicting(here, wanted)) === undefined;
          const isFirst = (await ofCustomer(here)).length === 0;
          expect([isFree, isFirst]).toEqual(Array(2).fill(isRolledBack));
          await add(here, '198.51.100.0/24', [before, before + 1], { customerId });
          return before;
        });
      const others = Promise.all([2, 3, 4].map(other));
      const outcome = await first.then(
        () => false,
        () => true,
      );
      expect(outcome).toBe(isRolledBack);
      expect((await others).sort()).toEqual(isRolledBack ? [0, 1, 2] : [1, 2, 3]);
      expect(order.indexOf('first')).toBe(0);
      expect(await page(here)).toHaveLength(isRolledBack ? 3 : 4);
    });
  });

  it('gives each change of a context a unique time, later than those of earlier changes', async () => {
    const [here, there] = [await context(), await context()];
    const guard = (of: ContextId, now: number): Promise<number> =>
      run(() => register().mappings.guard(of, now));
    const AHEAD = MAX_AHEAD_MS;
    for (const [now, at] of [
      [T, T],
      [T, T + 1],
      [T, T + 2],
      [T + 10, T + 10],
      [T + 9, T + 11], // the clock of this instance is slow
      [T + 11 - AHEAD + 1, T + 12],
      [T + 12 - AHEAD, T + 12 - AHEAD], // far behind: one of the clocks is wrong, and nobody waits for it
      [T + 12 - AHEAD, T + 13 - AHEAD],
      [T + AHEAD, T + AHEAD],
    ] as const) {
      expect([now, await guard(here, now)]).toEqual([now, at]);
    }
    expect(await guard(there, T)).toBe(T);
    await run(async () => {
      expect(await register().mappings.guard(there, T)).toBe(T + 1);
      expect(await register().mappings.guard(there, T)).toBe(T + 2);
    });
    await probe(async () => expect(await register().mappings.guard(there, T)).toBe(T + 3));
    expect(await guard(there, T)).toBe(T + 3);
  });
}
