import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addAccessCommands } from '../src/access/infrastructure/access.commands.js';
import { runCommandHere } from './support/command.js';
import { databaseKinds } from './support/databases.js';
import { dump } from './support/dump.js';
import { Program, runCommand, type Ended } from './support/program.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const TOKEN = /^ipdr_[0-9A-Za-z]{36}$/;

interface Token {
  readonly id: number;
  readonly user: string;
  readonly token: string;
}

describe.each(databaseKinds)('a command beside a running service on $name', (kind) => {
  const { service } = useService(kind);

  /** Runs a command on the same register, with `input` as its standard input. */
  const command = (args: readonly string[], input = '', isTTY = false): Promise<Ended> =>
    runCommandHere(
      args,
      (program, line) => addAccessCommands(program, (work) => work(service().app, line())),
      input,
      isTTY,
    );
  /** The JSON that a successful command prints. */
  const json = async <T>(...args: string[]): Promise<T> => {
    const { stdout, stderr } = await command(['--yes', ...args, '--json']);
    expect(stderr).toBe('');
    return JSON.parse(stdout) as T;
  };
  const statusOf = async (username: string, api_token: string, contextname = 'default'): Promise<number> =>
    (await service().callAs({ username, api_token, contextname }, 'GET', LIST)).status;
  const expectRefusal = ({ stdout, stderr }: Ended, line: RegExp): void => {
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^ipdr-customers: [^\n{]+\n$/);
    expect(stderr).toMatch(line);
  };

  it('gives an administrator who has lost every token a new one', async () => {
    const tokens = await json<Token[]>('token', 'list');
    for (const { id, user } of tokens) if (user === 'admin') await json('token', 'revoke', String(id));
    expect(await statusOf('admin', service().tokens.admin)).toBe(401);
    const first = await json<Token>('admin', 'reset-token');
    expect(first.token).toMatch(TOKEN);
    expect(await statusOf('admin', first.token)).toBe(200);
    const second = await json<Token>('admin', 'reset-token', '--user', 'admin');
    expect([await statusOf('admin', first.token), await statusOf('admin', second.token)]).toEqual([401, 200]);
  });

  it('locks out a thief who keeps creating tokens during a reset', async () => {
    const { token: stolen } = await json<Token>('admin', 'reset-token');
    const created: string[] = [];
    const steal = async (): Promise<void> => {
      const as = { username: 'admin', api_token: stolen };
      for (let status = 200; status === 200;) {
        const answer = await service().callAs(as, 'POST', '/api/admin/tokens', { body: { user: 'admin' } });
        ({ status } = answer);
        if (status === 200) created.push((answer.json as Token).token);
      }
    };
    const thieves = Array.from({ length: 6 }, steal);
    await until(() => created.length > 20);
    const { token: good } = await json<Token>('admin', 'reset-token');
    await Promise.all(thieves);
    for (const token of [stolen, ...created]) expect(await statusOf('admin', token)).toBe(401);
    expect(await statusOf('admin', good)).toBe(200);
    expect((await json<Token[]>('token', 'list')).filter(({ user }) => user === 'admin')).toHaveLength(1);
  });

  it('creates, rotates and revokes tokens', async () => {
    const options = [
      '--user',
      'user',
      '--label',
      'CRM',
      '--scope',
      'read',
      '--expires-at',
      '2090-01-01T00:00:00Z',
    ];
    const created = await json<Token>('token', 'create', ...options, '--allowed-ip', '127.0.0.0/8', '::1');
    expect(created).toMatchObject({
      user: 'user',
      label: 'CRM',
      scope: 'read',
      expires_at: '2090-01-01T00:00:00Z',
      allowed_ips: ['127.0.0.0/8', '::1'],
    });
    const rotated = await json<Token>('token', 'rotate', String(created.id), '--grace-seconds', '60');
    for (const { token } of [created, rotated]) expect(await statusOf('user', token)).toBe(200);
    const again = await json<Token>('token', 'rotate', String(rotated.id));
    expect(await statusOf('user', rotated.token)).toBe(401);
    for (const { id } of [created, again]) await json('token', 'revoke', String(id));
    for (const { token } of [created, again]) expect(await statusOf('user', token)).toBe(401);
  });

  it('adopts a token from its standard input, which the process list does not show', async () => {
    const token = 'GiXwBWWv5g2Fs6QeaTlx';
    await command(['token', 'create', '--user', 'user', '--adopt'], `${token}\n`);
    expect(await statusOf('user', token)).toBe(200);
  });

  it('creates, changes, disables, enables and deletes users', async () => {
    const crm = { name: 'crm', role: 'operator', contexts: ['default'], enabled: true };
    expect(await json('user', 'create', 'crm', '--role', 'operator', '--context', 'default')).toMatchObject(
      crm,
    );
    const { token } = await json<Token>('token', 'create', '--user', 'crm');
    expect(await json('user', 'change', 'crm', '--role', 'reader')).toMatchObject({ ...crm, role: 'reader' });
    for (const [command, status] of [
      ['disable', 401],
      ['enable', 200],
      ['delete', 401],
    ] as const) {
      await json('user', command, 'crm');
      expect(await statusOf('crm', token)).toBe(status);
    }
    expect(await json('user', 'list')).toHaveLength(2);
  });

  it('creates, renames, disables, enables and deletes contexts', async () => {
    const { user } = service().tokens;
    await json('context', 'create', 'ipdr');
    await json('user', 'change', 'user', '--context', 'default', 'ipdr');
    expect(await json('context', 'rename', 'ipdr', 'chennai')).toMatchObject({
      name: 'chennai',
      aliases: ['ipdr'],
    });
    expect(await statusOf('user', user, 'ipdr')).toBe(200);
    expect(await json('context', 'aliases', 'chennai', 'madras')).toMatchObject({ aliases: ['madras'] });
    expect([await statusOf('user', user, 'ipdr'), await statusOf('user', user, 'madras')]).toEqual([
      404, 200,
    ]);
    for (const [command, status] of [
      ['disable', 403],
      ['enable', 200],
      ['delete', 404],
    ] as const) {
      await json('context', command, 'chennai');
      expect(await statusOf('user', user, 'chennai')).toBe(status);
    }
    expect(await json('context', 'list')).toMatchObject([{ name: 'default' }]);
  });

  it('shows people a table', async () => {
    const { stdout } = await command(['user', 'list']);
    expect(stdout).toMatch(
      /^name   role      contexts  enabled  created_at\nadmin  admin     -         true     \S+\nuser   operator  default   true     \S+\n$/,
    );
  });

  it.each([
    ['admin', 'reset-token'],
    ['token', 'revoke', '2'],
    ['token', 'rotate', '2'],
    ['user', 'delete', 'user'],
    ['context', 'delete', 'default'],
  ])('refuses what cannot be undone in a script without --yes: %s %s', async (...args) => {
    expectRefusal(await command(args), /can't be undone: repeat it with --yes/);
    expect(await statusOf('user', service().tokens.user)).toBe(200);
  });

  it.each(['n', '', 'no, yes'])('does nothing when the answer is %j', async (answer) => {
    const { code, stderr } = await command(['token', 'revoke', '2'], `${answer}\n`, true);
    expect([code, stderr]).toEqual([1, 'ipdr-customers: nothing was changed\n']);
    expect(await statusOf('user', service().tokens.user)).toBe(200);
  });

  it.each<[string[], RegExp]>([
    [['token', 'create', '--user', 'nobody'], /user no user has this name/],
    [['token', 'create', '--user', 'user', '--scope', 'all'], /scope must be one of write, read/],
    [['token', 'create', '--user', 'user', '--expires-at', 'soon'], /expires_at must be Unix seconds/],
    [['token', 'rotate', '2', '--grace-seconds', 'long'], /grace_seconds must be a whole number/],
    [['--yes', 'token', 'rotate', '2', '--grace-seconds', ''], /grace_seconds must be a whole number/],
    [['--yes', 'token', 'rotate', '2', '--grace-seconds', '0x10'], /grace_seconds must be a whole number/],
    [['--yes', 'token', 'revoke', 'x'], /No token has this id/],
    [['--yes', 'admin', 'reset-token', '--user', 'nobody'], /nobody is not an admin; enabled admins: admin/],
    [['--yes', 'admin', 'reset-token', '--user', 'user'], /user is not an admin; enabled admins: admin/],
    [['--yes', 'user', 'delete', 'admin'], /last enabled admin/],
    [['user', 'create', 'user', '--role', 'reader'], /User user already exists/],
    [['user', 'change', 'user'], /body must have at least one member/],
    [['context', 'create', 'a b'], /name must have 1 to 64/],
    [['context', 'rename', 'nowhere', 'somewhere'], /No context has this name/],
  ])('prints one line about the fault and changes nothing: %j', async (args, line) => {
    const before = await json('token', 'list');
    expectRefusal(await command(args), line);
    expect(await json('token', 'list')).toEqual(before);
  });
});

describe('the command line', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ipdr-command-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'no register exists',
      { DATA_DIR: join('/tmp', 'nowhere') },
      /there is no register at .* yet; start the service/,
    ],
    [
      'the database does not answer',
      { DATABASE_URL: 'mysql://u@127.0.0.1:1/x' },
      /DATABASE_URL cannot be used/,
    ],
    ['the configuration is wrong', { PORT: 'x' }, /PORT must be a whole number/],
  ])('prints one line if %s', async (_what, env, line) => {
    const { code, stdout, stderr } = await runCommand(['user', 'list'], env);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^ipdr-customers: [^\n{]+\n$/);
    expect(stderr).toMatch(line);
  });

  it('changes nothing in a database without a register', async () => {
    const file = join(folder, 'empty.sqlite');
    await writeFile(file, '');
    for (const kind of databaseKinds) {
      const database = await kind.create();
      const { configuration } = database;
      const url = configuration.type === 'mysql' ? configuration.url : `sqlite:${file}`;
      const { code, stderr } = await runCommand(['user', 'create', 'first', '--role', 'reader'], {
        DATABASE_URL: url,
      });
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(/schema of this version yet; start the service/),
      ]);
      const tables = await dump(configuration);
      expect(tables).toEqual({});
      await database.drop();
    }
  });

  it('refuses an unknown command', async () => {
    const { code, stdout, stderr } = await runCommand(['token', 'burn'], {});
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: unknown command 'burn'/);
  });
});

describe('the command line of a register', () => {
  let program: Program;
  let env: Record<string, string>;

  beforeAll(async () => {
    program = await Program.start();
    env = { DATA_DIR: join(program.folder, 'data') };
  });
  afterAll(() => program.stop());

  it('prints JSON for scripts and fails with an exit code', async () => {
    const listed = await runCommand(['user', 'list', '--json'], env);
    expect([listed.code, listed.stderr, JSON.parse(listed.stdout)]).toMatchObject([
      0,
      '',
      [{ name: 'admin' }, {}],
    ]);
    const failed = await runCommand(['user', 'create', 'user', '--role', 'reader'], env);
    // npx runs the file itself, so a build must leave it executable.
    const { stdout } = await promisify(execFile)(resolve('dist/cli.js'), ['--help']);
    expect(stdout).toMatch(/^Usage: ipdr-customers/);
    expect(failed).toEqual({ code: 1, stdout: '', stderr: 'ipdr-customers: User user already exists\n' });
  });

  it('asks people at a terminal to confirm what cannot be undone', async () => {
    const ask = async (answer: string): Promise<string> => {
      const command = `${process.execPath} ${resolve('dist/cli.js')} token revoke 2`;
      const script = `printf '${answer}\\n' | script --quiet --return --command '${command}' /dev/null`;
      const options = { env: { PATH: process.env['PATH'], ...env } };
      return (await promisify(execFile)('sh', ['-c', `${script} || true`], options)).stdout;
    };
    const status = async (): Promise<number> => (await program.call('GET', LIST)).status;
    expect(await ask('\\004')).toContain('nothing was changed'); // Ctrl-D
    expect(await status()).toBe(200);
    expect(await ask('y')).toContain('first start');
    expect(await status()).toBe(401);
  });
});
