import { beforeAll, describe, expect, it } from '@jest/globals';
import { auditTrail, sealNow, type Entry } from './support/audit.js';
import { START } from './support/audited.js';
import { newCaller, type Caller } from './support/callers.js';
import type { Answer } from './support/client.js';
import { pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { TestClock } from './support/test-clock.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const AUDIT = '/api/admin/audit';
const NDJSON = { accept: 'application/x-ndjson' };

describe.each(databaseKinds)('on $name, the audit trail', (kind) => {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: clock.adapt });
  let callers: Caller[];
  /** The callers' entries, the newest first. */
  let all: Entry[];

  /** Leaves out the entries about the test's own reads. */
  const ofCallers = (entries: readonly Entry[]): Entry[] =>
    entries.filter(({ user }) => callers.some(({ credentials }) => credentials.username === user));

  beforeAll(async () => {
    callers = [await newCaller(service()), await newCaller(service(), { token: { label: '=1+1' } })];
    const [first, second] = callers as [Caller, Caller];
    const shared = first.credentials.contextname;
    await service().admin('PATCH', `/api/admin/users/${second.credentials.username}`, {
      body: { contexts: [shared, second.credentials.contextname] },
    });
    // The clocks of instances differ: a later entry can have an earlier time.
    for (const milliseconds of [0, 1, 60_000, 999, 1000, 1000, 2000]) {
      clock.at = START + milliseconds;
      for (const caller of callers) {
        for (const contextname of new Set([shared, caller.credentials.contextname])) {
          await caller.call('GET', LIST, { body: { contextname } });
          for (const UserID of [
            'U1',
            'u1',
            '=1+1',
            '+1',
            '-1+1',
            '@x',
            "'=1",
            'a,"b"',
            'ü😀',
            'a\r\nb',
            '\tx',
          ]) {
            await caller.call('GET', pathOf(UserID), { body: { contextname } });
          }
        }
      }
    }
    await sealNow(service());
    all = ofCallers(await auditTrail(service()));
  });

  it('returns every entry, the newest first', () => {
    expect(all).toHaveLength(7 * 3 * 12);
    const places = all.map(({ at, id }) => ({ at, id }));
    const sorted = places.toSorted((a, b) => b.at.localeCompare(a.at) || b.id - a.id);
    expect(places).toEqual(sorted);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  const seconds = (at: string): number => Math.floor(Date.parse(at) / 1000);
  const second = seconds(new Date(START).toISOString());
  const FILTERS: Record<string, { value: () => string; applies: (entry: Entry, value: string) => boolean }> =
    {
      user: {
        value: () => callers[1]?.credentials.username ?? '',
        applies: ({ user }, value) => user === value,
      },
      context: {
        value: () => callers[0]?.credentials.contextname ?? '',
        applies: ({ context }, value) => context === value,
      },
      action: { value: () => 'customer.read', applies: ({ action }, value) => action === value },
      UserID: { value: () => 'U1', applies: ({ UserID }, value) => UserID === value },
      from: { value: () => String(second + 1), applies: ({ at }, value) => seconds(at) >= Number(value) },
      to: { value: () => String(second + 1), applies: ({ at }, value) => seconds(at) <= Number(value) },
    };
  const names = Object.keys(FILTERS);
  const combinations = Array.from({ length: 2 ** names.length }, (_, n) =>
    names.filter((_name, bit) => (n >> bit) & 1),
  );

  it('returns the entries that match each combination of filters', async () => {
    for (const given of combinations) {
      const query = new URLSearchParams(
        Object.fromEntries(given.map((name) => [name, FILTERS[name]?.value() ?? ''])),
      );
      const expected = all.filter((entry) =>
        given.every((name) => FILTERS[name]?.applies(entry, FILTERS[name].value())),
      );
      expect(expected.length).toBeGreaterThan(0);
      expect(expected.length < all.length).toBe(given.length > 0);
      const answered = ofCallers(await auditTrail(service(), query.toString()));
      expect([given, answered]).toEqual([given, expected]);
    }
  });

  it('takes context0 for default', async () => {
    await sealNow(service());
    const entries = await auditTrail(service(), 'context=default');
    expect(entries.length).toBeGreaterThan(0);
    const asked = await auditTrail(service(), 'context=context0');
    const before = asked.filter(({ id }) => id <= (entries[0]?.id ?? 0));
    expect(before).toEqual(entries);
  });

  it.each([
    ['from=2026-11-24T14:18:07%2B05:30', 'from=2026-11-24T08:48:07Z'],
    ['to=2026-11-24T14:18:07 05:30', 'to=2026-11-24T08:48:07Z'],
    ['UserID=u%CC%88%F0%9F%98%80', 'UserID=%C3%BC%F0%9F%98%80'],
  ])('takes %s for %s', async (query, same) => {
    const found = ofCallers(await auditTrail(service(), query.replaceAll(' ', '%20')));
    expect(found.length).toBeGreaterThan(0);
    expect(found).toEqual(ofCallers(await auditTrail(service(), same)));
  });

  it.each([
    'user=nobody',
    'context=nowhere',
    'UserID=nobody',
    'action=token.reset',
    'from=4000000000',
    'to=1',
  ])('returns nothing for %s', async (query) => {
    expect(await service().admin('GET', `${AUDIT}?${query}`)).toMatchObject({ status: 200, text: '[]' });
  });

  it.each([
    ['action=x', 'action'],
    ['action=', 'action'],
    ['from=yesterday', 'from'],
    ['from=2026-11-24', 'from'],
    ['to=-1', 'to'],
    ['limit=0', 'limit'],
    ['limit=10001', 'limit'],
    ['after=x', 'after'],
    [`after=${Buffer.from('id:5').toString('base64url')}`, 'after'],
    [`limit=5&after=${Buffer.from('id:5').toString('base64url')}`, 'after'],
    ['user=a&user=b', 'user'],
    ['UserId=a', 'UserId'],
    ['token=1', 'token'],
  ])('refuses %s and reports %s', async (query, field) => {
    const refusal = { status: 422, json: { code: 'validation_failed', errors: [{ field }] } };
    expect(await service().admin('GET', `${AUDIT}?${query}`)).toMatchObject(refusal);
  });

  it.each([1, 7, 36, 10_000])('returns the same entries in pages of %i', async (limit) => {
    const filter = `action=customer.read&UserID=U1`;
    const expected = await auditTrail(service(), filter);
    const pages: Entry[][] = [];
    for (let next: string | undefined = `${AUDIT}?${filter}&limit=${limit}`; next !== undefined;) {
      const answer: Answer = await service().admin('GET', next);
      pages.push(answer.json as Entry[]);
      next = /^<(.*)>; rel="next"$/.exec(String(answer.headers['link']))?.[1];
    }
    expect(pages.flat()).toEqual(expected);
    expect(pages).toHaveLength(Math.ceil(expected.length / limit));
    expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
  });

  it('continues after a page without a limit too', async () => {
    const filter = 'action=customers.listed';
    const expected = await auditTrail(service(), filter);
    const page = await service().admin('GET', `${AUDIT}?${filter}&limit=5`);
    const [, next = ''] = /<(.*)>/.exec(String(page.headers['link'])) ?? [];
    const rest = await service().admin('GET', next.replace('limit=5&', ''));
    expect([...(page.json as Entry[]), ...(rest.json as Entry[])]).toEqual(expected);
  });

  describe.each(['', '&limit=10000'])('with %j in the query,', (limit) => {
    const query = `action=customer.read${limit}`;

    it('is returned as lines of JSON', async () => {
      const { headers, text } = await service().admin('GET', `${AUDIT}?${query}`, { headers: NDJSON });
      expect(headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
      const lines = text.split('\n').slice(0, -1);
      expect(lines.map((line) => JSON.parse(line) as Entry)).toEqual(await auditTrail(service(), query));
    });

    it('is returned as CSV without formulas', async () => {
      const { headers, text } = await service().admin('GET', `${AUDIT}?${query}`, {
        headers: { accept: 'text/csv' },
      });
      expect(headers['content-type']).toBe('text/csv; charset=utf-8');
      const none = await service().admin('GET', `${AUDIT}?user=nobody`, { headers: { accept: 'text/csv' } });
      expect(none.text).toBe(text.slice(0, text.indexOf('\n') + 1));
      const entries = await auditTrail(service(), query);
      const [headings = [], ...rows] = parseCsv(text);
      expect(headings).toEqual(Object.keys(entries[0] ?? {}));
      const harmless = (cell: string): string =>
        cell !== '+1' && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
      const cells = entries.map(({ details, ...entry }) =>
        Object.entries({ ...entry, details: JSON.stringify(details), block: entry.block }).sort(
          ([a], [b]) => headings.indexOf(a) - headings.indexOf(b),
        ),
      );
      expect(rows).toEqual(cells.map((row) => row.map(([, value]) => harmless(String(value ?? '')))));
      const userIds = new Set(rows.map((row) => row[headings.indexOf('UserID')]));
      for (const cell of ["'=1+1", '+1', "'-1+1", "'@x", "'=1", "'\tx", 'a,"b"', 'a\r\nb']) {
        expect(userIds).toContain(cell);
      }
      expect(new Set(rows.map((row) => row[headings.indexOf('token')]))).toEqual(new Set(['', "'=1+1"]));
    });
  });

  it('returns thousands of entries, each once', async () => {
    const [caller] = callers as [Caller];
    const contextname = caller.credentials.contextname;
    for (let n = 0; n < 1300; n += 65) {
      await Promise.all(Array.from({ length: 65 }, (_, m) => caller.call('GET', pathOf(`many-${n + m}`))));
    }
    const entries = await auditTrail(service(), `context=${contextname}`);
    const many = entries.filter(({ UserID }) => UserID?.startsWith('many-'));
    expect(new Set(many.map(({ UserID }) => UserID)).size).toBe(1300);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
    const [{ details } = { details: {} }] = await auditTrail(service(), 'action=audit.read&limit=1');
    expect(details).toEqual({ filter: { context: contextname }, records: entries.length });
    for (const accept of ['text/csv', 'application/x-ndjson']) {
      const { text } = await service().admin('GET', `${AUDIT}?context=${contextname}`, {
        headers: { accept },
      });
      const answered = accept === 'text/csv' ? parseCsv(text).slice(1) : text.trim().split('\n');
      expect(answered).toHaveLength(entries.length);
    }
  });

  it('is readable by administrators alone, with a read-only token too', async () => {
    const routes = ['', '/head', '/verify', '/export'];
    const admin = await newCaller(service(), { role: 'admin', token: { scope: 'read' } });
    const [operator, reader] = [await newCaller(service()), await newCaller(service(), { role: 'reader' })];
    for (const route of routes) {
      expect((await admin.call('GET', AUDIT + route)).status).toBe(200);
      for (const caller of [operator, reader]) {
        const refusal = { status: 403, json: { code: 'role_forbidden' } };
        expect(await caller.call('GET', AUDIT + route)).toMatchObject(refusal);
      }
    }
  });
});

/** Splits CSV into cells, as RFC 4180 defines it. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (let rest = text; rest !== '';) {
    const [all, quoted, plain, end] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest) ?? [];
    if (all === undefined) throw new Error(`not CSV: ${rest}`);
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end !== ',') {
      rows.push(row);
      row = [];
    }
    rest = rest.slice(all.length);
  }
  return rows;
}
