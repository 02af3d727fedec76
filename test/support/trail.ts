import { exportTrail, sealNow, type ExportedBlock } from './audit.js';
import { newCaller } from './callers.js';
import { customer, pathOf } from './customers.js';
import type { TestService } from './service.js';
import { until } from './until.js';

/** How many entries a useful block has at least. */
export const FULL = 3;

/** Whether a block has entries enough, none of them by the administrator: an edit of its user would change nothing. */
export function isUseful({ entries }: ExportedBlock): boolean {
  return entries.length >= FULL && entries.every(({ userName }) => userName !== 'admin');
}

/** Makes a service record an audit trail of several blocks, four of them useful. */
export async function fillTrail(service: TestService): Promise<void> {
  const caller = await newCaller(service);
  let n = 0;
  await until(async () => {
    n++;
    await caller.call('POST', '/api/ipdrcustomers', { body: customer(`U${n}`) });
    await Promise.all([1, 2, 3, 4, 5, 6].map((m) => caller.call('GET', pathOf(`nobody-${n}-${m}`))));
    await sealNow(service);
    return (await exportTrail(service)).filter(isUseful).length >= 4;
  });
  await sealNow(service);
}
