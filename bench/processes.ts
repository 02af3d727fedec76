import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../test/support/mysql-server.js';

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const ROOT = join(import.meta.dirname, '../../..'); // from dist/bench/bench

/** A program under measurement, in a process of its own. */
export interface Program {
  readonly url: string;
  /** The token of `user`, as the service wrote it into `folder`. */
  readonly token: string;
  /** Milliseconds from the start of the process to its first 200 on `/health/ready`. */
  readonly readyInMs: number;
  /** Resident memory, now or at its peak since the start, in MB. Works on Linux only. */
  megabytes(when: 'now' | 'peak'): number;
  stop(): Promise<void>;
}

/** The service as in production, but with a higher rate limit. */
export function startService(databaseUrl: string, folder: string): Promise<Program> {
  const env = {
    RATE_LIMIT: '1000000000',
    NODE_ENV: 'production',
    DATABASE_URL: databaseUrl,
    DATA_DIR: folder,
  };
  return start('dist/main.js', env, folder, 'service.log');
}

export function startFloor(databaseUrl: string, folder: string): Promise<Program> {
  const script = fileURLToPath(import.meta.resolve('./floor.js'));
  return start(script, { DATABASE_URL: databaseUrl }, folder, 'floor.log');
}

/** @param logName the file for its output: in production the log is written too, so that time counts */
async function start(
  script: string,
  env: Record<string, string>,
  folder: string,
  logName: string,
): Promise<Program> {
  const log = join(folder, logName);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const output = openSync(log, 'a');
  const startedAt = performance.now();
  const child = spawn(process.execPath, [script], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], PORT: String(port), ...env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = once(child, 'exit');

  while (!(await isReady(url))) {
    if (child.exitCode !== null || performance.now() - startedAt > START_TIMEOUT_MS) {
      throw new Error(`${script} did not start:\n${readFileSync(log, 'utf8').slice(-2000)}`);
    }
    await delay(5);
  }
  return {
    url,
    token: readFileSync(join(folder, 'user-token'), 'utf8').trim(),
    readyInMs: performance.now() - startedAt,
    megabytes: (when) => {
      const pattern = when === 'now' ? /VmRSS:\s+(\d+) kB/ : /VmHWM:\s+(\d+) kB/;
      return Number(pattern.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;
    },
    stop: async () => {
      child.kill('SIGTERM');
      const deadline = setTimeout(kill, STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(deadline);
      process.off('exit', kill);
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}
