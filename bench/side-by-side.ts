import type { Client, Load, Measurement } from './measure.js';
import type { Program } from './processes.js';
import { toRow, type Row } from './report.js';
import type { Scenario } from './scenarios.js';

/** A scenario and the program that it runs on. */
export interface Side {
  readonly scenario: Scenario;
  readonly program: Program;
}

/** How often and how long to measure. */
export interface Effort {
  readonly rounds: number;
  readonly warmUp: Load;
  readonly load: Load;
}

/** Measures both sides in turn, so that other load on the machine slows both alike. */
export async function measure(
  client: Client,
  row: { readonly name: string; readonly target: number },
  sides: readonly [one: Side, other: Side],
  { rounds, warmUp, load }: Effort,
): Promise<Row> {
  for (const { scenario, program } of sides) {
    // One long answer is enough to have everything compiled.
    if (!scenario.long) await client.load(scenario, program, warmUp);
  }
  const measured: [Measurement[], Measurement[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const n of [0, 1] as const) {
      const { scenario, program } = sides[n];
      measured[n].push(await client.load(scenario, program, load));
    }
  }
  const result = toRow(row, ...measured);
  console.log(`${result.name}: ${result.ratio.toFixed(2)}`);
  return result;
}
