import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { databaseKinds } from './support/databases.js';
import { fillCustomers, fillVersions } from './support/fill.js';
import { useService } from './support/use-service.js';
import { withDataSource } from './support/with-data-source.js';

const LIST = '/api/ipdrcustomers';

describe.each(databaseKinds)('on $name, a request', (kind) => {
  const { service, database } = useService(kind);

  beforeAll(async () => {
    await fillCustomers(database().configuration, 20_000);
    await fillVersions(database().configuration);
  });

  /** How the database finds what `path` asks of it: a line for each step of each query, sign-in included. */
  async function plan(path: string): Promise<string[]> {
    const query = jest.spyOn(service().database, 'query');
    expect((await service().call('GET', path)).status).toBe(200);
    const statements = query.mock.calls.map(([sql, parameters]) => ({ sql, parameters: [...parameters] }));
    query.mockRestore();
    return withDataSource(database().configuration, async (dataSource) => {
      const steps: string[] = [];
      for (const { sql, parameters } of statements) {
        const explain = kind.name === 'SQLite' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN FORMAT=TRADITIONAL';
        for (const row of await dataSource.query<Step[]>(`${explain} ${sql}`, parameters)) {
          steps.push(row.detail ?? `${row.type} ${row.table} ${row.key}`);
        }
      }
      return steps;
    });
  }

  interface Step {
    /** SQLite's words. */
    detail?: string;
    /** MySQL's. */
    type: string | null;
    table: string | null;
    key: string | null;
  }

  const reads =
    kind.name === 'SQLite'
      ? /\bSCAN (customers|tokens|customer_versions|v|p|n|b)\b/
      : /^(ALL|index) (customers|t|customer_versions|v|p|n|b) /;

  it.each([
    ['for one customer', `${LIST}/filled-7`, /\bcustomers_user_id\b/],
    [
      'for a page, however deep',
      `${LIST}?limit=100&after=aWQ6MTUwMDA`,
      /^range customers customers_id$|customers_id \(context_id=\? AND id>\?\)/m,
    ],
    ['that searches', `${LIST}?search=filled-1999`, /\bcustomers_user_id\b/],
    ['that searches, by name too', `${LIST}?search=filled-1999`, /\bcustomers_name\b/],
    ['that searches, by e-mail too', `${LIST}?search=filled-1999`, /\bcustomers_email\b/],
    ['for one as of a moment', `${LIST}/filled-7?recorded_at=2000000000`, /\bcustomer_versions_user_id\b/],
    ['for the history of one', `${LIST}/filled-7/history`, /\bv (USING INDEX )?customer_versions_customer\b/],
    ['for the changes behind one', `${LIST}_changes?after=aWQ6MC4xNTAwMA`, /\bcustomer_versions_feed\b/],
    ['that searches, by phone number too', `${LIST}?search=filled-1999`, /\bcustomers_phone\b/],
  ])('%s finds what it wants by index', async (_what, path, index) => {
    const steps = await plan(path);
    expect(steps.filter((step) => reads.test(step))).toEqual([]);
    expect(steps.join('\n')).toMatch(index);
  });
});
