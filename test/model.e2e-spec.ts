import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newCaller, newContext, type Caller } from './support/callers.js';
import type { Answer, Call } from './support/client.js';
import { pathOf, type CustomerFields } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import {
  ContextModel,
  INVALID_EMAIL,
  tagOf,
  toCustomer,
  type Author,
  type Expected,
  type Filter,
  type Write,
} from './support/model.js';
import type { TestService } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const OPERATIONS = Number(process.env['MODEL_OPERATIONS'] ?? 600);
const SEED = Number(process.env['MODEL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** Long enough for slow machines. */
const TIMEOUT_MS = 120_000 + 30 * OPERATIONS;
/** With so many operations, every kind of outcome occurs. */
const MANY = 5000;
/** How often the whole register is compared with the model. */
const CHECKS = 3;
const NDJSON = 'application/x-ndjson';

/** They differ in case alone, are composed, or look like parts of a path. */
const USER_IDS = ['B68t19', 'b68t19', 'Zo\u00eb', 'a/b c%2F?', 'history', '\u{1f600}'];
/** New UserIDs after so many operations keep the histories short. */
const GENERATION = 1000;
/** How many of the latest keys are sent again. */
const KEYS = 50;
/** How many pages an operation reads. The checks read all. */
const MAX_PAGES = 3;

interface Step {
  readonly action:
    'create' | 'put' | 'patch' | 'delete' | 'again' | 'read' | 'as-of' | 'list' | 'history' | 'feed';
  /** The index of the user. */
  readonly who: number;
  /** The index of the context. */
  readonly where: number;
  readonly userId: string;
  readonly other: string;
  readonly fields: Omit<CustomerFields, 'UserID'>;
  /** The fields that a PATCH sends. */
  readonly some: readonly (keyof CustomerFields)[];
  readonly ifMatch: 'none' | 'right' | 'stale' | 'weak' | 'any' | 'several';
  readonly key: 'none' | 'new' | 'used';
  readonly list: 'all' | 'lines' | 'pages' | 'equal' | 'search' | 'since';
  /** How far the clock moves first, in ms. */
  readonly tick: number;
  /** Decides all other choices. */
  readonly choice: number;
}

const FIELDS = ['Name', 'Address', 'Email', 'PhoneNumber', 'AltPhoneNumber', 'UserID'] as const;

function steps(): Step[] {
  const userId = fc
    .tuple(fc.constantFrom(...USER_IDS), fc.boolean())
    .map(([text, isDecomposed]) => (isDecomposed ? text.normalize('NFD') : text));
  const step = fc.record<Step>({
    action: fc.constantFrom(
      'create',
      'create',
      'put',
      'put',
      'patch',
      'patch',
      'patch',
      'delete',
      'again',
      'again',
      'read',
      'as-of',
      'list',
      'history',
      'feed',
    ),
    who: fc.nat(1),
    where: fc.nat(1),
    userId,
    other: userId,
    fields: fc.record({
      Name: fc.constantFrom('Trisul', 'trisul', `O'Brien "\\" %_`, 'Z\u00fcrich \u{1f600}', 'B68', ' x ', ''),
      Address: fc.constantFrom(null, '', 'Chennai\nIndia', 'Partially Updated'),
      Email: fc.constantFrom(null, null, '', 'demo@gmail.com', 'Demo@gmail.com', INVALID_EMAIL),
      PhoneNumber: fc.constantFrom(null, '', '1234567890', '+91 (44) 1'),
      AltPhoneNumber: fc.constantFrom(null, '99'),
    }),
    some: fc.subarray([...FIELDS], { minLength: 1 }),
    ifMatch: fc.constantFrom('none', 'none', 'none', 'right', 'right', 'stale', 'weak', 'any', 'several'),
    key: fc.constantFrom('none', 'none', 'new', 'new', 'used'),
    list: fc.constantFrom('all', 'lines', 'pages', 'equal', 'search', 'since'),
    tick: fc.constantFrom(0, 0, 0, 1, 1, 2, 30, 30, 1000, -20),
    choice: fc.nat(1_000_000),
  });
  return fc.sample(step, { numRuns: OPERATIONS, seed: SEED }).map((drawn, n) => {
    const generation = Math.floor(n / GENERATION);
    const inGeneration = (text: string): string => (generation === 0 ? text : `${text} ${generation}`);
    return { ...drawn, userId: inGeneration(drawn.userId), other: inGeneration(drawn.other) };
  });
}

/** One of `all`, undefined if it is empty. */
function pick<T>(all: readonly T[], choice: number): T | undefined {
  return all[choice % all.length];
}

/** The cursor of the Link header, undefined on the last page. */
function cursorOf({ headers }: Answer): string | undefined {
  const [, after] = /[?&]after=([\w-]+)/.exec(String(headers['link'])) ?? [];
  return after;
}

function without(members: object, ...names: string[]): object {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));
}

/** Does each step to the register and to a model of it, and compares the answers. */
class Follower {
  readonly models: readonly ContextModel[];
  private readonly sent: { who: number; where: number; write: Write }[] = [];
  /** How much was read of each context's feed. */
  private readonly feeds = [0, 1].map(() => ({ count: 0, after: '' }));
  private readonly authors: readonly Author[];
  private keys = 0;

  constructor(
    private readonly service: TestService,
    private readonly clock: TestClock,
    private readonly callers: readonly Caller[],
    contexts: readonly string[],
  ) {
    this.models = contexts.map((name) => new ContextModel(name));
    this.authors = callers.map(({ credentials, tokenId }, n) => ({
      user: credentials.username,
      token_id: tokenId,
      token: `label ${n}`,
      address: '127.0.0.1',
    }));
  }

  async do(step: Step): Promise<void> {
    this.clock.at += step.tick;
    const { who, where, userId, choice } = step;
    const [model, author] = [this.model(where), this.author(who)];
    switch (step.action) {
      case 'create':
      case 'put':
      case 'patch':
      case 'delete':
        return this.write(who, where, this.toWrite(step));
      case 'again': {
        // The same request with its members in another order, sometimes with another condition.
        const again = pick(this.sent, choice);
        if (again === undefined) return;
        const { body } = again.write;
        const write = {
          ...again.write,
          ...(body && { body: Object.fromEntries(Object.entries(body).reverse()) }),
          ...(choice % 4 === 0 && again.write.method !== 'POST' && { ifMatch: '*' }),
        };
        return this.write(again.who, again.where, write);
      }
      case 'read': {
        const known = model.customers.get(userId.normalize('NFC'));
        const isKnown = choice % 3 === 0 && known !== undefined;
        const headers = isKnown ? { 'if-none-match': `W/${tagOf(known)}` } : {};
        const answer = await this.call(who, where, 'GET', pathOf(userId), { headers });
        const expected = model.read(author, userId, this.clock.at);
        if (isKnown) expect([answer.status, answer.text]).toEqual([304, '']);
        else check(answer, expected);
        return;
      }
      case 'as-of': {
        const around = pick(model.versions, choice)?.at ?? this.clock.at;
        const at = around + (choice % 5) - 2;
        const path = `${pathOf(userId)}?recorded_at=${new Date(at).toISOString()}`;
        const answer = await this.call(who, where, 'GET', path);
        check(answer, model.read(author, userId, this.clock.at, at));
        return;
      }
      case 'list':
        return this.list(step);
      case 'history':
        return this.history(who, where, userId, 1 + (choice % 20), MAX_PAGES);
      case 'feed':
        await this.follow(who, where, 1 + (choice % 20));
        return;
    }
  }

  /** Compares all lists, histories, feeds and audit entries. */
  async checkAll(): Promise<void> {
    this.clock.at += 1000;
    for (const where of [0, 1]) {
      await this.checkList(0, where);
      for (const userId of this.model(where).userIds) await this.history(1, where, userId, 500);
      // Sealing gives changes their place in the feed, so wait for the latest.
      while (this.feed(where).count < this.model(where).versions.length) {
        expect(await this.follow(0, where, 997, 20)).toBeGreaterThan(0);
      }
      expect(await this.follow(0, where, 997)).toBe(0);
      await this.checkEntries(this.model(where));
    }
    await this.checkChain();
  }

  private toWrite(step: Step): Write {
    const { action, userId, other, fields, some, choice } = step;
    const key = this.keyOf(step);
    const all = { ...fields, UserID: action === 'create' || choice % 3 > 0 ? userId : other };
    if (action === 'create') {
      const given = choice % 4 === 0 ? { Name: all.Name, UserID: all.UserID } : all;
      return { method: 'POST', body: given, ...key };
    }
    const ifMatch = this.tagsFor(step);
    const rest = { userId, ...(ifMatch !== undefined && { ifMatch }), ...key };
    if (action === 'put') return { method: 'PUT', body: all, ...rest };
    if (action === 'delete') return { method: 'DELETE', ...rest };
    const body = Object.fromEntries(some.map((field) => [field, all[field]])) as Partial<CustomerFields>;
    return { method: 'PATCH', body, ...rest };
  }

  private keyOf({ key, choice }: Step): { key?: string } {
    if (key === 'none') return {};
    const used = pick(this.sent, choice)?.write.key;
    return { key: key === 'used' && used !== undefined ? used : `key ${++this.keys}` };
  }

  private tagsFor({ ifMatch, where, userId, choice }: Step): string | undefined {
    const model = this.model(where);
    const known = model.customers.get(userId.normalize('NFC'));
    const right = known === undefined ? '"0-0"' : tagOf(known);
    const other = pick(model.versions, choice);
    const stale = other === undefined ? '"0-1"' : tagOf(other);
    return { none: undefined, right, stale, weak: `W/${right}`, any: '*', several: `${stale}, ${right}` }[
      ifMatch
    ];
  }

  private async write(who: number, where: number, write: Write): Promise<void> {
    const { method, userId, body, ifMatch, key } = write;
    if (key !== undefined) {
      this.sent.push({ who, where, write });
      if (this.sent.length > KEYS) this.sent.shift();
    }
    const path = userId === undefined ? '/api/ipdrcustomers' : pathOf(userId);
    const headers = {
      ...(ifMatch !== undefined && { 'if-match': ifMatch }),
      ...(key !== undefined && { 'idempotency-key': key }),
    };
    const answer = await this.call(who, where, method, path, { headers, ...(body && { body }) });
    const idGiven = (): number => (answer.json as { id: number }).id;
    check(answer, this.model(where).write(this.author(who), write, this.clock.at, idGiven));
  }

  private async list({ who, where, list, fields, choice }: Step): Promise<void> {
    const since = pick(this.model(where).versions, choice)?.at ?? 0;
    switch (list) {
      case 'all':
        return this.checkList(who, where);
      case 'lines':
        return this.checkList(who, where, { headers: { accept: NDJSON } });
      case 'pages':
        return this.pages(who, where, 1 + (choice % 3));
      case 'equal': {
        const { Email, PhoneNumber } = fields;
        if (Email === INVALID_EMAIL) return this.checkList(who, where, {}, {}, { PhoneNumber });
        return this.checkList(who, where, {}, Email === null ? {} : { Email }, { PhoneNumber });
      }
      case 'search':
        return this.checkList(who, where, {}, { search: pick(['B', 'T', 'DEMO', '1', 'b68'], choice) ?? '' });
      case 'since':
        return this.checkList(who, where, {}, { updated_since: new Date(since).toISOString() });
    }
  }

  private async checkList(
    who: number,
    where: number,
    call: Call = {},
    query: Record<string, string> = {},
    body: Partial<CustomerFields> = {},
  ): Promise<void> {
    const path = `/api/ipdrcustomers?${new URLSearchParams(query).toString()}`;
    const answer = await this.call(who, where, 'GET', path, { ...call, body });
    const { search, updated_since: since, ...equal } = query;
    const filter: Filter = {
      equal: { ...equal, ...body },
      ...(search !== undefined && { search }),
      ...(since !== undefined && { updatedSince: Date.parse(since) }),
    };
    const expected = this.model(where)
      .list(this.author(who), filter, { ...query, ...body }, this.clock.at)
      .map(({ id, fields }) => JSON.stringify(toCustomer(id, fields)));
    expect(answer.status).toBe(200);
    const isLines = call.headers?.['accept'] === NDJSON;
    expect(answer.text).toBe(
      isLines ? expected.map((line) => `${line}\n`).join('') : `[${expected.join(',')}]`,
    );
  }

  private async pages(who: number, where: number, limit: number): Promise<void> {
    let after: string | undefined;
    let last = 0;
    for (let page = 0; page === 0 || (after !== undefined && page < MAX_PAGES); page++) {
      const query = { limit: String(limit), ...(after !== undefined && { after }) };
      const path = `/api/ipdrcustomers?${new URLSearchParams(query).toString()}`;
      const answer = await this.call(who, where, 'GET', path);
      const expected = this.model(where).list(this.author(who), {}, query, this.clock.at, last, limit);
      expect(answer.text).toBe(JSON.stringify(expected.map(({ id, fields }) => toCustomer(id, fields))));
      last = expected.at(-1)?.id ?? last;
      after = cursorOf(answer);
      const rest = [...this.model(where).customers.values()].filter(({ id }) => id > last);
      expect(after !== undefined).toBe(rest.length > 0);
    }
  }

  /** Compares the history of a UserID page by page. */
  private async history(
    who: number,
    where: number,
    userId: string,
    limit: number,
    pages = Infinity,
  ): Promise<void> {
    const model = this.model(where);
    const expected = model.history(userId);
    let after: string | undefined;
    for (let page = 0; page === 0 || (after !== undefined && page < pages); page++) {
      const query = new URLSearchParams({ limit: String(limit), ...(after !== undefined && { after }) });
      const answer = await this.call(who, where, 'GET', `${pathOf(userId)}/history?${query.toString()}`);
      const records = expected.slice(page * limit, (page + 1) * limit).map(({ json }) => json);
      const details = { filter: Object.fromEntries(query), records: records.length };
      const { at } = this.clock;
      model.put(this.author(who), at, 'customer.history_read', userId.normalize('NFC'), details);
      if (expected.length === 0) check(answer, { status: 404, code: 'customer_not_found' });
      else expect(answer.text).toBe(JSON.stringify(records));
      after = cursorOf(answer);
      expect(after !== undefined).toBe((page + 1) * limit < expected.length);
    }
  }

  /** Reads the next changes of the feed. @returns how many they were */
  private async follow(who: number, where: number, limit: number, wait = 0): Promise<number> {
    const [model, feed] = [this.model(where), this.feed(where)];
    const query = new URLSearchParams({
      limit: String(limit),
      ...(wait > 0 && { wait: String(wait) }),
      ...(feed.after !== '' && { after: feed.after }),
    });
    const answer = await this.call(who, where, 'GET', `/api/ipdrcustomers_changes?${query.toString()}`);
    const changes = answer.json as { cursor: string }[];
    const expected = model.changes(feed.count).slice(0, changes.length);
    expect(changes.map((change) => without(change, 'cursor'))).toEqual(expected);
    if (changes.length > 0) {
      const { at } = this.clock;
      const details = { filter: Object.fromEntries(query), records: changes.length };
      model.put(this.author(who), at, 'customers.changes_read', null, details);
      expect(cursorOf(answer)).toBe(changes.at(-1)?.cursor);
    }
    feed.count += changes.length;
    feed.after = cursorOf(answer) ?? '';
    return changes.length;
  }

  private async checkEntries({ name, entries }: ContextModel): Promise<void> {
    const { text } = await this.service.admin('GET', `/api/admin/audit?context=${name}`, {
      headers: { accept: NDJSON },
    });
    const found = text
      .split('\n')
      .slice(0, -1)
      .map((line) => without(JSON.parse(line) as object, 'id', 'block'));
    // Newest first, then the last recorded. The test's clock sometimes goes back.
    const expected = entries.toReversed().sort((a, b) => Number(a.at < b.at) - Number(a.at > b.at));
    expect(found).toHaveLength(expected.length);
    for (const [n, entry] of found.entries()) {
      // Comparing texts is fast; only entries whose members are ordered differently need toEqual.
      if (JSON.stringify(entry) !== JSON.stringify(expected[n])) expect(entry).toEqual(expected[n]);
    }
  }

  private async checkChain(): Promise<void> {
    const recorded = this.models.reduce((sum, { entries }) => sum + entries.length, 0);
    await until(async () => {
      const { json } = await this.service.admin('GET', '/api/admin/audit/verify');
      expect(json).toMatchObject({ intact: true, fault: null, purged: 0 });
      return (json as { entries: number }).entries >= recorded; // unsealed entries are not counted
    });
  }

  private call(who: number, where: number, method: string, path: string, call?: Call): Promise<Answer> {
    const credentials = { ...this.callers[who]?.credentials, contextname: this.model(where).name };
    return this.service.callAs(credentials, method, path, call);
  }

  private model(where: number): ContextModel {
    return this.models[where] as ContextModel;
  }

  private author(who: number): Author {
    return this.authors[who] as Author;
  }

  private feed(where: number): { count: number; after: string } {
    return this.feeds[where] as { count: number; after: string };
  }
}

function check(answer: Answer, { status, text, code, etag, isReplayed = false }: Expected): void {
  expect([answer.status, answer.text]).toEqual([status, text ?? answer.text]);
  if (code !== undefined) expect(answer.json).toMatchObject({ status: 'ERROR', code });
  expect(answer.headers['etag']).toBe(etag);
  expect(answer.headers['idempotent-replayed']).toBe(isReplayed ? 'true' : undefined);
}

describe.each(databaseKinds)('the register on $name', (kind) => {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: clock.adapt });
  let follower: Follower;

  beforeAll(async () => {
    const contexts = [await newContext(service()), await newContext(service())];
    const callers = [0, 1].map((n) => newCaller(service(), { contexts, token: { label: `label ${n}` } }));
    follower = new Follower(service(), clock, await Promise.all(callers), contexts);
  });

  it(
    `agrees with a model of it after ${OPERATIONS} operations, MODEL_SEED=${SEED}`,
    async () => {
      const all = steps();
      for (const [n, step] of all.entries()) {
        try {
          await follower.do(step);
          if ((n + 1) % Math.ceil(all.length / CHECKS) === 0 || n + 1 === all.length)
            await follower.checkAll();
        } catch (error) {
          const what = `MODEL_SEED=${SEED} MODEL_OPERATIONS=${OPERATIONS}: operation ${n}, ${JSON.stringify(step)}`;
          throw new Error(`${what}\n${String(error)}`, { cause: error });
        }
      }
      // Enough operations succeeded: about a tenth of them adds a version to each context.
      for (const { versions } of follower.models) expect(versions.length).toBeGreaterThan(OPERATIONS / 40);
      if (OPERATIONS < MANY) return; // rare outcomes need not occur in a few hundred
      const entries = follower.models.flatMap((model) => [...model.entries]);
      for (const action of ['customer.deleted', 'customer.unchanged', 'answer.repeated']) {
        expect(entries.some((entry) => entry.action === action)).toBe(true);
      }
    },
    TIMEOUT_MS,
  );
});
