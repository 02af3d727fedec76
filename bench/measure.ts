import autocannon from 'autocannon';
import { request } from 'undici';
import type { Program } from './processes.js';
import type { Scenario } from './scenarios.js';

const TIMEOUT_S = 60;

export interface Measurement {
  /** Requests, or the queries of requests that have several. */
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Resident memory at the end, in MB. */
  readonly megabytes: number;
}

/** The load of a run, which lasts for `seconds` or, if the answers are long, for `longRequests`. */
export interface Load {
  readonly connections: number;
  readonly seconds: number;
  readonly longRequests: number;
}

interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Sends the requests of scenarios, no two runs the same. */
export class Client {
  private sent = 0;

  /**
   * Sends both programs the same request.
   *
   * @throws Error unless both answer 200 and the same, byte for byte
   */
  async compare(scenario: Scenario, service: Program, floor: Program): Promise<void> {
    const { name, differs } = scenario;
    const toService = this.next(scenario, service);
    const toFloor = differs === undefined ? toService : this.next(scenario, floor);
    const answers = [await ask(service, toService), await ask(floor, toFloor)];
    const comparable = answers.map((text) => (differs === undefined ? text : text.replaceAll(differs, '')));
    if (comparable[0] !== comparable[1]) {
      const starts = answers.map((text) => text.slice(0, 500)).join('\n');
      throw new Error(`${name}: the service and the floor answer differently:\n${starts}`);
    }
  }

  /**
   * Puts `program` under load.
   *
   * @throws Error if anything but 2xx comes back
   */
  async load(
    scenario: Scenario,
    program: Program,
    { connections, seconds, longRequests }: Load,
  ): Promise<Measurement> {
    const latencies: number[] = [];
    const startedAt = performance.now();
    let lastAt = startedAt;
    const options: autocannon.Options = {
      url: program.url,
      connections,
      timeout: TIMEOUT_S,
      bailout: 1,
      requests: [{ setupRequest: (defaults) => ({ ...defaults, ...this.next(scenario, program) }) }],
      ...(scenario.long ? { amount: longRequests } : { duration: seconds }),
      sampleInt: 100, // milliseconds between two checks whether the run is over
    };
    const { errors, non2xx } = await new Promise<autocannon.Result>((resolve, reject) => {
      const run = autocannon(options, (error: unknown, result) =>
        error instanceof Error ? reject(error) : resolve(result),
      );
      // Autocannon rounds its own figures to milliseconds, and the time of a run to seconds.
      run.on('response', (_client, _status, _bytes, milliseconds) => {
        latencies.push(milliseconds);
        lastAt = performance.now();
      });
    });
    if (errors > 0 || non2xx > 0 || latencies.length === 0) {
      throw new Error(`${scenario.name}: ${non2xx} answers other than 2xx, ${errors} broken connections`);
    }
    latencies.sort((a, b) => a - b);
    const percentile = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? 0;
    return {
      perSecond: (latencies.length * (scenario.queries ?? 1) * 1000) / (lastAt - startedAt),
      p50: percentile(0.5),
      p99: percentile(0.99),
      megabytes: program.megabytes('now'),
    };
  }

  /** The next request, with the credentials in the body, as in the reference document. */
  private next(scenario: Scenario, { token }: Program): HttpRequest {
    const { method, path, members } = scenario.request(this.sent++);
    const credentials = { api_token: token, username: 'user', contextname: 'default' };
    const headers = { 'Content-Type': 'application/json' };
    return { method, path, headers, body: JSON.stringify({ ...credentials, ...members }) };
  }
}

async function ask({ url }: Program, { path, ...options }: HttpRequest): Promise<string> {
  const { statusCode, body } = await request(`${url}${path}`, options);
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${options.method} ${path}: ${statusCode} ${text.slice(0, 500)}`);
  return text;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2;
}
