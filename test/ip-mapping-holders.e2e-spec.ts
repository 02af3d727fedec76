import { beforeEach, describe, expect, it } from '@jest/globals';
import { sealNow } from './support/audit.js';
import { databaseKinds } from './support/databases.js';
import { dump } from './support/dump.js';
import { expectRefused, useMappingService } from './support/mapping-service.js';
import { addCustomer, MAPPINGS, mappingPath, mappingsOf, type Mapping } from './support/mappings.js';
import type { Answer } from './support/service.js';

/** The last second of the year 9999. */
const LAST = 253_402_300_799;
/** The tables that keep mappings. */
const KEPT = ['ip_mappings', 'ip_mapping_versions', 'ip_mapping_guards'];

describe.each(databaseKinds)('on $name, the service', (kind) => {
  const { clock, service, database, start, caller, u1, u2, send, add, list } = useMappingService(kind);

  /** The list, the change feed and the tables of mappings. */
  const everything = async (): Promise<unknown[]> => {
    await sealNow(service());
    const tables = await dump(database().configuration);
    const feed = (await send('GET', '/api/ipdrcustomers_changes')).text;
    return [await list(), feed, ...KEPT.map((table) => tables[table])];
  };

  describe('given a reassignment,', () => {
    beforeEach(start);
    const reassign = (mapping: Mapping, body: object, query = '', headers = {}): Promise<Answer> =>
      caller().call('POST', `${mappingPath('U1', mapping)}/reassign${query}`, { body, headers });

    it.each([
      ['within the period', 199, 150],
      ['from its second second', 199, 101],
      ['from its last second', 199, '199'],
      ['from some time on with no end', null, 150],
      ['from the last second of all', null, LAST],
    ] as const)('reassigns %s, after a dry run that changes nothing', async (_when, endtime, starttime) => {
      const held = await add('U1', '192.168.1.25/16', 100, endtime);
      const from = Number(starttime);
      const { ipsubnet } = held;
      const expected = (isDryRun: boolean, id: number): object => ({
        dry_run: isDryRun,
        ended: { ...held, endtime: from - 1 },
        created: { id, ipdr_customer_id: u2(), ipsubnet, starttime: from, endtime, terminalid: '' },
        changes: [{ ipsubnet, starttime: from, endtime, from: 'U1', to: 'U2' }],
      });
      const before = await everything();
      const tried = await reassign(held, { UserID: 'U2', starttime }, '?dry_run=true');
      expect(tried).toMatchObject({ status: 200, text: JSON.stringify(expected(true, 0)) });
      expect(await everything()).toEqual(before);

      const done = await reassign(held, { UserID: 'U2', starttime }, '?dry_run=false');
      const { ended, created } = done.json as { ended: Mapping; created: Mapping };
      expect(created.id).toBeGreaterThan(held.id);
      expect(done).toMatchObject({ status: 200, text: JSON.stringify(expected(false, created.id)) });
      expect(await list()).toBe(JSON.stringify([ended, created]));
      expect((await send('GET', mappingPath('U2', created))).json).toEqual(created);
    });

    it('refuses one outside the period, to the holder itself or in conflict with another mapping', async () => {
      const ended = await add('U1', '10.0.0.0/24', 100, 199);
      const open = await add('U1', '172.16.0.1', 100);
      await add('U1', '10.0.0.7', 180, 180);
      const twin = await add('U1', '192.168.0.0/24', 100, 199);
      await add('U1', '192.168.0.0/24', 100, 149);
      const within = 'must be after the starttime of the mapping, and not after its endtime';
      const invalid = (field: string, message: string): object => ({
        status: 422,
        json: { code: 'validation_failed', errors: [{ field, message }] },
      });
      const overlap = 'Overlaps ipsubnet 10.0.0.7, starttime 180, endtime 180 of UserID : U1';
      const cases: [Mapping, object, object][] = [
        [ended, { UserID: 'U2', starttime: 0 }, invalid('starttime', within)],
        [ended, { UserID: 'U2', starttime: 100 }, invalid('starttime', within)],
        [ended, { UserID: 'U2', starttime: 200 }, invalid('starttime', within)],
        [open, { UserID: 'U2', starttime: 100 }, invalid('starttime', within)],
        [ended, { UserID: 'U1', starttime: 150 }, invalid('UserID', 'must not be the current holder')],
        [ended, { UserID: 'U2', starttime: -1 }, invalid('starttime', 'must not be negative')],
        [ended, { UserID: 'U2' }, invalid('starttime', 'is required; 0 = always')],
        [ended, { starttime: 150 }, invalid('UserID', 'is required')],
        [
          ended,
          { UserID: 'U2', starttime: 150, endtime: 160 },
          invalid('endtime', 'is unknown here; correct its spelling or leave it out'),
        ],
        [
          ended,
          { UserID: 'U2', starttime: 150 },
          { status: 409, json: { code: 'mapping_overlap', message: overlap } },
        ],
        [
          twin,
          { UserID: 'U2', starttime: 150 },
          {
            status: 409,
            json: { code: 'mapping_duplicate', message: 'Duplicate Mapping for UserID : U1' },
          },
        ],
      ];
      const before = await everything();
      for (const [mapping, body, refusal] of cases) {
        for (const query of ['', '?dry_run=true']) {
          expect(await reassign(mapping, body, query)).toMatchObject(refusal);
        }
      }
      for (const query of ['?dry_run=', '?dry_run=1', '?dry_run=True', '?dryrun=true']) {
        const answer = await reassign(open, { UserID: 'U2', starttime: 150 }, query);
        expect([query, answer.status]).toEqual([query, 422]);
      }
      expect(await everything()).toEqual(before);
    });

    it('requires the present version if If-Match is sent', async () => {
      const held = await add('U1', '10.0.0.0/24', 100, 199);
      const tag = String((await send('GET', mappingPath('U1', held))).headers['etag']);
      const body = { UserID: 'U2', starttime: 150 };
      const before = await everything();
      for (const [headers, status] of [
        [{ 'if-match': '"other"' }, 412],
        [{ 'if-match': 'W/"other"' }, 412],
        [{ 'if-none-match': tag }, 412],
        [{ 'if-match': 'x' }, 400],
      ] as const) {
        expect((await reassign(held, body, '?dry_run=true', headers)).status).toBe(status);
        expect((await reassign(held, body, '', headers)).status).toBe(status);
      }
      expect((await reassign(held, body, '?dry_run=true', { 'if-match': tag })).status).toBe(200);
      expect(await everything()).toEqual(before);
      expect((await reassign(held, body, '', { 'if-match': tag })).status).toBe(200);
      expect((await reassign(held, { ...body, starttime: 120 }, '', { 'if-match': tag })).status).toBe(412);
    });

    it('reassigns once under an Idempotency-Key, and never in a dry run', async () => {
      const held = await add('U1', '10.0.0.0/24', 100, 199);
      const body = { UserID: 'U2', starttime: 150 };
      const before = await everything();
      for (const [query, key] of [
        ['?dry_run=true', 'tried'],
        ['', 'done'],
      ] as const) {
        const headers = { 'idempotency-key': key };
        const first = await reassign(held, body, query, headers);
        expect(first.status).toBe(200);
        const after = await everything();
        if (key === 'tried') expect(after).toEqual(before);
        const again = await reassign(held, body, query, headers);
        expect(again).toMatchObject({ status: 200, text: first.text });
        expect(again.headers['idempotent-replayed']).toBe('true');
        expect(await everything()).toEqual(after);
        expect(await reassign(held, { ...body, starttime: 151 }, query, headers)).toMatchObject({
          status: 409,
          json: { code: 'idempotency_key_reused' },
        });
      }
    });

    it('answers dry runs under keys beside reads', async () => {
      const held = await add('U1', '10.0.0.0/24', 100, 199);
      const body = { UserID: 'U2', starttime: 150 };
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => [
          reassign(held, body, '?dry_run=true', { 'idempotency-key': `tried ${n}` }),
          send('GET', mappingPath('U1', held)),
        ]).flat(),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    });
  });

  describe('given a customer with mappings,', () => {
    beforeEach(start);

    it('keeps the mappings unchanged when the customer is renamed', async () => {
      const held = await add('U1', '10.0.0.1', 100);
      const [before] = await everything();
      const tag = (await send('GET', mappingPath('U1', held))).headers['etag'];
      expect((await send('PATCH', '/api/ipdrcustomers/U1', { UserID: 'new' })).status).toBe(200);
      expect(await list()).toBe(before);
      const answer = await send('GET', mappingPath('new', held));
      expect(answer).toMatchObject({ text: JSON.stringify(held), headers: { etag: tag } });
      expect((await send('GET', mappingPath('U1', held))).status).toBe(404);
      const versions = (await dump(database().configuration))['ip_mapping_versions'] as {
        mapping_id: number;
      }[];
      expect(versions.filter((version) => version.mapping_id === held.id)).toHaveLength(1);
    });

    it('ends present mappings, withdraws future ones and keeps past ones when the customer is deleted', async () => {
      const now = clock.at / 1000;
      const past = await add('U1', '10.0.0.1', 100, 199);
      const toTheEnd = await add('U1', '10.0.0.2', now - 1, now - 1);
      const open = await add('U1', '10.0.0.3', 0);
      const lasting = await add('U1', '10.0.0.4', now - 1, now + 1000);
      const toTheMoment = await add('U1', '10.0.0.5', 0, now);
      await add('U1', '10.0.0.6', now);
      await add('U1', '10.0.0.7', now + 1, now + 5);
      const others = await add('U2', '10.0.1.1', 0);
      expect((await send('DELETE', '/api/ipdrcustomers/U1')).status).toBe(200);
      const ended = [open, lasting, toTheMoment].map((each) => ({ ...each, endtime: now - 1 }));
      expect(await list()).toBe(JSON.stringify([past, toTheEnd, ...ended, others]));
      for (const path of [`${MAPPINGS}?UserID=U1`, mappingsOf('U1'), mappingPath('U1', open)]) {
        expect((await send('GET', path)).status).toBe(404);
      }
    });

    it('deletes a customer whose mappings become identical once ended', async () => {
      const now = clock.at / 1000;
      await add('U1', '10.0.0.1', 100);
      const latest = await add('U1', '10.0.0.1', 100, now + 1000);
      const [, ended] = [await add('U1', '10.0.0.2', 100), await add('U1', '10.0.0.2', 100, now - 1)];
      const [, open] = [await add('U1', '10.0.0.3', 100, now - 1), await add('U1', '10.0.0.3', 100)];
      expect((await send('DELETE', '/api/ipdrcustomers/U1')).status).toBe(200);
      const left = [{ ...latest, endtime: now - 1 }, ended, { ...open, endtime: now - 1 }];
      expect(await list()).toBe(JSON.stringify(left));
    });

    it('keeps the mappings unchanged when the deletion is refused', async () => {
      await add('U1', '10.0.0.1', 100);
      const before = await everything();
      const headers = { 'if-match': '"other"' };
      expect((await caller().call('DELETE', '/api/ipdrcustomers/U1', { headers })).status).toBe(412);
      expect(await everything()).toEqual(before);
    });

    it('does not give the mappings of a deleted customer to the next one with the same UserID', async () => {
      const held = await add('U1', '10.0.0.1', 100, 199);
      await send('DELETE', '/api/ipdrcustomers/U1');
      const again = await addCustomer(caller(), 'U1');
      expect(again).toBeGreaterThan(u1());
      expect((await send('GET', mappingsOf('U1'))).text).toBe('[]');
      for (const [method, path, body] of [
        ['GET', mappingPath('U1', held), {}],
        ['DELETE', mappingPath('U1', held), {}],
        ['PUT', `${MAPPINGS}/U1`, { terminalid: 'x' }],
        ['DELETE', `${MAPPINGS}/U1`, { id: held.id }],
      ] as const) {
        const answer = await send(method, path, body);
        expectRefused(answer, 404, 'mapping_not_found', 'IP Mapping not found');
      }
      // The former customer's mapping is in the way of the new one, as of any other.
      const answer = await send('POST', mappingsOf('U1'), { ipsubnet: '10.0.0.1', starttime: 0 });
      expect(answer).toMatchObject({ status: 409, json: { code: 'mapping_overlap' } });
      const next = await add('U1', '10.0.0.1', 200);
      expect(next.ipdr_customer_id).toBe(again);
      expect(await list()).toBe(JSON.stringify([held, next]));
    });
  });
});
