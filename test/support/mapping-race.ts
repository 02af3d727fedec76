import fc from 'fast-check';
import type { Client } from './client.js';
import { pathOf } from './customers.js';

export const KINDS = ['create', 'change', 'end', 'delete', 'reassign', 'try', 'leave', 'register'] as const;

/** Members of a request. */
interface RequestMembers {
  readonly ipsubnet?: string;
  readonly starttime?: number;
  readonly endtime?: number | null;
}

/** A mapping as the API returns it. */
export interface MappingJson extends Required<RequestMembers> {
  readonly id: number;
  readonly ipdr_customer_id: number;
  readonly terminalid: string;
}

/** A request and its response. */
export interface Attempt {
  readonly kind: (typeof KINDS)[number];
  /** The customer concerned, or the holder of the mapping. */
  readonly userId: string;
  /** The next holder of a reassigned mapping. */
  readonly nextUserId: string | undefined;
  readonly mappingId: number | undefined;
  readonly request: RequestMembers;
  /** When it was sent and answered, as the number of the event in the race. */
  readonly sent: number;
  readonly answered: number;
  readonly status: number;
  readonly json: { readonly code?: string; readonly message?: string };
}

const CLIENTS = 32;
/** After this many attempts, the race moves to other addresses, since deleted customers fill the past of these. */
const ATTEMPTS_A_BLOCK = 400;
const SLOT_SECONDS = 100;
const USER_IDS = ['U1', 'U2', 'U3', 'U4', 'U5', 'U6'];

/** A few addresses and networks around them, in many notations. */
const NETWORKS: readonly ((block: number) => string)[] = [
  ...[1, 2, 3].map((octet) => (block: number) => `10.20.${block}.${octet}`),
  ...['1/32', '0/31', '3/31', '0/30', '5/29', '200/24'].map(
    (end) => (block: number) => `10.20.${block}.${end}`,
  ),
  ...['1', '2/128', '0/127', '3/126', '9/124'].map(
    (end) => (block: number) => `::ffff:10.20.${block}.${end}`,
  ),
  (block) => `0:0:0:0:0:FFFF:0a14:${hex(256 * block + 1)}`,
  (block) => `::ffff:a14:${hex(256 * block)}/120`,
  ...[':1', ':2', '0:0:0:0:1', ':/127', ':3/126', ':9/64', ':/48'].map(
    (end) => (block: number) => `2001:db8:${hex(block)}:${end}`,
  ),
  (block) => `2001:0DB8:${hex(block).toUpperCase()}::0:0002`,
];

/** A few periods around now. Most end a second before others begin; some overlap by that second. */
const aPeriod = fc.record({
  slot: fc.integer({ min: -6, max: 6 }),
  slots: fc.integer({ min: 1, max: 3 }),
  early: mostly(0, 1),
  late: mostly(0, 1),
  isOpen: mostly(false, true),
});

const aStep = fc.record({
  kind: fc.oneof(
    ...(
      [
        ['create', 42],
        ['change', 20],
        ['end', 10],
        ['delete', 8],
        ['reassign', 12],
        ['try', 6],
        ['leave', 2],
      ] as const
    ).map(([kind, weight]) => ({ arbitrary: fc.constant(kind), weight })),
  ),
  userId: fc.constantFrom(...USER_IDS),
  nextUserId: fc.constantFrom(...USER_IDS),
  network: fc.constantFrom(...NETWORKS),
  period: aPeriod,
  which: fc.nat(),
});

type Step = typeof aStep extends fc.Arbitrary<infer T> ? T : never;

/**
 * Lets many clients create, change, end, delete and reassign mappings of the same few addresses concurrently, and
 * delete and recreate customers.
 *
 * @param instances the first one wrote the tokens
 * @param count the number of attempts, without those that only create customers
 */
export async function race(instances: readonly Client[], count: number): Promise<Attempt[]> {
  const credentials = { api_token: instances[0]?.tokens.user, username: 'user' };
  const attempts: Attempt[] = [];
  const now = Math.floor(Date.now() / 1000);
  let events = 0;
  /** Mappings by id, as first returned, until a response says that they no longer exist. */
  const known = new Map<number, { readonly userId: string; readonly mapping: MappingJson }>();

  const attempt = async (
    n: number,
    what: Pick<Attempt, 'kind' | 'userId'> & Partial<Attempt>,
    method: string,
    path: string,
    more: object = {},
  ): Promise<Attempt> => {
    const { nextUserId, mappingId, request = {} } = what;
    const instance = instances[n % instances.length] as Client;
    const sent = events++;
    const { status, json } = await instance.callAs(credentials, method, path, {
      body: { ...request, ...more },
    });
    const done = { ...what, nextUserId, mappingId, request, sent, answered: events++ };
    const full = { ...done, status, json: json as Attempt['json'] };
    attempts.push(full);
    if (mappingId !== undefined && isGone(full)) known.delete(mappingId);
    return full;
  };
  const learn = (userId: string, mapping: MappingJson): void => {
    known.set(mapping.id, { userId, mapping });
  };
  const register = (n: number, userId: string): Promise<Attempt> =>
    attempt(n, { kind: 'register', userId }, 'POST', '/api/ipdrcustomers', { UserID: userId, Name: `N${n}` });

  const take = async (
    n: number,
    { kind, userId, nextUserId, network, period, which }: Step,
  ): Promise<void> => {
    const { slot, slots, early, late, isOpen } = period;
    const whole = {
      ipsubnet: network(Math.floor(n / ATTEMPTS_A_BLOCK)),
      starttime: now + slot * SLOT_SECONDS - early,
      endtime: isOpen ? null : now + (slot + slots) * SLOT_SECONDS - 1 + late,
    };
    // A unique terminal id distinguishes what each attempt wrote.
    const terminalid = `T${n}`;
    if (kind === 'leave') {
      await attempt(n, { kind, userId }, 'DELETE', pathOf(userId));
      await register(n, userId);
      return;
    }
    const recent = [...known.values()].slice(-CLIENTS);
    const one = recent[which % recent.length];
    if (kind === 'create' || one === undefined) {
      const what = { kind: 'create', userId, request: whole } as const;
      const { status, json } = await attempt(n, what, 'POST', `${pathOf(userId)}/mappings`, { terminalid });
      if (status === 200) learn(userId, json as MappingJson);
      return;
    }
    const { mapping } = one;
    const what = { kind, userId: one.userId, mappingId: mapping.id };
    const path = `${pathOf(one.userId)}/mappings/${mapping.id}`;
    const after = (seconds: number): number => mapping.starttime + seconds;
    if (kind === 'change') {
      await attempt(n, { ...what, request: whole }, 'PATCH', path, { terminalid });
    } else if (kind === 'end') {
      const request = { endtime: after(slots * SLOT_SECONDS - 1 + late) };
      await attempt(n, { ...what, request }, 'PATCH', path, { terminalid });
    } else if (kind === 'delete') {
      await attempt(n, what, 'DELETE', path);
    } else {
      const request = { starttime: after((slots * SLOT_SECONDS) / 2) };
      const query = kind === 'try' ? '?dry_run=true' : '';
      const passed = { ...what, nextUserId, request };
      const to = { UserID: nextUserId };
      const { status, json } = await attempt(n, passed, 'POST', `${path}/reassign${query}`, to);
      if (status !== 200 || kind === 'try') return;
      learn(nextUserId, (json as { created: MappingJson }).created);
    }
  };

  for (const [n, userId] of USER_IDS.entries()) await register(n, userId);
  const steps = fc.sample(aStep, { numRuns: count, seed: count }).entries();
  // All clients take their steps from one list.
  const client = async (): Promise<void> => {
    for (const [n, step] of steps) await take(n, step);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return attempts;
}

function isGone({ kind, status }: Attempt): boolean {
  return status === 404 || (status === 200 && kind === 'delete');
}

function mostly<T>(one: T, other: T): fc.Arbitrary<T> {
  return fc.nat(9).map((n) => (n === 0 ? other : one));
}

function hex(n: number): string {
  return n.toString(16);
}
