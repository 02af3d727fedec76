import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { Client, type Tokens } from './client.js';
import type { TestDatabase } from './databases.js';
import { NO_LIMITS, readTokens } from './service.js';

type Environment = Record<string, string>;

/** How a program ended, and its output. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built service in a process and folder of its own. */
export class Program extends Client {
  private constructor(
    private readonly run: Run,
    url: string,
    tokens: Tokens,
  ) {
    super(url, tokens);
  }

  /** @param env environment variables; the default port is a free one */
  static async start(
    env: Environment = {},
    on: 'pipe' | 'terminal' = 'pipe',
    built?: string,
  ): Promise<Program> {
    const run = new Run(env, on, built);
    const url = await run.listening();
    return new Program(run, url, await readTokens(join(run.folder, 'data')));
  }

  /**
   * Starts the service on a test database.
   *
   * @param built the folder of another build of the service
   */
  static over({ configuration }: TestDatabase, env: Environment = {}, built?: string): Promise<Program> {
    const url = configuration.type === 'mysql' ? configuration.url : `sqlite:${configuration.path}`;
    return Program.start({ DATABASE_URL: url, ...env }, 'pipe', built);
  }

  /** Runs the service to its end, for starts that should fail. */
  static async fail(env: Environment): Promise<Ended> {
    const run = new Run(env, 'pipe');
    try {
      return await run.ended;
    } finally {
      run.remove();
    }
  }

  /** The working directory, which contains `data`. */
  get folder(): string {
    return this.run.folder;
  }

  get stdout(): string {
    return this.run.stdout;
  }

  /** The lines of the log so far, parsed. */
  get log(): Record<string, unknown>[] {
    const lines = this.stdout.split('\n').slice(0, -1);
    return lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  get pid(): number | undefined {
    return this.run.process.pid;
  }

  signal(name: NodeJS.Signals): void {
    this.run.process.kill(name);
  }

  /** Resolves when the process has ended. */
  get ended(): Promise<Ended> {
    return this.run.ended;
  }

  /** Resident memory in bytes: now, or the peak since `forgetPeak`. Linux only. */
  memory(which: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.run.process.pid}/status`, 'utf8');
    return 1024 * Number(new RegExp(`^${which}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  }

  forgetPeak(): void {
    writeFileSync(`/proc/${this.run.process.pid}/clear_refs`, '5');
  }

  /** Stops the service and removes its folder. */
  async stop(): Promise<Ended> {
    await this.close();
    this.signal('SIGTERM');
    const ended = await this.ended;
    this.run.remove();
    return ended;
  }
}

/** Runs `ipdr-customers` to its end. */
export async function runCommand(args: readonly string[], env: Environment): Promise<Ended> {
  buildProgram();
  const child = spawn(process.execPath, [resolve('dist/cli.js'), ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

class Run {
  readonly folder = mkdtempSync(join(tmpdir(), 'ipdr-program-'));
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  private stderr = '';

  constructor(env: Environment, on: 'pipe' | 'terminal', built?: string) {
    if (built === undefined) buildProgram();
    const program = [process.execPath, resolve(built ?? '.', 'dist/main.js')];
    const terminal = ['script', '--quiet', '--return', '--command', program.join(' '), '/dev/null'];
    const [command = '', ...options] = on === 'pipe' ? program : terminal;
    this.process = spawn(command, options, {
      cwd: this.folder,
      env: { PATH: process.env['PATH'], PORT: '0', ...NO_LIMITS, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = once(this.process, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** The URL in the greeting. @throws Error if the process ends before */
  async listening(): Promise<string> {
    for (;;) {
      const [, url] = /listens on (\S+)/.exec(this.stdout) ?? [];
      if (url !== undefined) return url;
      const went = await Promise.race([this.ended, once(this.process.stdout ?? this.process, 'data')]);
      if ('code' in went)
        throw new Error(`the program ended with ${went.code}: ${went.stdout}${went.stderr}`);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Builds the program unless it is newer than its source. */
function buildProgram(): void {
  // Test files run in parallel. SQLite's lock ends with the process that has it.
  const name = createHash('sha256').update(process.cwd()).digest('hex').slice(0, 16);
  const lock = new BetterSqlite3(join(tmpdir(), `ipdr-build-${name}`), { timeout: 120_000 });
  lock.exec('BEGIN EXCLUSIVE');
  try {
    if (isStale()) execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'pipe' });
  } finally {
    lock.close();
  }
}

function isStale(): boolean {
  if (!existsSync('dist/main.js')) return true;
  const builtAt = statSync('dist/main.js').mtimeMs;
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' });
  return sources.some((path) => statSync(join('src', path)).mtimeMs > builtAt);
}
