import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { median, type Measurement } from './measure.js';
import type { WriteCost } from './write-cost.js';

const FOLDER = join(import.meta.dirname, '../../../bench/results'); // seen from dist/bench/bench

export interface Row {
  readonly name: string;
  readonly target: number;
  /** `one` divided by `other`. */
  readonly ratio: number;
  /** The service, or the first case. */
  readonly one: Measurement;
  /** The floor, or the second case. */
  readonly other: Measurement;
}

export interface Report {
  readonly database: string;
  readonly rounds: number;
  /** Milliseconds until the service is ready, on an existing database. */
  readonly readyInMs: number;
  /** Resident memory of the service, in MB. */
  readonly megabytes: { readonly atRest: number; readonly peak: number };
  readonly rows: readonly Row[];
  /** Look-ups in two cases each. */
  readonly lookUps: readonly Row[];
  readonly write: WriteCost;
}

/** The row of two series of measurements that were taken in turn. */
export function toRow(
  { name, target }: { name: string; target: number },
  one: readonly Measurement[],
  other: readonly Measurement[],
): Row {
  // By pair, as the load of the machine changes from one pair to the next.
  const ratios = one.map(({ perSecond }, i) => perSecond / (other[i]?.perSecond ?? NaN));
  return { name, target, ratio: median(ratios), one: middle(one), other: middle(other) };
}

function middle(measurements: readonly Measurement[]): Measurement {
  const of = (key: keyof Measurement): number => median(measurements.map((each) => each[key]));
  return { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), megabytes: of('megabytes') };
}

/** Prints the report, and writes it to `bench/results` as NAME.md and NAME.json. */
export async function publish(name: string, report: Report): Promise<void> {
  const markdown = await format(toMarkdown(report), { parser: 'markdown' });
  const rounded = JSON.stringify({ measuredAt: new Date(), ...report }, (_key, value: unknown) =>
    typeof value === 'number' ? Math.round(value * 1000) / 1000 : value,
  );
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, `${name}.md`), markdown);
  await writeFile(join(FOLDER, `${name}.json`), await format(rounded, { parser: 'json' }));
  console.log(`\n${markdown}`);
}

/** @param one what is measured, in a word @param other what that is compared with */
function table(one: string, other: string, unit: string, rows: readonly Row[]): string {
  const header = [
    'Row',
    `${one}, ${unit}`,
    `${other}, ${unit}`,
    'Ratio',
    'Target',
    `${one} p50, ms`,
    'p99',
    `${other} p50, ms`,
    'p99',
    `${one}, MB`,
    `${other}, MB`,
  ];
  return [header, header.map((_, i) => (i === 0 ? '---' : '---:')), ...rows.map(cells)]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

function toMarkdown({ database, rounds, readyInMs, megabytes, rows, lookUps, write }: Report): string {
  const [cpu] = cpus();
  return `# Benchmark

${table('Service', 'Floor', 'requests/s', rows)}

Look-ups, case A / case B:

${table('A', 'B', 'queries/s', lookUps)}

- Ready on an existing database in ${(readyInMs / 1000).toFixed(2)} s (target: under 2 s)
- Memory of the service at rest ${megabytes.atRest.toFixed(0)} MB (target: under 150 MB), ${megabytes.peak.toFixed(0)} MB at its peak; the table has it after each row
- Time in the database, on one connection: ${write.bare.toFixed(2)} ms for an update, ${write.recorded.toFixed(2)} ms with its version and audit entry: ${write.ratio.toFixed(2)} times as much (target: at most 2.5)
- Medians of ${rounds} rounds; service and floor (\`bench/floor.ts\`) take turns; the ratio is the median of the rounds' ratios
- 16 keep-alive connections; client, programs and database on one machine: ${cpus().length} × ${cpu?.model.trim()}, Node ${process.versions.node}, ${database}
`;
}

function cells({ name, target, ratio, one, other }: Row): string[] {
  return [
    name,
    figure(one.perSecond),
    figure(other.perSecond),
    ratio.toFixed(2) + (ratio < target ? ' (missed)' : ''),
    target.toFixed(2),
    ...[one.p50, one.p99, other.p50, other.p99].map(figure),
    ...[one.megabytes, other.megabytes].map((each) => each.toFixed(0)),
  ];
}

/** At least three significant digits. */
function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
