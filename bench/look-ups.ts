import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DATABASE_URL, drop, recreate, seed } from './database.js';
import { Client } from './measure.js';
import { startService, type Program } from './processes.js';
import type { Row } from './report.js';
import { lookUp, lookUpMany } from './scenarios.js';
import { measure, type Effort } from './side-by-side.js';

const FEW = 50_000;
const AT_ONCE = 10_000;
/** How many mappings a customer has. */
const EACH = 5;

/**
 * Measures how the number of mappings, and of queries in a request, changes the time of a look-up.
 *
 * The two registers have databases of their own, each with its own service: contexts of one database share indexes, which
 * would be equally deep for both. Customers, and the versions of both, grow with the mappings.
 *
 * @param many how many mappings the larger register has
 */
export async function compareLookUps(folder: string, many: number, effort: Effort): Promise<Row[]> {
  const registers: Register[] = [];
  try {
    for (const mappings of [FEW, many]) registers.push(await register(folder, mappings));
    const [few, more] = registers.map(({ service }) => service);
    if (few === undefined || more === undefined) return [];
    const one = { scenario: lookUp(many), program: more };
    const client = new Client();
    const count = many.toLocaleString('en');
    const sizes = {
      name: `at ${count} mappings / at ${FEW.toLocaleString('en')}, one after the other`,
      target: 1 / 1.5,
    };
    const atOnce = { scenario: lookUpMany(many, AT_ONCE), program: more };
    const bulk = `${AT_ONCE.toLocaleString('en')} in a request / one, at ${count} mappings`;
    const alone = { ...effort, load: { ...effort.load, connections: 1, longRequests: 5 } };
    return [
      await measure(client, sizes, [one, { scenario: lookUp(FEW), program: few }], alone),
      await measure(client, { name: `${bulk}, one after the other`, target: 20 }, [atOnce, one], alone),
      await measure(client, { name: `${bulk}, by all clients at once`, target: 20 }, [atOnce, one], effort),
    ];
  } finally {
    for (const { service, url } of registers) {
      await service.stop();
      await drop(url);
    }
  }
}

interface Register {
  readonly url: string;
  readonly service: Program;
}

async function register(within: string, mappings: number): Promise<Register> {
  const url = `${DATABASE_URL}_${mappings}`;
  const folder = join(within, String(mappings));
  await mkdir(folder);
  await recreate(url);
  await (await startService(url, folder)).stop();
  await seed(url, mappings / EACH, mappings);
  return { url, service: await startService(url, folder) };
}
