import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RegisterError } from '../../shared/errors.js';
import { NO_TERMINAL, toTerminalId, conflictsWith, type IpMapping } from './ip-mapping.js';
import { IpNetwork } from './ip-network.js';
import { reassigned } from './reassignment.js';
import { Validity } from './validity.js';

const [HOLDER, NEXT_HOLDER] = [1, 2];

const held = (from: number, to: number | null): IpMapping => ({
  id: 7,
  customerId: HOLDER,
  network: IpNetwork.parse('192.0.2.0/24'),
  validity: Validity.between(from, to),
  terminalId: toTerminalId('T1'),
});

const refusal = (reassign: () => unknown): unknown => {
  try {
    reassign();
  } catch (error) {
    if (error instanceof RegisterError) return { code: error.code, faults: error.faults };
  }
  throw new Error('was not refused');
};
const fault = (field: string, message: string): object => ({
  code: 'validation_failed',
  faults: [{ field, message }],
});

describe('a reassignment', () => {
  it('ends the old mapping a second before the new one starts, and changes nothing else', () => {
    const mapping = fc
      .tuple(fc.nat(5), fc.option(fc.integer({ min: 1, max: 9 })))
      .filter(([from, to]) => to === null || from < to)
      .map(([from, to]) => held(from, to));
    fc.assert(
      fc.property(mapping, fc.nat(9), (old, start) => {
        fc.pre(old.validity.holds(start) && old.validity.holds(start - 1));
        const [ended, next] = reassigned(old, NEXT_HOLDER, start);
        for (let second = 0; second < 12; second++) {
          expect(ended.validity.holds(second)).toBe(old.validity.holds(second) && second < start);
          expect(next.validity.holds(second)).toBe(old.validity.holds(second) && second >= start);
        }
        expect({ ...ended, validity: old.validity }).toEqual(old);
        expect(next).toMatchObject({
          customerId: NEXT_HOLDER,
          network: old.network,
          terminalId: NO_TERMINAL,
        });
        expect(conflictsWith(ended, next)).toBe(false);
        expect(next).not.toHaveProperty('id');
      }),
    );
  });

  it('has the inclusive end times of the contract on the wire', () => {
    const [ended, next] = reassigned(held(100, 201), NEXT_HOLDER, 150);
    expect(ended.validity.toWire()).toEqual({ starttime: 100, endtime: 149 });
    expect(next.validity.toWire()).toEqual({ starttime: 150, endtime: 200 });
  });

  it.each([0, 99, 100, 201, 1000])('of a mapping from 100 to 200 cannot start at %i', (from) => {
    const message = 'must be after the starttime of the mapping, and not after its endtime';
    expect(refusal(() => reassigned(held(100, 201), NEXT_HOLDER, from))).toEqual(fault('starttime', message));
  });

  it('of an open mapping starts later than the mapping', () => {
    expect(refusal(() => reassigned(held(0, null), NEXT_HOLDER, 0))).toEqual(
      fault('starttime', 'must be after the starttime of the mapping, and not after its endtime'),
    );
  });

  it('goes to another customer', () => {
    expect(refusal(() => reassigned(held(0, null), HOLDER, 5))).toEqual(
      fault('UserID', 'must not be the current holder'),
    );
  });
});
