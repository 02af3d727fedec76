import { expect, it } from '@jest/globals';

/** @param prepare returns how to read the rows, and every write of the port, each certain to change something */
export function itRefusesWritesOutsideTransactions(
  prepare: () => Promise<{ read: () => Promise<unknown>; writes: (() => Promise<unknown>)[] }>,
): void {
  it('refuses to write outside Transactions.run', async () => {
    const { read, writes } = await prepare();
    const before = await read();
    for (const write of writes) await expect(write()).rejects.toThrow('outside Transactions.run');
    expect(await read()).toEqual(before);
  });
}
