import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { verify } from './support/audit.js';
import { asHeaders } from './support/callers.js';
import { Client, type Answer } from './support/client.js';
import { customer, pathOf } from './support/customers.js';
import type { TestDatabase } from './support/databases.js';
import { describeOn } from './support/describe-on.js';
import { Program } from './support/program.js';
import { TestService } from './support/service.js';
import { until } from './support/until.js';
import { withDataSource } from './support/with-data-source.js';

const LIST = '/api/ipdrcustomers';
const TAX_NUMBER = '33AAACT2727Q1ZV';

/** All that adding a field takes: lines put before a line of a file, and a new file. */
const EDITS = [
  {
    path: 'src/customers/domain/customer-fields.ts',
    before: '} as const satisfies Readonly<Record<string, FieldDescriptor>>;',
    lines: `  taxNumber: {
    wireName: 'TaxNumber',
    isRequired: false,
    isInReference: false,
    kind: LINES,
    maxLength: 15,
    example: '${TAX_NUMBER}',
  },`,
  },
  {
    path: 'src/customers/infrastructure/customer.entity.ts',
    before: "  @Column({ name: 'alt_phone_number', type: 'varchar', length: 64, nullable: true })",
    lines: `  @Column({ name: 'tax_number', type: 'varchar', length: 15, nullable: true })
  taxNumber!: string | null;
`,
  },
  {
    path: 'src/shared/database/migrations/index.ts',
    before: '/** In the order in which they run. */',
    lines: "import { AddTaxNumber1999999999999 } from './1999999999999-add-tax-number.js';",
  },
  {
    path: 'src/shared/database/migrations/index.ts',
    before: '];',
    lines: '  AddTaxNumber1999999999999,',
  },
];
const MIGRATION = {
  path: 'src/shared/database/migrations/1999999999999-add-tax-number.ts',
  text: `
    import type { MigrationInterface, QueryRunner } from 'typeorm';

    export class AddTaxNumber1999999999999 implements MigrationInterface {
      async up(queryRunner: QueryRunner): Promise<void> {
        for (const table of ['customers', 'customer_versions']) {
          if (await queryRunner.hasColumn(table, 'tax_number')) continue;
          await queryRunner.query(\`ALTER TABLE \${table} ADD COLUMN tax_number varchar(15) NULL\`);
        }
      }

      async down(): Promise<void> {}
    }`,
};

/** Builds the service with a field more, type check included, in a folder. */
async function buildWithTaxNumber(folder: string): Promise<void> {
  for (const path of ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(path, join(folder, path), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  for (const { path, before, lines } of EDITS) {
    const parts = readFileSync(join(folder, path), 'utf8').split(`\n${before}\n`);
    if (parts.length !== 2) throw new Error(`${path} does not have one line ${before}`);
    writeFileSync(join(folder, path), parts.join(`\n${lines}\n${before}\n`));
  }
  writeFileSync(join(folder, MIGRATION.path), MIGRATION.text);
  const compile = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'];
  await promisify(execFile)(process.execPath, compile, { cwd: folder });
}

describeOn('SQLite', 'a customer field that its descriptor, its column and a migration add', (kind) => {
  let folder: string;
  let database: TestDatabase;
  let program: Program;
  let client: Client;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ipdr-field-'));
    database = await kind.create();
    const [before] = await Promise.all([TestService.start(database), buildWithTaxNumber(folder)]);
    await before.call('POST', LIST, { body: customer('older') });
    await before.stop();
    program = await Program.over(database, {}, folder);
    client = new Client(program.url, before.tokens);
  });
  afterAll(async () => {
    await program.stop();
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  const ok = async (method: string, path: string, body: object = {}): Promise<Answer> => {
    const answer = await client.call(method, path, { body });
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.text}`);
    return answer;
  };
  const json = async (method: string, path: string, body?: object): Promise<unknown> =>
    (await ok(method, path, body)).json;
  const csv = async (method: string, path: string, raw = ''): Promise<string> => {
    const headers = {
      ...asHeaders({ api_token: client.tokens.user, username: 'user' }),
      accept: 'text/csv',
      'content-type': 'text/csv',
    };
    return (await client.call(method, path, { raw, headers })).text;
  };
  const create = async (userId: string, fields: object = { TaxNumber: TAX_NUMBER }): Promise<unknown> =>
    json('POST', LIST, { ...customer(userId), ...fields });

  it('is answered on creation, by a read and in the list', async () => {
    const id: unknown = expect.any(Number);
    const created = { ...customer('created'), id, TaxNumber: TAX_NUMBER };
    expect(await create('created')).toEqual(created);
    expect(await json('GET', pathOf('created'))).toEqual(created);
    expect(await json('GET', LIST)).toContainEqual(created);
  });

  it('is a column of the list as CSV', async () => {
    await create('listed');
    const [header, ...lines] = (await csv('GET', LIST)).split('\r\n');
    expect(header).toBe('id,Name,Address,Email,PhoneNumber,AltPhoneNumber,UserID,TaxNumber');
    expect(lines.find((line) => line.includes(',listed,'))).toMatch(new RegExp(`,listed,${TAX_NUMBER}$`));
  });

  it('is null where no request set it', async () => {
    expect(await create('without', {})).toHaveProperty('TaxNumber', null);
    expect(await json('GET', pathOf('older'))).toHaveProperty('TaxNumber', null);
  });

  it('is checked by the rules of its descriptor', async () => {
    for (const [method, path] of [
      ['POST', LIST],
      ['PUT', pathOf('checked')],
      ['PATCH', pathOf('checked')],
    ] as const) {
      const body = { ...customer('checked'), TaxNumber: 'x'.repeat(16) };
      const answer = await client.call(method, path, { body });
      expect(answer.status).toBe(422);
      expect(answer.json).toMatchObject({
        errors: [{ field: 'TaxNumber', message: 'must be at most 15 characters' }],
      });
    }
  });

  it('is changed and cleared by PATCH', async () => {
    await create('patched');
    expect(await json('PATCH', pathOf('patched'), { TaxNumber: '1' })).toHaveProperty('TaxNumber', '1');
    expect(await json('PATCH', pathOf('patched'), { TaxNumber: null })).toHaveProperty('TaxNumber', null);
  });

  it('may be left out of PUT, which keeps it then; clients that know the six fields lose no data', async () => {
    await create('put');
    const six = customer('put', { Name: 'Another' });
    expect(await json('PUT', pathOf('put'), six)).toMatchObject({ ...six, TaxNumber: TAX_NUMBER });
    expect(await json('PUT', pathOf('put'), { ...six, TaxNumber: '2' })).toHaveProperty('TaxNumber', '2');
    const five = { ...six, Address: undefined };
    expect((await client.call('PUT', pathOf('put'), { body: { ...five, TaxNumber: '3' } })).status).toBe(422);
  });

  it('filters the list, from the query string and from the body', async () => {
    await create('filtered', { TaxNumber: 'unique' });
    const found = [expect.objectContaining({ UserID: 'filtered' })];
    expect(await json('GET', `${LIST}?TaxNumber=unique`)).toEqual(found);
    expect(await json('GET', LIST, { TaxNumber: 'unique' })).toEqual(found);
    expect(await json('GET', `${LIST}?UserID=filtered`, { TaxNumber: null })).toEqual([]);
  });

  it('is in the history, with what it was before', async () => {
    await create('past', { TaxNumber: 'from' });
    await ok('PATCH', pathOf('past'), { TaxNumber: 'to' });
    expect(await json('GET', `${pathOf('past')}/history`)).toMatchObject([
      { changes: [{ field: 'TaxNumber', from: 'from', to: 'to' }], customer: { TaxNumber: 'to' } },
      { changes: [], customer: { TaxNumber: 'from' } },
    ]);
  });

  it('is what the holder of an address had at that second, in JSON and in CSV', async () => {
    await create('holder', { TaxNumber: 'held' });
    await ok('POST', '/api/ipdrcustomers_mapping', { UserID: 'holder', ipsubnet: '192.0.2.1', starttime: 0 });
    expect(await json('GET', '/api/ipdrlookup?ip=192.0.2.1')).toHaveProperty('holder.TaxNumber', 'held');
    const [header = '', line = ''] = (await csv('POST', '/api/ipdrlookup', 'ip\n192.0.2.1\n')).split('\r\n');
    expect(line.split(',')[header.split(',').indexOf('TaxNumber')]).toBe('held');
  });

  it('is in the change feed', async () => {
    await create('fed', { TaxNumber: 'fed' });
    const fed = async (): Promise<boolean> =>
      ((await json('GET', '/api/ipdrcustomers_changes')) as { customer?: { TaxNumber?: string } }[]).some(
        (change) => change.customer?.TaxNumber === 'fed',
      );
    await until(fed);
  });

  it('is not missed by the coverage report', async () => {
    await create('complete', { PhoneNumber: '98400 12345', AltPhoneNumber: null });
    const { customers } = (await json('GET', '/api/ipdrcoverage?prefix=192.0.2.1&from=0')) as {
      customers: { UserID: string }[];
    };
    expect(customers.find(({ UserID }) => UserID === 'complete')).toMatchObject({
      missing: ['ipsubnet'],
      placeholders: [],
    });
  });

  it('is documented: required in answers, optional in requests', async () => {
    const document = (await json('GET', '/api/openapi.json')) as {
      components: { schemas: Record<string, { properties: object; required?: string[] }> };
    };
    const { schemas } = document.components;
    const member = { TaxNumber: { type: 'string', nullable: true, maxLength: 15, example: TAX_NUMBER } };
    for (const name of ['CustomerDto', 'CreateCustomerDto', 'ReplaceCustomerDto', 'ChangeCustomerDto']) {
      expect(schemas[name]?.properties).toMatchObject(member);
    }
    expect(schemas['CustomerDto']?.required).toContain('TaxNumber');
    expect(schemas['ReplaceCustomerDto']?.required).toHaveLength(6);
  });

  it('leaves what was sealed before intact, and is compared with its last version from now on', async () => {
    await create('tampered');
    expect(await verify(client)).toMatchObject({ intact: true, fault: null });
    await withDataSource(database.configuration, (dataSource) =>
      dataSource.query(`UPDATE customers SET tax_number = 'X' WHERE user_id = 'tampered'`),
    );
    expect(await verify(client)).toMatchObject({ intact: false, fault: { fault: 'register_changed' } });
  });
});
