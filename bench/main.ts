/**
 * Compares the service with the floor (floor.ts), row by row (scenarios.ts), and look-ups with each other (look-ups.ts).
 * `--quick` takes a few minutes, and writes quick.md and quick.json instead of latest.md and latest.json.
 * BENCH_MAPPINGS is the number of mappings in the larger register: 5,000,000 of them need 4 GB of disk.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DATABASE_URL, drop, recreate, seed } from './database.js';
import { compareLookUps } from './look-ups.js';
import { Client, median } from './measure.js';
import { startFloor, startService, type Program } from './processes.js';
import { publish, type Row } from './report.js';
import { CUSTOMERS, MAPPINGS, SCENARIOS } from './scenarios.js';
import { measure } from './side-by-side.js';
import { measureWrite } from './write-cost.js';

const quick = process.argv.includes('--quick');
const load = {
  connections: 16,
  ...(quick ? { seconds: 2, longRequests: 16 } : { seconds: 5, longRequests: 32 }),
};
const effort = { rounds: quick ? 2 : 5, warmUp: { ...load, seconds: quick ? 1 : 3 }, load };
const manyMappings = Number(process.env['BENCH_MAPPINGS'] ?? (quick ? 500_000 : 5_000_000));
const STARTS = 3;

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)); // stops the programs too
const folder = await mkdtemp(join(tmpdir(), 'ipdr-bench-'));
const running: Program[] = [];
try {
  const database = await recreate(DATABASE_URL);
  await (await startService(DATABASE_URL, folder)).stop(); // creates the tables and the tokens
  await seed(DATABASE_URL, CUSTOMERS, MAPPINGS);
  const starts: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    await running.pop()?.stop();
    const service = await startService(DATABASE_URL, folder);
    running.push(service);
    starts.push(service.readyInMs);
  }
  const floor = await startFloor(DATABASE_URL, folder);
  const [service = floor] = running;
  running.push(floor);
  await delay(1000);
  const atRest = service.megabytes('now');

  const client = new Client();
  const rows: Row[] = [];
  for (const scenario of SCENARIOS) {
    await client.compare(scenario, service, floor);
    rows.push(
      await measure(
        client,
        scenario,
        [
          { scenario, program: service },
          { scenario, program: floor },
        ],
        effort,
      ),
    );
  }
  const write = await measureWrite();
  const megabytes = { atRest, peak: service.megabytes('peak') };
  await Promise.all(running.splice(0).map((program) => program.stop()));
  const lookUps = await compareLookUps(folder, manyMappings, effort);
  await publish(quick ? 'quick' : 'latest', {
    database,
    rounds: effort.rounds,
    readyInMs: median(starts),
    megabytes,
    rows,
    lookUps,
    write,
  });
} finally {
  await Promise.all(running.map((program) => program.stop()));
  await drop(DATABASE_URL);
  await rm(folder, { recursive: true });
}
