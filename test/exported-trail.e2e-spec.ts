import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { addAuditCommands } from '../src/audit/infrastructure/audit.commands.js';
import {
  auditTrail,
  exportTrail,
  sealNow,
  verify,
  type ExportedBlock,
  type Verdict,
} from './support/audit.js';
import { runCommandHere } from './support/command.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { runCommand, type Ended } from './support/program.js';
import { TestService } from './support/service.js';
import { fillTrail, FULL } from './support/trail.js';
import { withDataSource } from './support/with-data-source.js';

describe('an exported audit trail', () => {
  let folder: string;
  let file: string;
  let blocks: ExportedBlock[];
  let kept: { block: number; hash: string };
  /** The index of a line in the middle with at least three entries. */
  let middle: number;

  /** Runs the command on a machine without the register. */
  const command = (...args: string[]): Promise<Ended> =>
    runCommandHere(args, (program, line) =>
      addAuditCommands(
        program,
        () => Promise.reject(new Error()),
        line,
        () => 730,
      ),
    );
  const verifyFile = async (
    lines: readonly object[],
    ...options: string[]
  ): Promise<{ code: number | null; verdict: Record<string, unknown> }> => {
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const { code, stdout, stderr } = await command('--json', 'audit', 'verify', file, ...options);
    expect(stderr).toBe('');
    return { code, verdict: JSON.parse(stdout) as Record<string, unknown> };
  };
  const expectRefusal = ({ code, stdout, stderr }: Ended, line: RegExp): void => {
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^ipdr-customers: [^\n{]+\n$/);
    expect(stderr).toMatch(line);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ipdr-audit-'));
    const database = await databaseKinds[0]!.create();
    const service = await TestService.start(database);
    await fillTrail(service);
    const answer = await service.admin('GET', '/api/admin/audit/export');
    expect(answer.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    await writeFile(join(folder, 'downloaded'), answer.text);
    blocks = answer.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as ExportedBlock);
    await service.stop();
    await database.drop();
    const { block, hash } = blocks.at(-1) as ExportedBlock;
    kept = { block, hash };
    middle = blocks.findIndex(({ entries }, n) => n > 0 && n < blocks.length - 1 && entries.length >= FULL);
  });
  beforeEach(() => {
    file = join(folder, 'tampered');
  });
  afterAll(() => rm(folder, { recursive: true }));

  const head = (): string[] => ['--block', String(kept.block), '--hash', kept.hash];
  const edited = (change: (block: ExportedBlock) => object): object[] =>
    blocks.map((block, n) => (n === middle ? { ...block, ...change(block) } : block));
  const middleBlock = (): ExportedBlock => blocks[middle] as ExportedBlock;

  it('is verified without the register', async () => {
    for (const options of [[], head()]) {
      const { code, stdout, stderr } = await command(
        'audit',
        'verify',
        join(folder, 'downloaded'),
        ...options,
      );
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toContain(kept.hash);
      expect(stdout).toMatch(/^intact .*\ntrue /);
    }
    const { verdict } = await verifyFile(blocks, ...head());
    const entries = blocks.flatMap((block) => block.entries).length;
    expect(verdict).toEqual({
      intact: true,
      fault: null,
      blocks: blocks.length,
      entries,
      versions: 0,
      unsealed_versions_through: 0,
      purged: 0,
      purge: null,
      head: kept,
    });
  });

  it('has no count of unsealed rows, and only line feeds end its lines', async () => {
    const [block] = blocks as [ExportedBlock];
    const [entry] = block.entries;
    const odd = { ...block, entries: [{ ...entry, userId: 'a\u2028b\u0085c' }] };
    const { verdict } = await verifyFile([odd]);
    expect(verdict).toMatchObject({ intact: false, fault: { fault: 'edited', entry: entry?.id } });
    expect(verdict).not.toHaveProperty('unsealed');
  });

  it('is refused if an entry has a member that is not sealed', async () => {
    const lines = edited(({ entries }) => ({
      entries: entries.map((entry) => ({ ...entry, note: 'forged' })),
    }));
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expectRefusal(
      await command('audit', 'verify', file),
      new RegExp(`line ${middle + 1} of .* is not a block`),
    );
  });

  it.each<{ what: string; tamper: () => object[]; fault: string; entry?: () => number }>([
    {
      what: 'an edited entry',
      tamper: () =>
        edited(({ entries }) => ({ entries: entries.with(1, { ...entries[1]!, userId: 'other' }) })),
      fault: 'edited',
      entry: () => middleBlock().entries[1]!.id,
    },
    {
      what: 'the entry before a removed one',
      tamper: () => edited(({ entries }) => ({ entries: entries.toSpliced(1, 1) })),
      fault: 'removed',
      entry: () => middleBlock().entries[0]!.id,
    },
    {
      what: 'the first of the entries that were reordered',
      tamper: () => edited(({ entries }) => ({ entries: entries.toReversed() })),
      fault: 'reordered',
      entry: () => middleBlock().entries.at(-1)!.id,
    },
    {
      what: 'an inserted entry',
      tamper: () =>
        edited(({ entries }) => ({ entries: [...entries, { ...entries[0]!, nonce: 'x', id: 77_777 }] })),
      fault: 'inserted',
      entry: () => 77_777,
    },
    { what: 'a block without entries', tamper: () => edited(() => ({ entries: [] })), fault: 'removed' },
    {
      what: 'a block whose time was edited',
      tamper: () => edited(() => ({ sealed_at: 5 })),
      fault: 'block_changed',
    },
    {
      what: 'a block without digests',
      tamper: () => edited(() => ({ digests: '' })),
      fault: 'block_changed',
    },
    { what: 'a removed line', tamper: () => blocks.toSpliced(middle, 1), fault: 'removed' },
    {
      what: 'lines that were swapped',
      tamper: () => blocks.with(middle, blocks[middle + 1]!).with(middle + 1, middleBlock()),
      fault: 'removed',
    },
  ])('fails verification and names $what', async ({ tamper, fault, entry }) => {
    const { code, verdict } = await verifyFile(tamper());
    const found = { fault, block: middle + 1, entry: entry?.() ?? null };
    expect([code, verdict]).toMatchObject([1, { intact: false, fault: found }]);
  });

  it('shows a cut-off end against a kept head alone', async () => {
    const lines = blocks.slice(0, middle);
    expect(await verifyFile(lines)).toMatchObject({ code: 0, verdict: { intact: true } });
    const verdict = (block: number): object => ({
      intact: false,
      fault: { fault: 'cut_off', block, entry: null },
    });
    expect(await verifyFile(lines, ...head())).toMatchObject({ code: 1, verdict: verdict(middle + 1) });
    expect(await verifyFile([], ...head())).toMatchObject({ code: 1, verdict: verdict(1) });
  });

  it.each([
    ['a line that is no JSON', 'hello\n'],
    ['JSON that is no block', '{"a":1}\n'],
    ['JSON that is no object', 'null\n'],
    ['a block without digests', '{"block":1,"sealed_at":1,"hash":"x","entries":[]}\n'],
    ['an entry that is none', '{"block":1,"sealed_at":1,"hash":"x","digests":"","entries":[null]}\n'],
    ['bytes', Buffer.from([0, 0xff, 0xfe, 10])],
  ])('is refused as a file with %s', async (_what, content) => {
    await writeFile(file, content);
    expectRefusal(
      await command('audit', 'verify', file),
      /line 1 of .* is not a block of an exported audit trail/,
    );
  });

  it.each(['', '\n\n'])('is refused as a file without a block: %j', async (content) => {
    await writeFile(file, content);
    expectRefusal(await command('audit', 'verify', file), /contains no block/);
  });

  it('may have blank lines', async () => {
    await writeFile(file, `${await readFile(join(folder, 'downloaded'), 'utf8')}\n\n`);
    expect(await command('audit', 'verify', file)).toMatchObject({ code: 0, stderr: '' });
  });

  it('is refused if it is cut off within a line', async () => {
    const text = await readFile(join(folder, 'downloaded'), 'utf8');
    await writeFile(file, text.slice(0, -10));
    const line = new RegExp(`line ${blocks.length} of .* is not a block`);
    expectRefusal(await command('audit', 'verify', file), line);
  });

  it('is refused if the file is missing or a folder', async () => {
    expectRefusal(await command('audit', 'verify', join(folder, 'nowhere')), /nowhere/);
    expectRefusal(await command('audit', 'verify', folder), new RegExp(folder));
  });

  it.each([
    ['--block', '1'],
    ['--hash', '0'.repeat(64)],
    ['--block', 'x', '--hash', '0'.repeat(64)],
    ['--block', '1', '--hash', 'x'],
  ])('is not verified against an incomplete or malformed head: %s %s', async (...options) => {
    const ended = await command('audit', 'verify', join(folder, 'downloaded'), ...options);
    expectRefusal(ended, /block|hash/);
  });
});

describe.each(databaseKinds)('the audit commands on $name', (kind) => {
  let database: TestDatabase;
  let service: TestService;
  let folder: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ipdr-audit-'));
    database = await kind.create();
    service = await TestService.start(database);
    await fillTrail(service);
    const { configuration } = database;
    env = {
      DATABASE_URL: configuration.type === 'mysql' ? configuration.url : `sqlite:${configuration.path}`,
    };
  });
  afterAll(async () => {
    await service.stop();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const command = (...args: string[]): Promise<Ended> =>
    runCommandHere(['audit', ...args], (program, line) =>
      addAuditCommands(
        program,
        (work) => work(service.app, line()),
        line,
        () => 730,
      ),
    );
  const json = async (...args: string[]): Promise<[number | null, Record<string, unknown>]> => {
    const { code, stdout, stderr } = await command(...args, '--json');
    expect(stderr).toBe('');
    return [code, JSON.parse(stdout) as Record<string, unknown>];
  };

  it('print the same head as the API', async () => {
    await sealNow(service);
    const [code, head] = await json('head');
    expect(code).toBe(0);
    expect(head).toEqual((await service.admin('GET', '/api/admin/audit/head')).json);
    const { block, hash } = head as { block: number; hash: string };
    const [, verdict] = await json('verify', '--block', String(block), '--hash', hash);
    expect(verdict).toMatchObject({ intact: true, head: { block, hash } });
  });

  it('export into a new private file that can be verified elsewhere', async () => {
    const path = join(folder, 'trail');
    const before = await auditTrail(service, 'action=audit.read&limit=1');
    expect(await runCommand(['audit', 'export', path], env)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const { code, stdout } = await runCommand(['--json', 'audit', 'verify', path], {});
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { intact: true }]);
    const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
    const exported = await exportTrail(service);
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual(exported.slice(0, lines.length));

    const entries = await auditTrail(service, `user=${userInfo().username}&action=audit.read`);
    expect(entries).toEqual([
      expect.objectContaining({
        token_id: null,
        address: null,
        context: null,
        details: { export: true, blocks: expect.any(Number) },
      }),
    ]);
    expect(before.map(({ id }) => id)).not.toContain(entries[0]?.id);

    const again = await command('export', path);
    expect(again).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^[^\n]+\n$/) });
    expect(again.stderr).toContain(path);
    expect((await readFile(path, 'utf8')).split('\n').slice(0, -1)).toEqual(lines);
    expect(await auditTrail(service, `user=${userInfo().username}&action=audit.read`)).toHaveLength(1);
  });

  it('fail when verification fails', async () => {
    await sealNow(service);
    const expected: Verdict = await verify(service);
    const { head } = expected;
    expect(await json('verify')).toEqual([0, expected]);
    const kept = ['--block', String(head.block + 1000), '--hash', head.hash];
    const cut = { fault: 'cut_off', block: head.block + 1, entry: null };
    expect(await json('verify', ...kept)).toMatchObject([1, { intact: false, fault: cut }]);

    const [entry] = await auditTrail(service, 'action=customer.created');
    await withDataSource(database.configuration, (dataSource) =>
      dataSource.query('UPDATE audit_entries SET user_id = ? WHERE id = ?', ['other', entry?.id]),
    );
    const edited = { fault: 'edited', block: entry?.block, entry: entry?.id };
    expect(await json('verify')).toMatchObject([1, { intact: false, fault: edited }]);
    const half = await command('verify', '--block', '1');
    expect(half).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'ipdr-customers: hash is required: block and hash go together\n',
    });
  });
});
