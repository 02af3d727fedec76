import { expect } from '@jest/globals';
import type { DataSource } from 'typeorm';
import type { DatabaseConfiguration } from '../../src/shared/config/configuration.js';
import { KINDS, type Attempt, type MappingJson } from './mapping-race.js';
import { withDataSource } from './with-data-source.js';

// Determines overlaps from the contract alone, independently of src.

/** Addresses and seconds, all inclusive. */
interface Held {
  readonly first: bigint;
  readonly last: bigint;
  readonly start: number;
  readonly end: number;
}

/** A row of either table. */
interface Mapping extends Held {
  readonly id: number;
  readonly customerId: number;
  readonly json: MappingJson;
}

/** A recorded state of a mapping, or its deletion. */
interface State extends Mapping {
  readonly change: string;
  readonly recordedAt: number;
  /** The attempt that caused it; undefined = no response reported it. */
  readonly by: Attempt | undefined;
  next: State | undefined;
}

interface Customer {
  readonly userIds: Set<string>;
  created?: Attempt;
  deleted?: Attempt;
}

type Row = Record<string, string | number | null>;

/** The result of checking the register after a race. */
interface Verdict {
  /** Where the register contradicts the responses or itself; empty = everything is correct. */
  readonly contradictions: readonly string[];
  /** How many refusals were due to a mapping that was created during the refused attempt. */
  readonly photoFinishes: number;
}

/** Expects that no address had two holders at any second, that all responses were true, and that attempts did race. */
export async function expectOneHolder(
  configuration: DatabaseConfiguration,
  attempts: readonly Attempt[],
): Promise<void> {
  const { contradictions, photoFinishes } = await judge(configuration, attempts);
  expect(contradictions.slice(0, 10)).toEqual([]);
  const done = attempts.filter(({ status }) => status === 200);
  expect(new Set(done.map(({ kind }) => kind))).toEqual(new Set(KINDS));
  const overlaps = attempts.filter(({ json }) => json.code === 'mapping_overlap');
  expect(done.length).toBeGreaterThan(attempts.length / 5);
  expect(overlaps.length).toBeGreaterThan(attempts.length / 5);
  expect(photoFinishes).toBeGreaterThan(attempts.length / 50);
}

/** Compares the database after a race with all responses. */
function judge(configuration: DatabaseConfiguration, attempts: readonly Attempt[]): Promise<Verdict> {
  return withDataSource(configuration, async (dataSource) => {
    const customers = await readCustomers(dataSource, attempts);
    const reported = reportedChanges(attempts);
    const read = await dataSource.query<Row[]>('SELECT * FROM ip_mapping_versions ORDER BY recorded_at, id');
    const states = read.map((row): State => {
      const mapping = toMapping(row, 'mapping_id');
      const change = String(row['change_made']);
      const by = reported.get(keyOf(change, mapping.json)) ?? customers.get(mapping.customerId)?.deleted;
      return { ...mapping, change, recordedAt: Number(row['recorded_at']), by, next: undefined };
    });
    const present = (await dataSource.query<Row[]>('SELECT * FROM ip_mappings')).map((row) =>
      toMapping(row, 'id'),
    );
    const { live, contradictions } = replay(states);
    const refusals = judgeRefusals(attempts, states, customers);
    return {
      contradictions: [
        ...overlaps(present),
        ...attempts
          .filter((attempt) => !isExpected(attempt))
          .map((attempt) => `unexpected: ${shown(attempt)}`),
        ...[...customers]
          .filter(([, { userIds }]) => userIds.size === 0)
          .map(([id]) => `no version of customer ${id}`),
        ...missing(reported, states),
        ...contradictions,
        ...differences(live, present),
        ...leftBehind(present, customers),
        ...refusals.contradictions,
      ],
      photoFinishes: refusals.photoFinishes,
    };
  });
}

const EXPECTED = [
  '200 undefined',
  '404 customer_not_found',
  '404 mapping_not_found',
  '409 customer_exists',
  '409 mapping_overlap',
  '409 mapping_duplicate',
  '422 validation_failed',
  '503 database_busy',
];

function isExpected({ status, json }: Attempt): boolean {
  return EXPECTED.includes(`${status} ${json.code}`);
}

/** The changes of mappings that responses reported, with their attempts. */
function reportedChanges(attempts: readonly Attempt[]): Map<string, Attempt> {
  const reported = new Map<string, Attempt>();
  for (const attempt of attempts.filter(({ status }) => status === 200)) {
    const { created, ended, ...json } = attempt.json as MappingJson &
      Record<'created' | 'ended', MappingJson>;
    if (attempt.kind === 'create') reported.set(keyOf('created', json), attempt);
    if (attempt.kind === 'change' || attempt.kind === 'end') reported.set(keyOf('updated', json), attempt);
    if (attempt.kind === 'delete') reported.set(keyOf('deleted', json), attempt);
    if (attempt.kind === 'reassign') {
      reported.set(keyOf('updated', ended), attempt);
      reported.set(keyOf('created', created), attempt);
    }
  }
  return reported;
}

/** Acknowledged changes that were not recorded exactly once. */
function missing(reported: ReadonlyMap<string, Attempt>, states: readonly State[]): string[] {
  const kept = new Map<string, number>();
  for (const { change, json } of states) {
    const key = keyOf(change, json);
    kept.set(key, (kept.get(key) ?? 0) + 1);
  }
  return [...reported].flatMap(([key, attempt]) =>
    kept.get(key) === 1 ? [] : [`kept ${kept.get(key) ?? 0} times: ${shown(attempt)}`],
  );
}

/** Replays the versions, one transaction after the other, and looks for overlaps after each. */
function replay(states: readonly State[]): { live: Map<number, State>; contradictions: string[] } {
  const live = new Map<number, State>();
  const contradictions: string[] = [];
  const done = new Set<Attempt | undefined>();
  let lastSent = -1;
  for (const transaction of transactionsOf(states)) {
    for (const state of transaction) {
      const before = live.get(state.id);
      if (before !== undefined) before.next = state;
      if ((before === undefined) !== (state.change === 'created')) {
        contradictions.push(`out of turn: ${described(state)}`);
      }
      if (state.change === 'deleted') live.delete(state.id);
      else live.set(state.id, state);
    }
    const [by, ...others] = new Set(transaction.map((state) => state.by));
    if (by === undefined) contradictions.push(`no response reported ${transaction.map(described).join()}`);
    if (others.length > 0) contradictions.push(`at one time: ${transaction.map(described).join()}`);
    if (by !== undefined && done.has(by)) contradictions.push(`at two times: ${shown(by)}`);
    done.add(by);
    if (by !== undefined && by.answered < lastSent) contradictions.push(`recorded too late: ${shown(by)}`);
    lastSent = Math.max(lastSent, by?.sent ?? -1);
    for (const state of transaction.filter(({ change }) => change !== 'deleted')) {
      for (const other of live.values()) {
        if (isConflict(state, other))
          contradictions.push(`${described(state)} overlapped ${described(other)}`);
      }
    }
  }
  return { live, contradictions };
}

/** Groups changes by time: those recorded at the same time belong to one transaction. */
function transactionsOf(states: readonly State[]): State[][] {
  const byTime = new Map<number, State[]>();
  for (const state of states) {
    const transaction = byTime.get(state.recordedAt);
    if (transaction === undefined) byTime.set(state.recordedAt, [state]);
    else transaction.push(state);
  }
  return [...byTime.values()];
}

/** Where the current mappings differ from their versions. */
function differences(live: ReadonlyMap<number, State>, present: readonly Mapping[]): string[] {
  const expected = [...live.values()].map(described).sort();
  const found = present.map(described).sort();
  return [
    ...expected.filter((each) => !found.includes(each)).map((each) => `missing: ${each}`),
    ...found.filter((each) => !expected.includes(each)).map((each) => `has no such version: ${each}`),
  ];
}

/** Compares all pairs. */
function overlaps(present: readonly Mapping[]): string[] {
  return present.flatMap((one, n) =>
    present
      .slice(n + 1)
      .filter((other) => isConflict(one, other))
      .map((other) => `${described(one)} overlaps ${described(other)}`),
  );
}

/** Mappings that deleted customers still hold. */
function leftBehind(present: readonly Mapping[], customers: ReadonlyMap<number, Customer>): string[] {
  return present
    .filter(({ customerId, end }) => customers.get(customerId)?.deleted && end >= Date.now() / 1000)
    .map((mapping) => `held by nobody: ${described(mapping)}`);
}

/** Looks for the cause of each refusal among all recorded states. */
function judgeRefusals(
  attempts: readonly Attempt[],
  states: readonly State[],
  customers: ReadonlyMap<number, Customer>,
): Verdict {
  const byId = groupBy(states, ({ id }) => String(id));
  const byWords = groupBy(states, ({ json }) => inWords(json));
  const byCustomer = groupBy(states, ({ customerId }) => String(customerId));
  const contradictions: string[] = [];
  let photoFinishes = 0;
  for (const attempt of attempts) {
    const { code, message = '' } = attempt.json;
    if (code !== 'mapping_overlap' && code !== 'mapping_duplicate') continue;
    const wanted = wantedBy(attempt, byId);
    /** The customers that had a UserID during the attempt. */
    const idsOf = (userId: string): number[] =>
      [...customers].flatMap(([id, { userIds, created, deleted }]) =>
        userIds.has(userId) && isMeanwhile(attempt, created, deleted) ? [id] : [],
      );
    if (code === 'mapping_duplicate') {
      const [, userId = ''] = /^Duplicate Mapping for UserID : (.*)$/.exec(message) ?? [];
      const theirs = idsOf(userId).flatMap((id) => byCustomer.get(String(id)) ?? []);
      const isThis = (state: State): boolean =>
        state.id !== attempt.mappingId &&
        isThere(state, attempt) &&
        wanted.some((each) => each.holder === userId && isSame(each, state));
      if (!theirs.some(isThis)) contradictions.push(`duplicates nothing: ${shown(attempt)}`);
      continue;
    }
    const [, words = '', userId = ''] = /^Overlaps (.*) of UserID : (.*)$/.exec(message) ?? [];
    const causes = (byWords.get(words) ?? []).filter(
      (state) =>
        customers.get(state.customerId)?.userIds.has(userId) &&
        isThere(state, attempt) &&
        wanted.some(
          (each) => doOverlap(each, state) && idsOf(each.holder).some((id) => id !== state.customerId),
        ),
    );
    if (causes.length === 0) contradictions.push(`overlaps nothing: ${shown(attempt)}`);
    if (causes.some(({ by }) => by !== undefined && by.answered > attempt.sent)) photoFinishes++;
  }
  return { contradictions, photoFinishes };
}

/** What an attempt wanted customers to hold. For an existing mapping, that depends on the state it found. */
function wantedBy(attempt: Attempt, byId: ReadonlyMap<string, State[]>): (Held & { holder: string })[] {
  const { userId, mappingId, kind, request, nextUserId } = attempt;
  if (mappingId === undefined) return [{ holder: userId, ...toHeld({ ...NOTHING, ...request }) }];
  const found = (byId.get(String(mappingId)) ?? []).filter((state) => isThere(state, attempt));
  return found.flatMap(({ json }) => {
    const changed = toHeld({ ...json, ...request });
    if (kind !== 'reassign' && kind !== 'try') return [{ holder: userId, ...changed }];
    return [
      { holder: nextUserId ?? '', ...changed },
      { holder: userId, ...toHeld(json), end: changed.start - 1 },
    ];
  });
}

/** Whether a mapping can have been in a state during an attempt. */
function isThere({ change, by, next }: State, attempt: Attempt): boolean {
  return change !== 'deleted' && isMeanwhile(attempt, by, next?.by);
}

/** Whether something that one attempt created and another removed can have existed during a third. */
function isMeanwhile(
  { sent, answered }: Attempt,
  made: Attempt | undefined,
  ended: Attempt | undefined,
): boolean {
  return (made === undefined || made.sent < answered) && (ended === undefined || ended.answered > sent);
}

async function readCustomers(
  dataSource: DataSource,
  attempts: readonly Attempt[],
): Promise<Map<number, Customer>> {
  const customers = new Map<number, Customer>();
  const of = (id: number): Customer => {
    const customer = customers.get(id) ?? { userIds: new Set() };
    customers.set(id, customer);
    return customer;
  };
  for (const row of await dataSource.query<Row[]>('SELECT * FROM customer_versions')) {
    of(Number(row['customer_id'])).userIds.add(String(row['user_id']));
  }
  for (const attempt of attempts.filter(({ status }) => status === 200)) {
    const { id } = attempt.json as { id: number };
    if (attempt.kind === 'register') of(id).created = attempt;
    if (attempt.kind === 'leave') of(id).deleted = attempt;
  }
  return customers;
}

const OPEN = 2 ** 53 - 1;
const NOTHING = { ipsubnet: '', starttime: 0, endtime: null };

/** A row of either table. */
function toMapping(row: Row, idColumn: 'id' | 'mapping_id'): Mapping {
  const [id, customerId, to] = [row[idColumn], row['customer_id'], row['valid_to']].map(Number) as [
    number,
    number,
    number,
  ];
  const json = {
    id,
    ipdr_customer_id: customerId,
    ipsubnet: String(row['ip_subnet']),
    starttime: Number(row['valid_from']),
    endtime: to === OPEN ? null : to - 1,
    terminalid: String(row['terminal_id']),
  };
  return { id, customerId, json, ...toHeld(json) };
}

function toHeld({
  ipsubnet,
  starttime,
  endtime,
}: Pick<MappingJson, 'ipsubnet' | 'starttime' | 'endtime'>): Held {
  return { ...addressesOf(ipsubnet), start: starttime, end: endtime ?? Infinity };
}

function isConflict(one: Mapping, other: Mapping): boolean {
  return one.customerId !== other.customerId && doOverlap(one, other);
}

function isSame(one: Held, other: Held): boolean {
  const isSameTime = one.start === other.start && one.end === other.end;
  return isSameTime && one.first === other.first && one.last === other.last;
}

function doOverlap(one: Held, other: Held): boolean {
  const inTime = one.start <= other.end && other.start <= one.end;
  return inTime && one.first <= other.last && other.first <= one.last;
}

const MAPPED = 0xffff_0000_0000n;

/** Treats IPv4 addresses as IPv4-mapped IPv6. */
function addressesOf(ipsubnet: string): { first: bigint; last: bigint } {
  const [address = '', prefix] = ipsubnet.split('/');
  const isIpv6 = address.includes(':');
  const value = isIpv6 ? fromHex(address) : MAPPED + fromOctets(address);
  const bits = isIpv6 ? 128 : 32;
  const free = BigInt(bits - Number(prefix ?? bits));
  const first = (value >> free) << free;
  return { first, last: first + (1n << free) - 1n };
}

function fromOctets(address: string): bigint {
  return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
}

function fromHex(address: string): bigint {
  const [dotted] = /[\d.]+\.\d+$/.exec(address) ?? [];
  if (dotted !== undefined) return fromHex(address.replace(dotted, '0:0')) + fromOctets(dotted);
  const [before = [], after = []] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

function groupBy<T>(all: readonly T[], keyOfOne: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = keyOfOne(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}

/** Identifies a change. */
function keyOf(
  change: string,
  { id, ipdr_customer_id, ipsubnet, starttime, endtime, terminalid }: MappingJson,
): string {
  return JSON.stringify([change, id, ipdr_customer_id, ipsubnet, starttime, endtime, terminalid]);
}

/** A mapping as in error messages. */
function inWords({ ipsubnet, starttime, endtime }: MappingJson): string {
  return `ipsubnet ${ipsubnet}, starttime ${starttime}, endtime ${endtime}`;
}

function described({ id, customerId, json }: Mapping): string {
  return `mapping ${id} of customer ${customerId} (${inWords(json)}, ${json.terminalid})`;
}

function shown(attempt: Attempt): string {
  return JSON.stringify(attempt);
}
