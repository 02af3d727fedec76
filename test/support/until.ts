import { setTimeout as delay } from 'node:timers/promises';

const GIVE_UP_MS = 20_000;

/** Polls until a condition is true. @throws Error after 20 seconds */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`still not true: ${condition.toString()}`);
    await delay(20);
  }
}
