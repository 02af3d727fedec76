import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { sealNow, type Entry } from './support/audit.js';
import { asHeaders, newCaller, newContext, type Caller } from './support/callers.js';
import type { Answer, Call } from './support/client.js';
import { pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { Dice } from './support/dice.js';
import { DAY, Draws, type Query } from './support/draws.js';
import { LookupModel, type MappingRequest, type Expected, type Held } from './support/lookup-model.js';
import { mappingPath, MAPPINGS, mappingsOf, type Mapping } from './support/mappings.js';
import { withoutSealing, type TestService } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { useService } from './support/use-service.js';

/** The number of changes, and the least number of look-ups. `npm run test:faults` does more. */
const CHANGES = Number(process.env['LOOKUP_MODEL_CHANGES'] ?? 150);
const SEED = Number(process.env['LOOKUP_MODEL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** Enough for slower machines too. */
const TIMEOUT_MS = 120_000 + 60 * CHANGES;
const LOOKUP = '/api/ipdrlookup';

/** The changes of a step, before the look-ups. */
const ROUND = 20;
/** The size of each batch at the end: more than the database is asked at once. */
const MANY = Math.max(200, Math.ceil(CHANGES / 12));
/** The audit actions of changes, effective or not. Other specs test those of reads and refusals. */
const ACTS = /^(customer|mapping)\.(created|updated|unchanged|deleted|reassignment_tried)$/;
const RARE = ['customer_exists', 'mapping_overlap', 'mapping_duplicate', 'mapping_ambiguous'];

interface FedChange {
  readonly cursor: string;
  readonly at: string;
  readonly change: string;
  readonly customer?: { readonly id: number };
  readonly mapping?: Mapping;
}

/** Changes the register at random, looks up who held what, and compares both with a model. */
class Follower {
  readonly models: readonly LookupModel[];
  private readonly dice = new Dice(SEED);
  private readonly draws: Draws;
  /** What was read of each context's feed, and where it continues. */
  private readonly feeds = [0, 1].map(() => ({ found: [] as FedChange[], after: '' }));
  /** Describes the last request. */
  last = '';
  lookUps = 0;
  /** How many look-ups found a holder, and how many a deleted one. */
  named = { holders: 0, gone: 0 };
  /** How often each answer was given to a change. */
  readonly outcomes = new Map<string, number>();

  constructor(
    private readonly service: TestService,
    private readonly clock: TestClock,
    private readonly caller: Caller,
    private readonly contexts: readonly string[],
  ) {
    this.models = contexts.map(() => new LookupModel());
    this.draws = new Draws(this.dice, clock, this.models);
  }

  /** Whether every rare refusal was given. */
  get hasMetAll(): boolean {
    return RARE.every((code) => this.outcomes.has(code));
  }

  get changes(): number {
    return this.models.reduce((sum, { changes }) => sum + changes, 0);
  }

  async change(): Promise<void> {
    this.clock.at += this.dice.pick([0, 0, 0, 0, 1, 1, 2, 30, 400, 1000, 1000, 5000, 60_000]);
    if (this.dice.isLucky(0.02)) this.clock.at += this.dice.pick([-20, -20, -90_000, 3600_000, DAY * 1000]);
    const where = this.dice.isLucky(0.2) ? 1 : 0;
    const roll = this.dice.below(100);
    if (roll < 12) return this.createCustomer(where);
    if (roll < 20) return this.changeCustomer(where);
    if (roll < 24) return this.deleteCustomer(where);
    if (roll < 56) return this.assign(where);
    if (roll < 74) return this.changeMapping(where);
    if (roll < 80) return this.deleteMapping(where);
    return this.reassign(where);
  }

  /** Seals the changes, reads them in the feed and looks up in every way. */
  async lookUp(): Promise<void> {
    await this.follow();
    await this.lookUpOne(this.draws.where());
    await this.lookUpMany(this.draws.where(), 9, 'json');
    await this.lookUpMany(this.draws.where(), 9, 'csv');
    await this.history(this.draws.where());
  }

  /** Looks up large batches and compares all mappings. */
  async checkAll(): Promise<void> {
    await this.follow();
    for (const where of [0, 1]) {
      await this.checkActs(where);
      const list = await this.call(where, 'GET', MAPPINGS);
      expect(list.text).toBe(this.model(where).list());
    }
    await this.lookUpMany(0, MANY, 'json', false);
    await this.lookUpMany(0, MANY, 'json', true);
    await this.lookUpMany(0, MANY, 'csv', true);
    while (this.lookUps < CHANGES) await this.lookUpMany(this.draws.where(), ROUND, 'csv');
  }

  private async createCustomer(where: number): Promise<void> {
    const body = { ...this.draws.someFields(), UserID: this.draws.aUserId() };
    const answer = await this.call(where, 'POST', '/api/ipdrcustomers', { body });
    this.check(
      answer,
      this.model(where).createCustomer(body, this.clock.at, () => idOf(answer)),
    );
  }

  /** Gives a third of them another name. */
  private async changeCustomer(where: number): Promise<void> {
    const userId = this.draws.aKnownUserId(where);
    const { Name, ...others } = this.draws.someFields();
    const body = this.dice.pick([{ Name }, others, { UserID: this.draws.aUserId() }]);
    const answer = await this.call(where, 'PATCH', pathOf(userId), { body });
    this.check(answer, this.model(where).changeCustomer(userId, body, this.clock.at));
  }

  private async deleteCustomer(where: number): Promise<void> {
    const userId = this.draws.aKnownUserId(where);
    const answer = await this.call(where, 'DELETE', pathOf(userId));
    this.check(answer, this.model(where).deleteCustomer(userId, this.clock.at));
  }

  private async assign(where: number): Promise<void> {
    const again = this.dice.isLucky(0.1) ? this.model(where).changeable.at(-1) : undefined;
    const userId = again?.userId ?? this.draws.aKnownUserId(where);
    const start = this.draws.aStart(where);
    const asked: MappingRequest = {
      network: this.draws.aNetwork(where),
      start,
      end: this.draws.anEnd(where, start),
      terminalId: this.draws.aTerminalId(),
      ...again?.mapping,
      ...(again !== undefined &&
        this.dice.isLucky(0.5) && { end: this.draws.anEnd(where, again.mapping.start) }),
    };
    const body = toBody(asked);
    const answer = this.dice.isLucky(0.5)
      ? await this.call(where, 'POST', MAPPINGS, { body: { ...body, UserID: userId } })
      : await this.call(where, 'POST', mappingsOf(userId), { body });
    this.check(
      answer,
      this.model(where).assign(userId, asked, this.clock.at, () => idOf(answer)),
    );
  }

  private async changeMapping(where: number): Promise<void> {
    const { userId, id, start } = this.draws.aMapping(where);
    const ended = { end: Math.max(start, this.draws.now + this.dice.pick([-2, -1, 0, 1, 60])) };
    const changes: Partial<MappingRequest> = this.dice.pick([
      ended,
      ended,
      { end: this.draws.anEnd(where, start) },
      { start: this.draws.aStart(where) },
      { network: this.draws.aNetwork(where) },
      { terminalId: this.draws.aTerminalId() },
      {
        network: this.draws.aNetwork(where),
        start: this.draws.aStart(where),
        end: this.draws.anEnd(where, this.draws.now),
      },
    ]);
    await this.act(where, userId, id, { PUT: 'PUT', PATCH: 'PATCH' }, toBody(changes), (given) =>
      this.model(where).changeMapping(userId, given, changes, this.clock.at),
    );
  }

  private async deleteMapping(where: number): Promise<void> {
    const { userId, id } = this.draws.aMapping(where);
    await this.act(where, userId, id, { PUT: 'DELETE', PATCH: 'DELETE' }, {}, (given) =>
      this.model(where).deleteMapping(userId, given, this.clock.at),
    );
  }

  /** Sends a request about a mapping by its own path or in the form of existing clients, with or without its id. */
  private async act(
    where: number,
    userId: string,
    id: number,
    { PUT, PATCH }: { PUT: string; PATCH: string },
    body: object,
    expected: (given: number | undefined) => Expected,
  ): Promise<void> {
    const form = this.dice.pick(['own', 'own', 'id', 'id', 'only']);
    const given = form === 'only' ? undefined : id;
    const answer =
      form === 'own'
        ? await this.call(where, PATCH, mappingPath(userId, { id }), { body })
        : await this.call(where, PUT, `${MAPPINGS}/${encodeURIComponent(userId)}`, {
            body: { ...body, ...(given === undefined ? {} : { id: given }) },
          });
    this.check(answer, expected(given));
  }

  private async reassign(where: number): Promise<void> {
    const { userId, id, start, end } = this.draws.aMapping(where);
    const next = this.draws.aKnownUserId(where);
    const { now } = this.draws;
    const isNow = start < now && now <= (end ?? now);
    const from = this.dice.pick([...(isNow ? [now, now, now] : []), start + 1, end ?? now + 60, start]);
    const isDryRun = this.dice.isLucky(0.2);
    const path = `${mappingPath(userId, { id })}/reassign${isDryRun ? '?dry_run=true' : ''}`;
    const answer = await this.call(where, 'POST', path, { body: { UserID: next, starttime: from } });
    const given = (): number => idOf(answer);
    const model = this.model(where);
    this.check(answer, model.reassign(userId, id, next, from, this.clock.at, isDryRun, given));
  }

  private async lookUpOne(where: number): Promise<void> {
    const recordedAt = this.draws.aRecordedAt(where);
    const query = this.draws.aQuery(where, recordedAt);
    const { ip, time } = query;
    const asked = { ip, ...(time !== null && { time }), ...toRecordedAt(recordedAt) };
    const inUrl = new URLSearchParams(
      Object.entries(asked).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const answer = await this.dice.pick([
      () => this.call(where, 'GET', `${LOOKUP}?${inUrl.toString()}`),
      () => this.call(where, 'GET', LOOKUP, { body: asked }),
      () => this.call(where, 'POST', LOOKUP, { body: asked }),
    ])();
    expect(answer.json).toEqual(this.answerTo(where, query, recordedAt));
    expect(answer.text).toBe(JSON.stringify(answer.json));
  }

  private async lookUpMany(
    where: number,
    count: number,
    form: 'json' | 'csv',
    isPast = this.dice.isLucky(0.6),
  ): Promise<void> {
    const recordedAt = isPast ? this.draws.aRecordedAt(where) : undefined;
    const queries = Array.from({ length: count }, () => this.draws.aQuery(where, recordedAt));
    const expected = queries.map((query) => this.answerTo(where, query, recordedAt));
    const found =
      form === 'json'
        ? await this.askInJson(where, queries, recordedAt)
        : await this.askInCsv(where, queries, recordedAt);
    expect(found).toHaveLength(count);
    const toForm =
      form === 'json' ? JSON.stringify : (answer: object): string => JSON.stringify(toCells(answer as never));
    for (const [n, answer] of expected.entries()) {
      if (toForm(answer) === JSON.stringify(found[n])) continue;
      this.last += `, query ${n}: ${JSON.stringify(queries[n], asText)}`;
      expect(JSON.stringify(found[n])).toBe(toForm(answer));
    }
  }

  private async askInJson(where: number, queries: readonly Query[], recordedAt?: number): Promise<unknown[]> {
    const sent = queries.map(({ ip, time }) => ({ ip, ...(time !== null && { time }) }));
    const body = { queries: sent, ...toRecordedAt(recordedAt) };
    const { status, text } = await this.call(where, 'POST', LOOKUP, { body });
    expect([status, text]).toEqual([200, expect.stringMatching(/^\{"results":\[/)]);
    return (JSON.parse(text) as { results: unknown[] }).results;
  }

  private async askInCsv(where: number, queries: readonly Query[], recordedAt?: number): Promise<unknown[]> {
    const lines = queries.map(({ ip, time, second }) => `${ip},${time ?? second}\n`);
    const query = new URLSearchParams(toRecordedAt(recordedAt)).toString();
    const answer = await this.call(where, 'POST', `${LOOKUP}?${query}`, {
      raw: `ip,time\n${lines.join('')}`,
      headers: {
        'content-type': 'text/csv',
        ...asHeaders({ ...this.caller.credentials, contextname: this.contexts[where] as string }),
      },
    });
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    return parse(answer.text, { fromLine: 2 });
  }

  private async history(where: number): Promise<void> {
    const { ip, address } = this.draws.aQuery(where);
    const from = this.dice.isLucky(0.5) ? this.draws.aQuery(where).second : undefined;
    const until = this.dice.isLucky(0.5)
      ? (from ?? this.draws.now) + this.dice.pick([0, 1, 60, DAY])
      : undefined;
    const query = new URLSearchParams({
      ip,
      ...(from !== undefined && { from: String(from) }),
      ...(until !== undefined && { to: String(until) }),
    });
    const answer = await this.call(where, 'GET', `${LOOKUP}/history?${query.toString()}`);
    const expected = this.model(where).history(address, from ?? 0, until ?? Infinity);
    expect(answer.json).toEqual(expected);
    expect(answer.text).toBe(JSON.stringify(expected));
  }

  /** Continues the change feeds, in pages of any size. */
  private async follow(): Promise<void> {
    await sealNow(this.service);
    for (const [where, feed] of this.feeds.entries()) {
      const limit = this.dice.pick([1, 2, 5, 1000]);
      for (let isOver = false; !isOver;) {
        const path = `/api/ipdrcustomers_changes?limit=${limit}${feed.after}`;
        const page = (await this.call(where, 'GET', path)).json as FedChange[];
        feed.found.push(...page);
        const last = page.at(-1);
        if (last !== undefined) feed.after = `&after=${last.cursor}`;
        isOver = page.length < limit;
      }
      const changes = this.model(where).feed.map(({ at, ...change }) => ({
        ...change,
        at: new Date(at).toISOString(),
      }));
      for (const kind of ['customer', 'mapping'] as const) {
        const found = feed.found.filter((change) => change[kind] !== undefined);
        const expected = changes.filter((change) => change[kind] !== undefined);
        expect(found).toEqual(expected.map((change) => ({ ...change, cursor: expect.any(String) })));
      }
      this.checkOrder(feed.found);
    }
  }

  /** A mapping appears after its customer's creation and before its deletion. */
  private checkOrder(found: readonly FedChange[]): void {
    const there = new Set<number>();
    for (const { change, customer, mapping } of found) {
      if (customer === undefined) expect(there).toContain(mapping?.ipdr_customer_id);
      else if (change === 'deleted') there.delete(customer.id);
      else there.add(customer.id);
    }
  }

  /** Compares the audit entries of changes. */
  private async checkActs(where: number): Promise<void> {
    const path = `/api/admin/audit?context=${this.contexts[where]}`;
    const { text } = await this.service.admin('GET', path, { headers: { accept: 'application/x-ndjson' } });
    const found = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Entry)
      .filter(({ action }) => ACTS.test(action))
      .sort((a, b) => a.id - b.id)
      .map(({ action, UserID, details }) => ({ action, UserID, details }));
    expect(found).toEqual(this.model(where).acts);
  }

  private answerTo(where: number, { ip, address, second }: Query, recordedAt?: number): object {
    const held = this.model(where).lookUp(address, second, recordedAt);
    this.lookUps++;
    if (held.holder !== null) this.named.holders++;
    if (held.holder !== null && 'deleted' in held.holder) this.named.gone++;
    return { ip, time: second, ...held };
  }

  private check(answer: Answer, { status, text, code, etag, messages, errors }: Expected): void {
    expect([answer.status, answer.text]).toEqual([status, text ?? answer.text]);
    const outcome = code ?? String(status);
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    expect(answer.headers['etag']).toBe(etag);
    if (code === undefined) return;
    const error = answer.json as { code: string; message: string; errors?: object[] };
    expect(error.code).toBe(code);
    if (messages !== undefined) expect(messages).toContain(error.message);
    if (errors !== undefined) expect(error.errors).toMatchObject(errors);
  }

  private call(where: number, method: string, path: string, call: Call = {}): Promise<Answer> {
    const contextname = this.contexts[where] as string;
    this.last = `at ${this.clock.at} in ${where}: ${method} ${path} ${JSON.stringify(call.body ?? {})}`;
    return this.service.callAs({ ...this.caller.credentials, contextname }, method, path, call);
  }

  private model(where: number): LookupModel {
    return this.models[where] as LookupModel;
  }
}

function toBody({ network, start, end, terminalId }: Partial<MappingRequest>): object {
  return {
    ...(network !== undefined && { ipsubnet: network.text }),
    ...(start !== undefined && { starttime: start }),
    ...(end !== undefined && { endtime: end }),
    ...(terminalId !== undefined && { terminalid: terminalId }),
  };
}

function toRecordedAt(recordedAt: number | undefined): { recorded_at?: string } {
  return recordedAt === undefined ? {} : { recorded_at: new Date(recordedAt).toISOString() };
}

/** Of what a request made. */
function idOf({ status, text, json }: Answer): number {
  if (status !== 200) throw new Error(`nothing was made: ${text}`);
  const { id, created } = json as { id: number; created?: { id: number } };
  return created?.id ?? id;
}

/** An answer as the cells of a line of CSV. */
function toCells({ ip, time, holder, mapping }: Held & { ip: string; time: number }): string[] {
  const { UserID, Name, Address, Email, PhoneNumber, AltPhoneNumber, deleted } = { ...holder } as Record<
    string,
    unknown
  >;
  const { id, ipdr_customer_id, ipsubnet, starttime, endtime, terminalid } = { ...mapping } as Record<
    string,
    unknown
  >;
  const cells = [
    ip,
    time,
    UserID,
    Name,
    Address,
    Email,
    PhoneNumber,
    AltPhoneNumber,
    deleted,
    id,
    ipdr_customer_id,
    ipsubnet,
    starttime,
    endtime,
    terminalid,
    '',
  ];
  return cells.map((cell) => `${(cell ?? '') as string | number | boolean}`);
}

function asText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString(16) : value;
}

describe.each(databaseKinds)('on $name', (kind) => {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: (builder) => withoutSealing(clock.adapt(builder)) });
  let follower: Follower;

  beforeAll(async () => {
    const contexts = [await newContext(service()), await newContext(service())];
    follower = new Follower(service(), clock, await newCaller(service(), { contexts }), contexts);
  });

  it(
    `${CHANGES} look-ups at least, amid as many changes, are answered as a model of the register says`,
    async () => {
      try {
        // Rare refusals need more changes, so make more until each was given.
        const isOver = (): boolean => follower.changes >= CHANGES && follower.hasMetAll;
        for (let n = 0; !isOver() && n < 20 * CHANGES; n++) {
          await follower.change();
          if (n % ROUND === ROUND - 1) await follower.lookUp();
        }
        await follower.checkAll();
      } catch (error) {
        const what = `LOOKUP_MODEL_SEED=${SEED} LOOKUP_MODEL_CHANGES=${CHANGES}: ${follower.last}`;
        throw new Error(`${what}\n${String(error)}`, { cause: error });
      }
      // The look-ups are not all misses.
      expect([...follower.outcomes.keys()]).toEqual(expect.arrayContaining(RARE));
      expect(follower.named.holders).toBeGreaterThan(follower.lookUps / 10);
      expect(follower.named.gone).toBeGreaterThan(follower.lookUps / (CHANGES < 1000 ? 200 : 40));
    },
    TIMEOUT_MS,
  );
});
