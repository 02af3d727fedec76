import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { newCaller, newContext, type Caller } from './support/callers.js';
import type { Answer, Call } from './support/client.js';
import { databaseKinds } from './support/databases.js';
import { routesOf } from './support/routes.js';
import { useService } from './support/use-service.js';

const DOCUMENT = readFileSync('docs/rights.md', 'utf8');

/** A table of the document: for each row, the cell under each heading. */
function table(title: string): Map<string, Record<string, string>> {
  const [, section = ''] = DOCUMENT.split(`## ${title}\n`);
  const lines = (/(^\|.*\n)+/m.exec(section)?.[0] ?? '').trim().split('\n');
  const [headings = [], , ...rows] = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
  return new Map(
    rows.map(([name = '', ...cells]) => [
      name,
      Object.fromEntries(cells.map((cell, n) => [headings[n + 1] ?? '', cell])),
    ]),
  );
}

const ROUTES = table('Routes');
const CONTEXTS = table('Contexts');
const PUBLIC = [...(/Open to everyone.*\n.*/.exec(DOCUMENT)?.[0] ?? '').matchAll(/`([^`]+)`/g)].map(
  ([, route = '']) => route,
);

const ROLES = ['admin', 'operator', 'reader'] as const;
const CALLERS = ROLES.flatMap((role) => (['write', 'read'] as const).map((scope) => ({ role, scope })));

describe('the tables of docs/rights.md', () => {
  it('have a column for each role and scope, and a row for each state of a context', () => {
    const columns = CALLERS.map(({ role, scope }) => `${role}, ${scope}`);
    for (const row of ROUTES.values()) expect(Object.keys(row)).toEqual(columns);
    expect([...CONTEXTS.keys()]).toEqual(['granted', 'not granted', 'disabled', 'unknown']);
  });
});

describe.each(databaseKinds)('every route on $name', (kind) => {
  const { service } = useService(kind);

  const served = (): string[] => routesOf(service().app).map(({ method, path }) => `${method} ${path}`);
  const isPublic = (route: string): boolean => PUBLIC.includes(route) || route.startsWith('GET /api/docs');

  /** Calls a route with an id that nothing has and a body that creates nothing. */
  const send = (caller: Pick<Caller, 'call'>, route: string, call?: Call): Promise<Answer> => {
    const [method = '', path = ''] = route.split(' ');
    return caller.call(method, path.replace(/:\w+/, '999999'), call);
  };

  it('is documented', () => {
    const closed = served().filter((route) => !isPublic(route));
    expect([...ROUTES.keys()].sort()).toEqual(closed.sort());
    expect([...served(), 'GET /api/docs']).toEqual(expect.arrayContaining(PUBLIC));
  });

  it.each<[string, Call]>([
    ['nothing', { raw: '' }],
    ['no token', { raw: JSON.stringify({ username: 'admin', contextname: 'default' }) }],
    ['no token in the headers', { raw: '', headers: { 'x-username': 'admin' } }],
    ['an unknown token', { raw: JSON.stringify({ api_token: 'x'.repeat(41), username: 'admin' }) }],
  ])('is closed to a caller with %s, unless it is public', async (_what, call) => {
    for (const route of ROUTES.keys()) {
      const answer = await send(service(), route, call);
      expect([route, answer.status]).toEqual([route, 401]);
      expect(answer.json).toEqual({
        status: 'ERROR',
        code: 'invalid_token',
        message: 'Invalid API token',
        request_id: answer.headers['x-request-id'],
      });
    }
    for (const route of PUBLIC) expect((await send(service(), route, call)).status).toBe(200);
  });

  describe.each(CALLERS)('answers the role $role and scope $scope', ({ role, scope }) => {
    let caller: Caller;

    beforeAll(async () => {
      caller = await newCaller(service(), { role, token: { scope } });
    });

    const contextOf: Record<string, () => Promise<string>> = {
      granted: async () => caller.credentials.contextname,
      'not granted': () => newContext(service()),
      disabled: async () => {
        const name = await newContext(service());
        await service().admin('PATCH', `/api/admin/users/${caller.credentials.username}`, {
          body: { contexts: [caller.credentials.contextname, name] },
        });
        await service().admin('PATCH', `/api/admin/contexts/${name}`, { body: { enabled: false } });
        return name;
      },
      unknown: async () => 'ipdrr',
    };

    it.each([...CONTEXTS.keys()])('as documented, in a context that is %s', async (state) => {
      const contextname = await contextOf[state]?.();
      for (const [route, cells] of ROUTES) {
        const inContext = CONTEXTS.get(state)?.[columnOf(role, route)];
        const expected = inContext === 'yes' ? cells[`${role}, ${scope}`] : inContext;
        const answer = await send(caller, route, { body: { contextname } });
        const { status } = answer;
        const { code } = (status === 200 ? {} : answer.json) as { code?: string };
        const refused = status === 401 || status === 403 || code === 'context_not_found';
        expect([route, refused ? code : 'yes']).toEqual([route, expected]);
      }
    });
  });
});

/** A column of the table of contexts. */
function columnOf(role: string, route: string): string {
  const area = route.includes(' /api/admin/') ? '/api/admin' : 'customers';
  return `${role === 'admin' ? role : 'others'}, ${area}`;
}
