import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import type { Response } from 'express';
import fc from 'fast-check';
import { NDJSON, sendObject, sendRows } from './send-rows.js';

async function* generated<T>(batches: T[]): AsyncGenerator<T> {
  for (const batch of batches) yield await Promise.resolve(batch);
}

/** The body that `send` sends. */
async function bodyOf(send: (response: Response) => Promise<void>): Promise<string> {
  const response = Object.assign(new PassThrough(), { setHeader: () => undefined });
  const [body] = await Promise.all([text(response), send(response as unknown as Response)]);
  return body;
}

describe('rows in batches', () => {
  const rows = fc.array(fc.record({ n: fc.nat() }), { maxLength: 3 });
  const batches = fc.array(rows, { maxLength: 6 });
  const same = (row: object): object => row;

  it('form one list, even with empty batches', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (some) => {
        const json = await bodyOf((response) =>
          sendRows(response, 'application/json', generated(some), same),
        );
        expect(json).toBe(JSON.stringify(some.flat()));
        const lines = await bodyOf((response) => sendRows(response, NDJSON, generated(some), same));
        expect(lines).toBe(
          some
            .flat()
            .map((row) => `${JSON.stringify(row)}\n`)
            .join(''),
        );
      }),
    );
  });

  it('form lists of an object after its other members', async () => {
    await fc.assert(
      fc.asyncProperty(batches, batches, fc.constantFrom({}, { a: 1 }), async (some, others, members) => {
        const lists = { some: generated(some), others: generated(others) };
        const json = await bodyOf((response) => sendObject(response, lists, members));
        expect(json).toBe(JSON.stringify({ ...members, some: some.flat(), others: others.flat() }));
      }),
    );
  });
});
