import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ERROR_CODES } from '../src/error-codes.js';
import { STATUS_OF } from '../src/shared/http/error.filter.js';
import { customer } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { routesOf } from './support/routes.js';
import { TestService } from './support/service.js';

interface Schema {
  type?: string;
  $ref?: string;
}

interface Operation {
  description: string;
  responses: Record<string, { description: string }>;
}

const run = promisify(execFile);

const METHODS = ['post', 'get', 'put', 'patch', 'delete'] as const;

describe.each(databaseKinds.slice(0, 1))('the OpenAPI document', (kind) => {
  let database: TestDatabase;
  let service: TestService;
  let document: { paths: typeof paths };
  let paths: Record<string, Partial<Record<(typeof METHODS)[number], Operation>>>;

  beforeAll(async () => {
    database = await kind.create();
    service = await TestService.start(database);
    document = (await service.call('GET', '/api/openapi.json')).json as typeof document;
    ({ paths } = document);
  });
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  it('holds every route that needs a token, and no other', () => {
    const documented = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = routesOf(service.app).filter(({ path }) => /^\/api\/(?!docs|openapi)/.test(path));
    expect(documented.sort()).toEqual(
      served.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`).sort(),
    );
  });

  it('gives every parameter and every member a type', () => {
    /** Those that allow any object, as happens when the compiler emits no type for a union. */
    const untyped: string[] = [];
    JSON.stringify(document, function (this: object, key, value: Schema | undefined) {
      if (
        value?.$ref?.endsWith('/Object') ||
        (value?.type === 'object' && !('allOf' in value || 'properties' in value))
      )
        untyped.push(key);
      return value;
    });
    // The details of an audit entry, and the items of an export, hold anything.
    expect(untyped).toEqual(['details', 'items']);
  });

  it('has examples that run as they are', async () => {
    // The examples reassign a mapping to this customer.
    await service.call('POST', '/api/ipdrcustomers', { body: customer('U1002') });
    for (const method of METHODS) {
      const inOrder = method === 'delete' ? Object.entries(paths).reverse() : Object.entries(paths);
      for (const [path, { [method]: operation }] of inOrder) {
        if (operation === undefined) continue;
        const [, example = ''] = /```bash\n(.*)\n```/s.exec(operation.description) ?? [];
        const command = example
          .replace('http://127.0.0.1:8000', service.url)
          .replace(
            /'\$\(cat data\/(user|admin)-token\)'/,
            (_, name: 'user' | 'admin') => service.tokens[name],
          );
        const { stdout } = await run('sh', ['-c', `${command} -s -o /dev/null -w '%{http_code}'`]);
        expect(`${method} ${path}: ${stdout}`).toBe(`${method} ${path}: 200`);
      }
    }
  });

  it('lists each error under its own status', () => {
    for (const operations of Object.values(paths)) {
      for (const { responses } of Object.values(operations)) {
        for (const [status, { description }] of Object.entries(responses)) {
          for (const [, code] of description.matchAll(/^`(\w+)`: /gm)) {
            expect(STATUS_OF[ERROR_CODES[code as keyof typeof ERROR_CODES].kind]).toBe(Number(status));
          }
        }
      }
    }
  });
});

describe('docs/errors.md', () => {
  it('has a row for every error code, and no other', () => {
    const rows = readFileSync('docs/errors.md', 'utf8').matchAll(/^\| `(\w+)` +\| (\d+) +\| (.*?) +\|$/gm);
    const documented = [...rows].map(([, code, status, when]) => ({ code, status: Number(status), when }));
    const declared = Object.values(ERROR_CODES).map(({ code, kind, when }) => ({
      code,
      status: STATUS_OF[kind],
      when,
    }));
    expect(byCode(documented)).toEqual(byCode(declared));
  });
});

function byCode<T extends { code: string | undefined }>(rows: T[]): T[] {
  return rows.sort((a, b) => String(a.code).localeCompare(String(b.code)));
}
