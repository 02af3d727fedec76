/**
 * Measures the service beside the floor (floor.ts), row by row (scenarios.ts). `--quick` takes two minutes at
 * most, and writes to quick.md and quick.json instead of latest.md and latest.json.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DATABASE_URL, recreate, seed } from './database.js';
import { Client, median, type Measurement } from './measure.js';
import { startFloor, startService, type Program } from './processes.js';
import { publish, toRow, type Row } from './report.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import { measureWrite } from './write-cost.js';

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 2 : 5;
const LOAD = quick ? { seconds: 2, longRequests: 16 } : { seconds: 5, longRequests: 32 };
const WARM_UP = { ...LOAD, seconds: quick ? 1 : 3 };
const STARTS = 3;

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)); // takes the programs along
const folder = await mkdtemp(join(tmpdir(), 'ipdr-bench-'));
const running: Program[] = [];
try {
  const database = await recreate();
  await (await startService(DATABASE_URL, folder)).stop(); // makes the tables and the tokens
  await seed();
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

  const client = new Client((await readFile(join(folder, 'user-token'), 'utf8')).trim());
  const rows: Row[] = [];
  for (const scenario of SCENARIOS) {
    const row = await measure(client, scenario, service, floor);
    console.log(`${row.name}: ${row.ratio.toFixed(2)} of the floor`);
    rows.push(row);
  }
  const write = await measureWrite();
  const megabytes = { atRest, peak: service.megabytes('peak') };
  const name = quick ? 'quick' : 'latest';
  await publish(name, { database, rounds: ROUNDS, readyInMs: median(starts), megabytes, rows, write });
} finally {
  await Promise.all(running.map((program) => program.stop()));
  await recreate('no more');
  await rm(folder, { recursive: true });
}

/** Turn by turn, so that what else the machine does slows both alike. */
async function measure(client: Client, scenario: Scenario, service: Program, floor: Program): Promise<Row> {
  await client.compare(scenario, service, floor);
  if (!scenario.long) {
    // A long answer has everything compiled by its end.
    await client.load(scenario, service, WARM_UP);
    await client.load(scenario, floor, WARM_UP);
  }
  const ofService: Measurement[] = [];
  const ofFloor: Measurement[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ofService.push(await client.load(scenario, service, LOAD));
    ofFloor.push(await client.load(scenario, floor, LOAD));
  }
  return toRow(scenario, ofService, ofFloor);
}
