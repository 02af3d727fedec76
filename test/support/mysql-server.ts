import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { makeFolder } from './folder.js';

const SERVERS = ['/usr/sbin/mariadbd', '/usr/sbin/mysqld', '/usr/local/sbin/mysqld', '/usr/bin/mysqld'];

/** A database server of the test's own, to stop and start at will. */
export class ThrowAwayMysql {
  private process: ChildProcess | undefined;

  private constructor(
    private readonly binary: string,
    private readonly folder: string,
    private readonly port: number,
    private readonly more: readonly string[],
  ) {}

  /** @param more options of the server. @returns undefined if no server is installed */
  static async create(more: readonly string[] = []): Promise<ThrowAwayMysql | undefined> {
    const binary = SERVERS.find((path) => existsSync(path));
    if (binary === undefined) return undefined;
    const folder = await makeFolder('ipdr-mysql-');
    const server = new ThrowAwayMysql(binary, folder, await freePort(), more);
    server.initialize();
    await server.start();
    return server;
  }

  /** A URL with all rights, up to the database's name. */
  get url(): string {
    return `mysql://root@127.0.0.1:${this.port}/`;
  }

  /** @returns the URL of a new, empty database */
  async createDatabase(name: string): Promise<string> {
    const connection = await createConnection(this.url);
    await connection.query(`CREATE DATABASE ${name}`);
    await connection.end();
    return `${this.url}${name}`;
  }

  async start(): Promise<void> {
    const options = [
      '--no-defaults',
      `--datadir=${join(this.folder, 'data')}`,
      `--socket=${join(this.folder, 'socket')}`,
      this.tmpdir,
      `--port=${this.port}`,
      '--bind-address=127.0.0.1',
      '--innodb-buffer-pool-size=64M',
      ...asRoot(),
      ...this.more,
    ];
    this.process = spawn(this.binary, options, { stdio: 'ignore' });
    for (let tries = 0; ; tries++) {
      try {
        await (await createConnection(this.url)).end();
        return;
      } catch (error) {
        if (tries > 300) throw error;
        await delay(100);
      }
    }
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    const process = this.process;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    process.kill('SIGKILL');
    await once(process, 'exit');
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Its own: a server that starts removes what others have in a common one. */
  private get tmpdir(): string {
    return `--tmpdir=${this.folder}`;
  }

  private initialize(): void {
    const data = join(this.folder, 'data');
    const isMariadb = existsSync('/usr/bin/mariadb-install-db');
    const [command, options] = isMariadb
      ? [
          'mariadb-install-db',
          ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db'],
        ]
      : [this.binary, ['--no-defaults', '--initialize-insecure']];
    if (userInfo().uid === 0) execFileSync('chown', ['mysql', this.folder]);
    execFileSync(command, [...options, `--datadir=${data}`, this.tmpdir, ...asRoot()], { stdio: 'ignore' });
  }
}

/** The server refuses to run as root unless told whom to become. */
function asRoot(): string[] {
  return userInfo().uid === 0 ? ['--user=mysql'] : [];
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
