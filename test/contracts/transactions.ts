import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { Gate } from '../support/gate.js';
import type { Register } from '../support/register.js';

/** What every implementation of Transactions does. The tests write contexts. */
export function transactionsContract(register: () => Register): void {
  const run = <T>(work: () => Promise<T>): Promise<T> => register().transactions.run(work);
  const fail = async (): Promise<never> => {
    throw new Error('made to fail');
  };
  const write = async (name: string): Promise<void> => {
    await register().contexts.insert({ name, aliases: [], enabled: true, createdAt: 0 });
  };
  const written = async (prefix: string): Promise<string[]> => {
    const contexts = await register().contexts.list();
    return contexts
      .filter(({ name }) => name.startsWith(prefix))
      .map(({ name }) => name.slice(prefix.length));
  };
  /** Keeps writing until a write is refused. */
  const writeUntilRefused = async (prefix: string): Promise<unknown> => {
    try {
      for (let n = 0; n < 1000; n++) await write(`${prefix}${n}`);
    } catch (error) {
      return error;
    }
    return undefined;
  };

  it('keeps what the work wrote and returns what it returned', async () => {
    const prefix = randomUUID();
    await expect(run(() => write(`${prefix}a`).then(() => 42))).resolves.toBe(42);
    expect(await written(prefix)).toEqual(['a']);
  });

  it('rolls back everything when the work throws, and throws the same error', async () => {
    const prefix = randomUUID();
    const reason = new Error('the reason');
    const work = run(async () => {
      await write(`${prefix}a`);
      await run(() => write(`${prefix}b`));
      throw reason;
    });
    await expect(work).rejects.toBe(reason);
    expect(await written(prefix)).toEqual([]);
  });

  it('rolls back only the inner work if the outer work catches its error', async () => {
    const prefix = randomUUID();
    await run(async () => {
      await write(`${prefix}a`);
      const inner = run(async () => {
        await write(`${prefix}b`);
        await run(() => write(`${prefix}c`));
        await fail();
      });
      await expect(inner).rejects.toThrow('made to fail');
      expect(await written(prefix)).toEqual(['a']);
      await run(async () => {
        await write(`${prefix}d`);
        await run(() => write(`${prefix}e`).then(fail)).catch(() => undefined);
      });
    });
    expect(await written(prefix)).toEqual(['a', 'd']);
  });

  it('shows uncommitted writes to the work alone', async () => {
    const prefix = randomUUID();
    const [wrote, looked] = [new Gate(), new Gate()];
    const transaction = run(async () => {
      await write(`${prefix}a`);
      const inside = await written(prefix);
      wrote.open();
      await looked.passed;
      return inside;
    });
    await wrote.passed;
    expect(await written(prefix)).toEqual([]);
    looked.open();
    expect(await transaction).toEqual(['a']);
    expect(await written(prefix)).toEqual(['a']);
  });

  it('keeps a hundred concurrent transactions apart', async () => {
    const prefix = randomUUID();
    const all = Array.from({ length: 100 }, (_, n) => n);
    const outcomes = await Promise.allSettled(
      all.map((n) =>
        run(async () => {
          await write(`${prefix}${n}-1`);
          await write(`${prefix}${n}-2`);
          if (n % 3 === 0) await fail();
        }),
      ),
    );
    const succeeded = all.filter((n) => n % 3 !== 0);
    expect(all.filter((n) => outcomes[n]?.status === 'fulfilled')).toEqual(succeeded);
    expect(await written(prefix)).toEqual(succeeded.flatMap((n) => [`${n}-1`, `${n}-2`]).sort());
  });

  it('keeps nothing of unawaited work when the transaction rolls back', async () => {
    const prefix = randomUUID();
    let stray: Promise<unknown> | undefined;
    const transaction = run(async () => {
      stray = writeUntilRefused(prefix);
      await fail();
    });
    await expect(transaction).rejects.toThrow('made to fail');
    expect(await stray).toBeInstanceOf(Error);
    expect(await written(prefix)).toEqual([]);
  });

  it('keeps nothing that unawaited work writes after the commit', async () => {
    const prefix = randomUUID();
    let stray: Promise<unknown> | undefined;
    await run(async () => {
      stray = writeUntilRefused(prefix);
    });
    const atTheEnd = await written(prefix);
    expect(await stray).toBeInstanceOf(Error);
    expect(await written(prefix)).toEqual(atTheEnd);
  });
}
