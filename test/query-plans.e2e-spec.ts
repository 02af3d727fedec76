import { NO_TERMINAL } from '../src/ip-mappings/domain/ip-mapping.js';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { ContextId } from '../src/identity/domain/principal.js';
import { CustomerVersionRepository } from '../src/customers/application/customer-version.repository.js';
import { HeldAddresses } from '../src/ip-mappings/application/held-addresses.js';
import { IpMappingVersionRepository } from '../src/ip-mappings/application/ip-mapping-version.repository.js';
import { IpMappingRepository } from '../src/ip-mappings/application/ip-mapping.repository.js';
import { MappingFeed } from '../src/ip-mappings/application/mapping-feed.js';
import { IpAddress, IpNetwork } from '../src/ip-mappings/domain/ip-network.js';
import { Validity } from '../src/ip-mappings/domain/validity.js';
import type { Snapshot, Statement } from '../src/shared/database/database.js';
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

  /** The query plan of all that `work` runs, a line for each step. */
  async function plan(work: () => Promise<void>): Promise<string[]> {
    const { database: over } = service();
    const statements: Statement[] = [];
    const [query, snapshot] = [over.query.bind(over), over.snapshot.bind(over)];
    const recorded =
      (run: Snapshot['query']): Snapshot['query'] =>
      (sql, parameters) => {
        statements.push({ sql, parameters: [...parameters] });
        return run(sql, parameters);
      };
    jest.spyOn(over, 'query').mockImplementation(recorded(query));
    jest.spyOn(over, 'snapshot').mockImplementation(async () => {
      const opened = await snapshot();
      return {
        query: recorded((sql, parameters) => opened.query(sql, parameters)),
        close: () => opened.close(),
      };
    });
    await work();
    jest.restoreAllMocks();
    return withDataSource(database().configuration, async (dataSource) => {
      const steps: string[] = [];
      for (const { sql, parameters } of statements) {
        const explain = kind.name === 'SQLite' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN FORMAT=TRADITIONAL';
        for (const row of await dataSource.query<Step[]>(`${explain} ${sql}`, parameters)) {
          steps.push(row.detail ?? `${row.type} ${row.table} ${row.key} ${row.key_len}`);
        }
      }
      return steps;
    });
  }

  interface Step {
    /** SQLite sets this alone, MySQL the others. */
    detail?: string;
    type: string | null;
    table: string | null;
    key: string | null;
    /** How many bytes of the index are used. */
    key_len: string | null;
  }

  /** A step that reads a whole table or index. */
  const fullScan =
    kind.name === 'SQLite'
      ? /\bSCAN (customers|tokens|customer_versions|m|v|p|n|b)\b/
      : /^(ALL|index) (customers|t|customer_versions|m|v|p|n|b) /;

  it.each([
    ['for a customer', `${LIST}/filled-7`, /\bcustomers_user_id\b/],
    [
      'for a page deep in the list',
      `${LIST}?limit=100&after=aWQ6MTUwMDA`,
      /^range customers customers_id \d+$|customers_id \(context_id=\? AND id>\?\)/m,
    ],
    ['that searches UserIDs', `${LIST}?search=filled-1999`, /\bcustomers_user_id\b/],
    ['that searches names', `${LIST}?search=filled-1999`, /\bcustomers_name\b/],
    ['that searches e-mail addresses', `${LIST}?search=filled-1999`, /\bcustomers_email\b/],
    [
      'for a customer as of a moment',
      `${LIST}/filled-7?recorded_at=2000000000`,
      /\bcustomer_versions_user_id\b/,
    ],
    [
      'for the history of a customer',
      `${LIST}/filled-7/history`,
      /\bv (USING INDEX )?customer_versions_customer\b/,
    ],
    [
      'for the mappings of everyone who has had a UserID',
      `${LIST}/filled-7/mappings/history`,
      /\bcustomer_versions_user_id\b/,
    ],
    [
      'for the changes after a cursor',
      `${LIST}_changes?after=aWQ6MC4xNTAwMC4wLjA`,
      /\bcustomer_versions_feed\b/,
    ],
    ['that searches phone numbers', `${LIST}?search=filled-1999`, /\bcustomers_phone\b/],
  ])('%s uses an index', async (_what, path, index) => {
    const steps = await plan(async () => {
      expect((await service().call('GET', path)).status).toBe(200);
    });
    expect(steps.filter((step) => fullScan.test(step))).toEqual([]);
    expect(steps.join('\n')).toMatch(index);
  });

  describe('for holders', () => {
    let here: ContextId;
    const mappings = (): IpMappingRepository => service().app.get(IpMappingRepository);
    const holdings = (): HeldAddresses => service().app.get(HeldAddresses);
    const mappingVersions = (): IpMappingVersionRepository => service().app.get(IpMappingVersionRepository);
    const feed = (): MappingFeed => service().app.get(MappingFeed);
    const run = <T>(work: () => Promise<T>): Promise<T> => service().database.run(work);
    const ALWAYS = Validity.between(0, null);

    beforeAll(async () => {
      const sql = 'SELECT id FROM contexts WHERE name = ?';
      const [found] = await service().database.query<{ id: ContextId }>(sql, ['default']);
      here = found?.id as ContextId;
      await run(async () => {
        for (let n = 0; n < 2000; n++) {
          const network = IpNetwork.parse(`${n % 2 === 0 ? '10.0' : '2001:db8::10.0'}.${n >> 8}.${n & 255}`);
          const mapping = { customerId: n, network, validity: ALWAYS, terminalId: NO_TERMINAL, updatedAt: n };
          const id = Number((await mappings().insert(here, [mapping])).ids[0]);
          const by = { userName: '', tokenId: 0, tokenLabel: '', address: '', contextName: '' };
          const principal = { ...by, role: 'operator', scope: 'write', context: here } as const;
          await mappingVersions().insert(principal, 'created', [{ id, ...mapping }]);
        }
      });
    });

    /** The steps that read mappings or their versions. Sealing in the background adds others. */
    const ofMappings = (steps: string[]): string[] => steps.filter((step) => / [mv] /.test(step));
    /** A probe for each network start: two columns are equal, and the third one bounds the range. */
    const probes = (table: string): string =>
      kind.name === 'SQLite'
        ? `SEARCH m USING INDEX ${table}_network (context_id=? AND first_address=? AND last_address>?)`
        : `range m ${table}_network ${4 + 18 + 18}`;
    /** The same for several addresses at once. The third column is then filtered within the index. */
    const probesForEach = (table: string): string =>
      kind.name === 'SQLite' ? probes(table) : `ref m ${table}_network ${4 + 18}`;
    /** The networks that start inside a network. */
    const addresses =
      kind.name === 'SQLite'
        ? 'SEARCH m USING INDEX ip_mappings_network (context_id=? AND first_address>? AND first_address<?)'
        : `range m ip_mappings_network ${4 + 18}`;
    /** The versions of one mapping up to a time. */
    const versions =
      kind.name === 'SQLite'
        ? /^SEARCH n USING COVERING INDEX ip_mapping_versions_mapping \(mapping_id=\? AND recorded_at>\? AND recorded_at<\?\)/
        : /^ref n ip_mapping_versions_mapping 4$/;

    it.each(['10.0.3.14', '2001:db8::10.0.3.15', '255.255.255.255', 'ffff:ffff:ffff:ffff::'])(
      'of %s probes once for each network around it',
      async (text) => {
        const address = IpAddress.parse(text);
        const moment = { address, second: 7 };
        const now = await plan(async () => void (await holdings().holding(here, [moment])));
        expect(ofMappings(now)).toEqual([probesForEach('ip_mappings')]);
        const then = await plan(async () => void (await holdings().holding(here, [moment], 5000)));
        expect(ofMappings(then)).toEqual([probesForEach('ip_mapping_versions')]);
        expect(then.filter((step) => / n /.test(step))).toEqual([expect.stringMatching(versions)]);
        expect(then.filter((step) => fullScan.test(step))).toEqual([]);
        const history = await plan(async () => void (await holdings().historyOf(here, address, ALWAYS)));
        expect(ofMappings(history)).toEqual([probes('ip_mappings')]);
      },
    );

    it('of many addresses probes for all of them at once', async () => {
      const moments = Array.from({ length: 300 }, (_, n) => ({
        address: IpAddress.parse(`${n % 2 === 0 ? '10.0' : '2001:db8::10.0'}.${n >> 8}.${n & 255}`),
        second: 7,
      }));
      const steps = await plan(async () => void (await holdings().holding(here, moments)));
      expect(ofMappings(steps)).toEqual([probesForEach('ip_mappings'), probesForEach('ip_mappings')]);
      expect(steps.filter((step) => fullScan.test(step))).toEqual([]);
    });

    it('as of a moment probes once for each version', async () => {
      const versions = service().app.get(CustomerVersionRepository);
      const moments = [7, 8, 9].map((customerId) => ({ customerId, at: 5 }));
      const steps = await plan(async () => void (await versions.asOfEach(here, moments, 9)));
      const probe =
        kind.name === 'SQLite'
          ? 'SEARCH v USING INDEX customer_versions_customer (customer_id=? AND recorded_at=?)'
          : `eq_ref v customer_versions_customer ${4 + 8}`;
      expect(steps.filter((step) => / v /.test(step))).toEqual([probe]);
      expect(steps.filter((step) => fullScan.test(step))).toEqual([]);
    });

    it.each<{ what: string; read: () => Promise<unknown>; steps: { SQLite: RegExp[]; MySQL: RegExp[] } }>([
      {
        what: 'in a page of all mappings',
        read: () => mappings().page(here, undefined, 900, 100),
        steps: {
          SQLite: [/^SEARCH m USING INDEX ip_mappings_id \(context_id=\? AND id>\?\)$/],
          MySQL: [/^range m ip_mappings_id 8$/],
        },
      },
      {
        what: "in a page of a customer's mappings",
        read: () => mappings().page(here, 7, 5, 100),
        steps: {
          SQLite: [
            /^SEARCH m USING INDEX ip_mappings_customer \(context_id=\? AND customer_id=\? AND rowid>\?\)$/,
          ],
          MySQL: [/^range m ip_mappings_customer 12$/],
        },
      },
      {
        what: 'of a customer',
        read: () => run(() => mappings().ofCustomer(here, 7)),
        steps: {
          SQLite: [/^SEARCH m USING INDEX ip_mappings_customer \(context_id=\? AND customer_id=\?\)$/],
          MySQL: [/^ref m ip_mappings_customer 8$/],
        },
      },
      {
        what: 'by its id',
        read: () => mappings().find(here, 6, 7),
        steps: {
          SQLite: [/^SEARCH m USING INTEGER PRIMARY KEY \(rowid=\?\)$/],
          MySQL: [/^(const|ref) m (PRIMARY|ip_mappings_id) [48]$/],
        },
      },
      {
        what: 'after a cursor of the feed',
        read: () => feed().changes(here, { block: 1, id: 5 }, 9, 100),
        steps: {
          SQLite: [
            /^SEARCH v USING INDEX ip_mapping_versions_feed \(context_id=\? AND block=\? AND rowid>\?\)$/,
            /^SEARCH v USING INDEX ip_mapping_versions_feed \(context_id=\? AND block>\? AND block<\?\)$/,
          ],
          MySQL: [/^range v ip_mapping_versions_feed 17$/, /^range v ip_mapping_versions_feed 9$/],
        },
      },
    ])('$what seeks to its start in an index', async ({ read, steps: expectedSteps }) => {
      const steps = await plan(async () => void (await read()));
      const expected = kind.name === 'SQLite' ? expectedSteps.SQLite : expectedSteps.MySQL;
      expect(ofMappings(steps)).toEqual(expected.map((step) => expect.stringMatching(step)));
      expect(steps.filter((step) => fullScan.test(step))).toEqual([]);
    });

    it.each<{ what: string; mappingId: number | undefined; sqlite: string; bytes: number }>([
      { what: 'all their mappings', mappingId: undefined, sqlite: '', bytes: 4 + 4 },
      { what: 'one of their mappings', mappingId: 8, sqlite: ' AND mapping_id=?', bytes: 4 + 4 + 4 },
    ])('in the history of $what probes for each version and the one before it', async (scenario) => {
      const { mappingId, sqlite, bytes } = scenario;
      const steps = await plan(async () => {
        const found = await mappingVersions().history(here, [7, 8], mappingId, Number.MAX_SAFE_INTEGER, 100);
        expect(found).toHaveLength(mappingId === undefined ? 2 : 1);
      });
      const index = 'ip_mapping_versions_mapping';
      const expected =
        kind.name === 'SQLite'
          ? [
              `SEARCH m USING COVERING INDEX ip_mapping_versions_customer (context_id=? AND customer_id=?${sqlite}`,
              'SEARCH v USING INTEGER PRIMARY KEY (rowid=?)',
              `SEARCH p USING INDEX ${index} (mapping_id=? AND recorded_at=?)`,
              `SEARCH b USING COVERING INDEX ${index} (mapping_id=? AND recorded_at<?)`,
            ]
          : [
              `ref m ip_mapping_versions_customer ${bytes}`,
              'eq_ref v PRIMARY 8',
              `eq_ref p ${index} ${4 + 8}`,
              `ref b ${index} 4`,
            ];
      for (const step of expected) expect(steps).toContainEqual(expect.stringContaining(step));
      expect(steps.filter((step) => fullScan.test(step))).toEqual([]);
    });

    it.each<[string, index: string, () => AsyncGenerator<unknown>]>([
      [
        'in a list of all mappings',
        'ip_mappings_id',
        () => mappings().all(here, undefined, 0, async () => undefined),
      ],
      [
        "in a list of a customer's mappings",
        'ip_mappings_customer',
        () => mappings().all(here, 7, 0, async () => undefined),
      ],
      [
        'within a network',
        'ip_mappings_network',
        () => holdings().within(here, IpNetwork.parse('10.0.0.0/16'), ALWAYS),
      ],
      [
        'within an IPv6 network',
        'ip_mappings_network',
        () => holdings().within(here, IpNetwork.parse('2001:db8::/32'), ALWAYS),
      ],
    ])('%s reads batch by batch, each from where the previous one ended', async (_what, index, read) => {
      const steps = await plan(async () => {
        for await (const batch of read()) void batch;
      });
      const batch = kind.name === 'SQLite' ? `SEARCH m USING INDEX ${index} (` : `range m ${index} `;
      expect(ofMappings(steps).at(-1)).toContain(batch);
      expect(steps.filter((step) => fullScan.test(step))).toEqual([]);
      expect(steps.join('\n')).not.toMatch(/TEMP B-TREE FOR ORDER BY$|filesort/m);
    });

    it.each(['10.0.16.0/20', '2001:db8::10.0.16.0/116', '203.0.113.0/24', '2001:db8::10.0.99.0/127'])(
      'in conflict with %s probes for each network around it and reads those inside',
      async (text) => {
        const mapping = { customerId: 2000, network: IpNetwork.parse(text), validity: ALWAYS };
        const steps = await plan(async () => {
          expect(await run(() => mappings().conflicting(here, mapping))).toBeUndefined();
        });
        expect(ofMappings(steps)).toEqual([probes('ip_mappings'), addresses]);
      },
    );
  });
});
