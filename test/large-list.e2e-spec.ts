import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { customer, toJson, type CustomerFields } from './support/customers.js';
import { databaseKinds, type TestDatabase } from './support/databases.js';
import { fillCustomers, filled } from './support/fill.js';
import { Program } from './support/program.js';
import { Reading } from './support/reading.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const MIB = 1024 * 1024;

/** Customers created over the API: more than a batch of a list. 100,000 take minutes. */
const CREATED = Number(process.env['LARGE_LIST'] ?? 1_500);
const AT_ONCE = 32;

/** A customer with all kinds of text, different for each number. */
function varied(n: number): CustomerFields {
  return customer(`C-${n}/${(n * 7919) % 10_007}@realm`, {
    Name: ['Asha', `O'Brien "${n}"`, 'Zoë 😀', '名前', ' \\ %_ '][n % 5] ?? '',
    Address: [null, '', `MG Road ${n}\nChennai\t600 001`, 'x'.repeat(n % 300)][n % 4] ?? null,
    Email: n % 3 === 0 ? null : `c${n}@exämple.in`,
    PhoneNumber: n % 7 === 0 ? '' : `+91 (44) ${n}`,
    AltPhoneNumber: n % 2 === 0 ? null : `${n}`,
  });
}

/** Compares long texts without printing them. */
function expectSame(actual: string, expected: string): void {
  if (actual === expected) return;
  const at = [...expected].findIndex((character, index) => character !== actual[index]);
  expect(actual.slice(Math.max(0, at - 50), at + 50)).toBe(expected.slice(Math.max(0, at - 50), at + 50));
  expect(actual).toHaveLength(expected.length);
}

describe.each(databaseKinds)('a list of the program on $name', (kind) => {
  let database: TestDatabase;
  let program: Program;
  /** The created customers as answered, by ascending id. */
  let created: string[];

  beforeAll(async () => {
    database = await kind.create();
    program = await Program.over(database, { RATE_LIMIT: '0' });
    const answers: { id: number; text: string }[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < CREATED) {
        const fields = varied(next++);
        const { status, text, json } = await program.call('POST', LIST, { body: fields });
        const { id } = json as { id: number };
        if (status !== 200 || text !== toJson(id, fields)) throw new Error(`created as ${text}`);
        answers.push({ id, text });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    created = answers.sort((a, b) => a.id - b.id).map(({ text }) => text);
  }, 600_000);
  afterAll(async () => {
    await program.stop();
    await database.drop();
  });

  it('holds exactly what POST answered', async () => {
    const { text } = await program.call('GET', LIST);
    expectSame(text, `[${created.join(',')}]`);
  });

  it('holds exactly what POST answered as NDJSON', async () => {
    const { text } = await program.call('GET', LIST, { headers: { accept: 'application/x-ndjson' } });
    expectSame(text, created.map((line) => `${line}\n`).join(''));
  });

  it('holds exactly what POST answered in pages of 10000', async () => {
    const pages: string[] = [];
    for (let path: string | undefined = `${LIST}?limit=10000`; path !== undefined;) {
      const { text, headers } = await program.call('GET', path);
      pages.push(text.slice(1, -1));
      path = /^<(.*)>; rel="next"$/.exec(String(headers['link']))?.[1];
    }
    expect(pages).toHaveLength(Math.ceil(CREATED / 10_000));
    expectSame(pages.join(','), created.join(','));
  });

  it('takes constant memory when read slowly and then at once', async () => {
    const COUNT = 150_000;
    const LIMIT = 96 * MIB; // a busy machine collects garbage late
    await fillCustomers(database.configuration, COUNT, 1000);
    const otherRequests = async (): Promise<void> => {
      for (let n = 0; n < 200; n++) await program.call('GET', `${LIST}/filled-${n}`);
    };
    await otherRequests();
    const atRest = program.memory('VmRSS');
    program.forgetPeak();
    const reading = new Reading(program, LIST);
    await reading.begun();
    await otherRequests(); // while most of the list is still to come
    const text = await reading.rest();
    expect(program.memory('VmHWM') - atRest).toBeLessThan(LIMIT);
    expect(text.length).toBeGreaterThan(1.5 * LIMIT);
    expect(text.split('"UserID":"filled-')).toHaveLength(COUNT + 1);
  });
});

describe.each(databaseKinds)('a long list on $name', (kind) => {
  const COUNT = 30_000;
  const { service, database } = useService(kind);
  /** What the snapshots behind the lists did. */
  const seen = { opened: 0, closed: 0, batches: 0 };

  beforeAll(async () => {
    await fillCustomers(database().configuration, COUNT, 1000); // more than all buffers hold
    const over = service().database;
    const open = over.snapshot.bind(over);
    jest.spyOn(over, 'snapshot').mockImplementation(async () => {
      const snapshot = await open();
      seen.opened++;
      return {
        query: (sql, parameters) => {
          seen.batches++;
          return snapshot.query(sql, parameters);
        },
        close: () => {
          seen.closed++;
          return snapshot.close();
        },
      };
    });
  });
  afterEach(() => {
    Object.assign(seen, { opened: 0, closed: 0, batches: 0 });
  });
  afterAll(() => {
    jest.restoreAllMocks();
  });

  /** Gives the service time to go on with what it should not. */
  const otherRequests = async (): Promise<void> => {
    for (let n = 0; n < 200; n++) await service().call('GET', `${LIST}/filled-${n}`);
  };

  it('begins before its last row is read, and is read no faster than the client takes it', async () => {
    const reading = new Reading(service(), LIST);
    await reading.begun();
    const first = seen.batches;
    await otherRequests();
    const later = seen.batches;
    const text = await reading.rest();
    expect(seen.batches).toBeGreaterThan(20);
    expect(first).toBeLessThan(seen.batches / 2);
    expect(later).toBeLessThan(seen.batches);
    expect(seen).toMatchObject({ opened: 1, closed: 1 });
    const list = JSON.parse(text) as ({ id: number } & CustomerFields)[];
    const firstId = list[0]?.id ?? 0;
    expectSame(
      text,
      `[${Array.from({ length: COUNT }, (_, n) => toJson(firstId + n, filled(n, 1000))).join(',')}]`,
    );
  });

  it('shows a single moment, whatever is written while it is read', async () => {
    const reading = new Reading(service(), LIST);
    await reading.begun();
    await service().call('POST', LIST, { body: customer('later') });
    await service().call('PATCH', `${LIST}/filled-${COUNT - 1}`, { body: { Name: 'Later' } });
    await service().call('DELETE', `${LIST}/filled-${COUNT - 2}`);
    const list = JSON.parse(await reading.rest()) as CustomerFields[];
    expect(list).toHaveLength(COUNT);
    expect(list.at(-1)).toMatchObject(filled(COUNT - 1, 1000));
    expect(list.at(-2)).toMatchObject(filled(COUNT - 2, 1000));
  });

  it('stops when its client disconnects', async () => {
    for (let n = 1; n <= 10; n++) {
      const reading = new Reading(service(), LIST);
      await reading.begun();
      reading.abandon();
      await until(() => seen.closed === n);
    }
    expect(seen.batches).toBeLessThan(10 * 20);
    expect((await service().call('GET', `${LIST}?UserID=filled-1`)).status).toBe(200);
  });

  it('keeps no other request waiting, however many clients are slow', async () => {
    const slow = Array.from({ length: 20 }, () => new Reading(service(), LIST));
    try {
      // Some of the lists may be refused, but each must be answered.
      await until(() => slow.every(({ status }) => status === 200 || status === 503));
      expect((await service().call('GET', `${LIST}?UserID=filled-1`)).status).toBe(200);
      expect((await service().call('GET', `${LIST}?limit=10`)).status).toBe(200);
      expect((await service().call('PATCH', `${LIST}/filled-1`, { body: { Name: 'N' } })).status).toBe(200);
    } finally {
      for (const reading of slow) reading.abandon();
    }
    await until(() => seen.closed === seen.opened);
  });
});
