import { execFileSync, spawn } from 'node:child_process';
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

/** A temporary database server that tests can stop and start. */
export class ThrowAwayMysql {
  #binary;
  #folder;
  #port;
  #more;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;

  /**
   * @private
   * @param {string} binary
   * @param {string} folder
   * @param {number} port
   * @param {readonly string[]} more
   */
  constructor(binary, folder, port, more) {
    this.#binary = binary;
    this.#folder = folder;
    this.#port = port;
    this.#more = more;
  }

  /**
   * @param {readonly string[]} more options of the server
   * @returns undefined if no server is installed
   */
  static async create(more = []) {
    const binary = SERVERS.find((path) => existsSync(path));
    if (binary === undefined) return undefined;
    const folder = await makeFolder('ipdr-mysql-');
    const server = new ThrowAwayMysql(binary, folder, await freePort(), more);
    server.#initialize();
    await server.start();
    return server;
  }

  /** A URL with all privileges, up to the database's name. */
  get url() {
    return `mysql://root@127.0.0.1:${this.#port}/`;
  }

  /**
   * @param {string} name
   * @returns the URL of a new, empty database
   */
  async createDatabase(name) {
    const connection = await createConnection(this.url);
    await connection.query(`CREATE DATABASE ${name}`);
    await connection.end();
    return `${this.url}${name}`;
  }

  async start() {
    const options = [
      '--no-defaults',
      `--datadir=${join(this.#folder, 'data')}`,
      `--socket=${join(this.#folder, 'socket')}`,
      this.#tmpdir,
      `--port=${this.#port}`,
      '--bind-address=127.0.0.1',
      '--innodb-buffer-pool-size=64M',
      ...asRoot(),
      ...this.#more,
    ];
    this.#process = spawn(this.#binary, options, { stdio: 'ignore' });
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

  /** Stops the server like a crash. */
  async kill() {
    const process = this.#process;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    process.kill('SIGKILL');
    await once(process, 'exit');
  }

  async remove() {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** A folder of its own, since a starting server removes the files of others. */
  get #tmpdir() {
    return `--tmpdir=${this.#folder}`;
  }

  #initialize() {
    const data = join(this.#folder, 'data');
    const isMariadb = existsSync('/usr/bin/mariadb-install-db');
    const [command, options] = isMariadb
      ? [
          'mariadb-install-db',
          ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db'],
        ]
      : [this.#binary, ['--no-defaults', '--initialize-insecure']];
    if (userInfo().uid === 0) execFileSync('chown', ['mysql', this.#folder]);
    execFileSync(command, [...options, `--datadir=${data}`, this.#tmpdir, ...asRoot()], { stdio: 'ignore' });
  }
}

/** The option without which the server refuses to run as root. */
function asRoot() {
  return userInfo().uid === 0 ? ['--user=mysql'] : [];
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}
