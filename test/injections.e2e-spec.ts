import { beforeAll, describe, expect, it } from '@jest/globals';
import { asHeaders, newCaller, type Caller } from './support/callers.js';
import { databaseKinds } from './support/databases.js';
import { documentedRoutes, validBody, type DocumentedRoute as Route } from './support/documented-routes.js';
import { dump, lastingRows } from './support/dump.js';
import { MAPPINGS } from './support/mappings.js';
import type { Call } from './support/service.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const AUDIT = '/api/admin/audit';
const CREDENTIALS: readonly string[] = ['api_token', 'username', 'contextname'];

/** Valid as any free text: no space at the ends, at most 64 characters. */
const INJECTIONS = [
  `' OR '1'='1`,
  `"; DROP TABLE customers; --`,
  `\\' OR 1=1 -- -`,
  '1; DELETE FROM users',
  'abc\\',
  `' UNION SELECT hash FROM tokens -- -`,
  `%' OR name LIKE '%`,
  '${7*7}',
  '{{constructor}}',
  'NULL',
  `'/**/UNION/**/SELECT/**/hash/**/FROM/**/tokens#`,
  `')) OR 1=1 -- -`,
  `😀' OR '😀'='😀`,
  '\\0',
];

const ALL = INJECTIONS.length;

type Row = Record<string, unknown>;

/** By how many rows a request answered with 200 changes each table. */
function growth({ method, path, collection }: Route, json: unknown): Record<string, number> {
  const rows = { POST: 1, DELETE: -1 }[method] ?? 0;
  const { aliases = [], contexts = [] } = json as { aliases?: string[]; contexts?: string[] };
  const sign = method === 'DELETE' ? -1 : 1;
  const tables: Record<string, Record<string, number>> = {
    '/api/admin/contexts': { contexts: rows, context_names: rows + sign * aliases.length },
    '/api/admin/users': { users: rows, grants: sign * contexts.length },
    '/api/admin/tokens': { tokens: rows },
    [LIST]: { customers: rows },
  };
  return isOfMappings(path) ? { ip_mappings: rows } : (tables[collection] ?? {});
}

function isOfMappings(path: string): boolean {
  return /mapping/.test(path);
}

describe.each(databaseKinds)('SQL in the texts of requests, on $name,', (kind) => {
  const { service, database } = useService(kind);
  let routes: Route[];
  let operator: Caller;

  beforeAll(async () => {
    routes = await documentedRoutes(service());
    operator = await newCaller(service());
  });

  const register = () => lastingRows(database().configuration);

  it.each([
    {
      area: 'customers',
      expected: {
        [`POST ${LIST} UserID`]: ALL,
        [`POST ${LIST} Name`]: ALL,
        [`POST ${LIST} Address`]: ALL,
        [`PUT ${LIST}/{UserID} UserID`]: ALL,
        [`PATCH ${LIST}/{UserID} Name`]: ALL,
        [`POST ${LIST}/{UserID}/mappings terminalid`]: ALL,
        [`GET ${LIST} Name`]: 2 * ALL,
        [`GET ${LIST} search`]: ALL, // in body and query
      },
    },
    {
      area: 'admin',
      expected: {
        'POST /api/admin/users name': ALL,
        'POST /api/admin/tokens label': ALL,
        'POST /api/admin/contexts name': 1,
        'POST /api/admin/tokens token': 1,
      },
    },
  ])('is stored as text, by every member of every route of $area', async ({ area, expected }) => {
    const before = await register();
    const rows = Object.fromEntries(Object.entries(before).map(([name, all]) => [name, all.length]));
    /** How often a text was accepted or found. */
    const taken: Record<string, number> = {};

    const credentialsFor = ({ path }: Route) =>
      path.startsWith(LIST)
        ? operator.credentials
        : { api_token: service().tokens.admin, username: 'admin', contextname: 'default' };
    /** A look-up may be a POST. */
    const isRead = ({ method, path }: Route) => method === 'GET' || path === '/api/ipdrlookup';
    const send = async (to: Route, credentials: object, path: string, call: Call) => {
      const answer = await service().callAs({ ...credentials }, to.method, path, call);
      const isDone = answer.status === 200 && !isRead(to);
      const grown = isDone ? growth(to, answer.json) : {};
      for (const [table, more] of Object.entries(grown)) rows[table] = (rows[table] ?? 0) + more;
      return answer;
    };
    const listOf = ({ path, collection }: Route) => (isOfMappings(path) ? MAPPINGS : collection);
    /** Creates what the path of a route refers to. */
    const idFor = async ({ path, collection }: Route) => {
      const [, parameter = ''] = /\{(\w+)\}/.exec(path) ?? [];
      const creation = routes.find((route) => route.method === 'POST' && route.path === collection);
      if (parameter === '' || creation === undefined) return '';
      const body = validBody(creation);
      const { json } = await send(creation, credentialsFor(creation), collection, { body });
      return String((json as Row)[parameter]);
    };
    const inject = (to: Route, where: string, name: string, text: string, id: string) => {
      const path = to.path.replace(/\{\w+\}/, encodeURIComponent(where === 'path' ? text : id));
      const query = where === 'query' ? `?${new URLSearchParams({ [name]: text }).toString()}` : '';
      const value = to.members[name]?.type === 'array' ? [text] : text;
      const body = { ...validBody(to), ...(where === 'body' && { [name]: value }) };
      const credentials = { ...credentialsFor(to), ...(CREDENTIALS.includes(name) && { [name]: text }) };
      return where === 'header'
        ? send(to, {}, path, { body, headers: asHeaders(credentials) })
        : send(to, credentials, `${path}${query}`, { body });
    };
    /** Checks that an accepted request did with the text what it should, and nothing else. */
    const check = (to: Route, name: string, text: string, json: unknown, list: Row[]) => {
      const { method, path, collection } = to;
      const { token, ...shown } = json as Row;
      if (!isRead(to)) {
        expect([{ ...shown, token }[name]].flat()).toEqual([text]);
        expect(list).toContainEqual(shown);
      } else if (collection === LIST) {
        const members = name === 'search' ? ['UserID', 'Name'] : [name];
        const found = list.filter((row) => members.some((member) => row[member] === text));
        expect(json).toEqual(found);
        if (found.length === 0) return;
      }
      const key = `${method} ${path} ${name}`;
      taken[key] = (taken[key] ?? 0) + 1;
    };

    expect(routes.length).toBeGreaterThan(ALL);
    // Reads come last, when there is something to find. Paths with two ids would need two things created.
    const inArea = routes
      .filter(({ path }) => (area === 'admin') === path.startsWith('/api/admin/'))
      .filter(({ path }) => path.split('{').length <= 2);
    for (const route of inArea.sort((a, b) => Number(isRead(a)) - Number(isRead(b)))) {
      for (const [where, name] of [
        ...route.parameters.map((parameter) => [parameter.in, parameter.name] as const),
        ...Object.keys(route.members).map((member) => ['body', member] as const),
        ...CREDENTIALS.flatMap((member) => [['credential', member] as const, ['header', member] as const]),
      ]) {
        const isCredential = CREDENTIALS.includes(name);
        // Credentials are read in one place before any route, so each route gets one of the texts.
        const texts = isCredential
          ? INJECTIONS.filter((_, n) => n === routes.indexOf(route) % ALL)
          : INJECTIONS;
        const answers = await Promise.all(
          texts.map(async (text) => inject(route, where, name, text, await idFor(route))),
        );
        const isAudit = route.path.startsWith(AUDIT); // long, and it lists nothing that was created
        const all = isAudit
          ? '[]'
          : (await service().callAs(credentialsFor(route), 'GET', listOf(route))).text;
        const list = JSON.parse(all) as Row[];
        const refused = name === 'contextname' ? /404$|NULL: [24]..$/ : /401$/;
        for (const [n, answer] of answers.entries()) {
          const { status, text } = answer;
          const injected = texts[n] ?? '';
          const what = `${route.method} ${route.path}, ${where} ${name} = ${injected}: ${status}`;
          expect(what).toMatch(isCredential ? refused : /(200|404|409|422)$/);
          const ours = INJECTIONS.map((each) => JSON.stringify(each).slice(1, -1));
          const own = ours.reduce((rest, each) => rest.replaceAll(each, ''), text);
          expect(own).not.toMatch(/select |insert |update |sqlite|mysql|mariadb|typeorm/i);
          if (!route.path.startsWith(AUDIT)) expect(own).not.toMatch(/[0-9a-f]{64}/); // like a token's hash
          if (/(body|query)/.test(where) && status === 200) check(route, name, injected, answer.json, list);
        }
      }
    }

    expect(taken).toMatchObject(expected);
    const after = await register();
    for (const [table, kept] of Object.entries(before)) {
      const now = new Set(after[table]?.map((row) => JSON.stringify(row)));
      expect(kept.filter((row) => !now.has(JSON.stringify(row)))).toEqual([]);
      if (table.endsWith('_versions')) continue; // not every update changes anything
      expect([table, after[table]?.length]).toEqual([table, rows[table]]);
    }
  });

  it('leaves no token in the database or the log', async () => {
    const rows = JSON.stringify(await dump(database().configuration));
    const log = service().log.join('');
    expect([rows.includes('sign_ins'), log.includes('ipdrcustomers')]).toEqual([true, true]);
    for (const said of [rows, log]) {
      expect(said).not.toContain(service().tokens.admin);
      expect(said).not.toContain(operator.credentials.api_token);
    }
  });
});
