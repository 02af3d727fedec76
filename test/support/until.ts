import { setTimeout as delay } from 'node:timers/promises';

const GIVE_UP_MS = 20_000;

/** Asks again and again until the answer is yes. @throws Error when it never is */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`did not come to pass: ${condition.toString()}`);
    await delay(20);
  }
}
