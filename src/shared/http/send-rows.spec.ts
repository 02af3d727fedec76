import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import type { Response } from 'express';
import fc from 'fast-check';
import { NDJSON, sendObject, sendRows } from './send-rows.js';

async function* each<T>(batches: T[]): AsyncGenerator<T> {
  for (const batch of batches) yield await Promise.resolve(batch);
}

/** The body that a client receives. */
async function sent(send: (response: Response) => Promise<void>): Promise<string> {
  const response = Object.assign(new PassThrough(), { setHeader: () => undefined });
  const [got] = await Promise.all([text(response), send(response as unknown as Response)]);
  return got;
}

describe('rows in batches', () => {
  const rows = fc.array(fc.record({ n: fc.nat() }), { maxLength: 3 });
  const batches = fc.array(rows, { maxLength: 6 });
  const same = (row: object): object => row;

  it('are sent as one list, even when some batches are empty', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (some) => {
        const json = await sent((response) => sendRows(response, 'application/json', each(some), same));
        expect(json).toBe(JSON.stringify(some.flat()));
        const lines = await sent((response) => sendRows(response, NDJSON, each(some), same));
        expect(lines).toBe(
          some
            .flat()
            .map((row) => `${JSON.stringify(row)}\n`)
            .join(''),
        );
      }),
    );
  });

  it('are sent as lists within an object, after its other members', async () => {
    await fc.assert(
      fc.asyncProperty(batches, batches, fc.constantFrom({}, { a: 1 }), async (some, others, members) => {
        const lists = { some: each(some), others: each(others) };
        const json = await sent((response) => sendObject(response, lists, members));
        expect(json).toBe(JSON.stringify({ ...members, some: some.flat(), others: others.flat() }));
      }),
    );
  });
});
