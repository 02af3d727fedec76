import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auditTrail, exportTrail, sealNow, untilSealed, verify } from './support/audit.js';
import { newCaller } from './support/callers.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { describeOn } from './support/describe-on.js';
import { dump } from './support/dump.js';
import { NO_LIMITS, TestService } from './support/service.js';
import { useService } from './support/use-service.js';
import { withDataSource } from './support/with-data-source.js';

const LIST = '/api/ipdrcustomers';
const AUDIT = '/api/admin/audit';

describe.each(databaseKinds)('on $name, the service', (kind) => {
  const { service, database } = useService(kind);

  it('seals by itself and writes the block into each entry', async () => {
    const caller = await newCaller(service());
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 20 }, (_, n) => caller.call('GET', pathOf(`U${n}`))));
      await untilSealed(service());
    }
    const { block, hash, sealed_at } = (await service().admin('GET', `${AUDIT}/head`)).json as Record<
      string,
      unknown
    >;
    expect(block).toBeGreaterThanOrEqual(3);
    expect(Date.parse(String(sealed_at))).toBeGreaterThan(0);
    const verdict = await verify(service());
    expect(verdict).toMatchObject({
      intact: true,
      fault: null,
      blocks: block,
      purged: 0,
      head: { block, hash },
    });
    const blocks = new Set((await auditTrail(service(), 'action=customer.read')).map((entry) => entry.block));
    expect(blocks).not.toContain(null);
  });

  it('seals at most five hundred entries in a block', async () => {
    const row = `(${Date.now()}, 'customer.read', '{}', 'nonce')`;
    const rows = Array.from({ length: 2300 }, () => row).join(', ');
    await withDataSource(database().configuration, (dataSource) =>
      dataSource.query(`INSERT INTO audit_entries (at, action, details, nonce) VALUES ${rows}`),
    );
    await untilSealed(service());
    const sizes = (await exportTrail(service())).map(({ entries }) => entries.length);
    expect(Math.max(...sizes)).toBe(500);
    expect(await verify(service())).toMatchObject({ intact: true });
  });
});

describeOn('MySQL', 'when two instances run, the service', (kind) => {
  let database: TestDatabase;
  let services: TestService[];

  beforeAll(async () => {
    database = await kind.create();
    services = [
      await TestService.start(database, { env: NO_LIMITS }),
      await TestService.start(database, { env: NO_LIMITS }),
    ];
  });
  afterAll(async () => {
    for (const service of services) await service.stop();
    await database.drop();
  });

  it('seals every entry once in a single chain while both instances are busy', async () => {
    const [one] = services as [TestService];
    const caller = await newCaller(one);
    let sent = 0;
    const work = async (service: TestService, worker: string): Promise<void> => {
      for (let n = 0; n < 40; n++) {
        const UserID = `${worker}-${n}`;
        const statuses = [
          await service.callAs(caller.credentials, 'POST', LIST, { body: customer(UserID) }),
          await service.callAs(caller.credentials, 'GET', pathOf(UserID)),
          await service.callAs(caller.credentials, 'GET', `${LIST}?limit=3`),
        ].map(({ status }) => status);
        expect(statuses).toEqual([200, 200, 200]);
        sent += statuses.length;
      }
    };
    const workers = services.flatMap((service, s) => [0, 1, 2, 3].map((n) => work(service, `${s}-${n}`)));
    let isOver = false;
    const sealing = services.map((service) => sealWhile(service, () => !isOver));
    await Promise.all(workers).finally(() => (isOver = true));
    await Promise.all(sealing);
    for (const service of services) await untilSealed(service);

    const found = (await auditTrail(one, `user=${caller.credentials.username}`)).length;
    expect([sent, found]).toEqual([960, 960]);
    await untilSealed(one);
    const { audit_entries: entries = [], audit_blocks: rows = [] } = await dump(database.configuration);
    const blocks = (rows as { number: number; digests: Buffer }[]).filter(({ number }) => number > 0);
    const numbers = blocks.map(({ number }) => number);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(blocks.map((_, n) => n + 1));
    const digests = blocks.map(({ digests }) => digests.toString('hex'));
    const all = digests.flatMap((each) => each.match(/.{64}/g) ?? []);
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(entries.length);
    expect(await verify(one)).toMatchObject({ intact: true, fault: null, entries: entries.length });
    for (const service of services) {
      expect(
        service.log.filter((line) => line.includes('"level":40') || line.includes('"level":50')),
      ).toEqual([]);
    }
  });

  /** Has an instance seal without a pause, so that both often want to at the same moment. */
  async function sealWhile(service: TestService, isGoingOn: () => boolean): Promise<void> {
    while (isGoingOn()) await sealNow(service);
  }
});
