import type { CustomerFields } from './customers.js';
import type { Dice } from './dice.js';
import type { LookupModel, Network } from './lookup-model.js';
import type { TestClock } from './test-clock.js';

/** After this many changes, new customers and addresses replace those changed so far. */
const GENERATION = 1000;
const USERS = 6;
/** Addresses that differ in their last bits alone. */
const ADDRESSES = 32;
const V4 = {
  base: 0xffff_0a00_0000n,
  perGeneration: 16n,
  prefixes: [32, 32, 32, 32, 31, 30, 29, 28, 27, 24, 16],
};
const V6 = {
  base: 0x2001_0db8n << 96n,
  perGeneration: 80n,
  prefixes: [128, 128, 128, 127, 126, 125, 124, 120, 64, 48],
};
export const DAY = 86_400;

/** An address to look up, as it is typed, and when. */
export interface Query {
  readonly ip: string;
  readonly address: bigint;
  /** As it is sent; null is now. */
  readonly time: number | string | null;
  readonly second: number;
}

/** Draws customers, networks, periods and queries, mostly close to those that the models hold. */
export class Draws {
  constructor(
    private readonly dice: Dice,
    private readonly clock: TestClock,
    private readonly models: readonly LookupModel[],
  ) {}

  /** Unix seconds. */
  get now(): number {
    return Math.floor(this.clock.at / 1000);
  }

  private get generation(): number {
    const changes = this.models.reduce((sum, model) => sum + model.changes, 0);
    return Math.floor(changes / GENERATION);
  }

  where(): number {
    return this.dice.isLucky(0.2) ? 1 : 0;
  }

  aUserId(): string {
    return `U${this.dice.below(USERS)} of ${this.generation}`;
  }

  /** Of one that there is, mostly. */
  aKnownUserId(where: number): string {
    const all = this.model(where).userIds.slice(-USERS);
    return all.length === 0 || this.dice.isLucky(0.05) ? this.aUserId() : this.dice.pick(all);
  }

  someFields(): Omit<CustomerFields, 'UserID'> {
    return {
      Name: this.dice.pick(['Trisul', 'trisul', `O'Brien, "\\" %_`, 'Z\u00fcrich \u{1f600}']),
      Address: this.dice.pick([null, '', 'Chennai\nIndia', '1, Main Road']),
      Email: this.dice.pick([null, 'demo@gmail.com', 'Demo@gmail.com']),
      PhoneNumber: this.dice.pick([null, '1234567890', '(44) 1; 2']),
      AltPhoneNumber: this.dice.pick([null, '99']),
    };
  }

  aTerminalId(): string {
    return this.dice.pick(['', '', 'TERM12345', 'term, "2"']);
  }

  /** An existing one, mostly. */
  aMapping(where: number): { userId: string; id: number; start: number; end: number | null } {
    const all = this.model(where).changeable.slice(-60);
    if (all.length === 0) return { userId: this.aUserId(), id: 1, start: 0, end: null };
    const { userId, mapping } = this.dice.pick(all);
    return { ...mapping, userId: this.dice.isLucky(0.05) ? this.aKnownUserId(where) : userId };
  }

  /** Of an address of this generation. */
  aNetwork(where: number): Network {
    const known = this.aState(where);
    if (known !== undefined && this.dice.isLucky(0.2)) return known.network;
    const { base, perGeneration, prefixes } = this.dice.pick([V4, V4, V6]);
    const address = base + (BigInt(this.generation) << perGeneration) + BigInt(this.dice.below(ADDRESSES));
    const length = this.dice.pick(prefixes);
    const free = BigInt((base === V4.base ? 32 : 128) - length);
    const first = (address >> free) << free;
    return { text: this.toNetworkText(address, 128 - Number(free)), first, last: first + (1n << free) - 1n };
  }

  /** @param bits how many of 128 count */
  private toNetworkText(address: bigint, bits: number): string {
    const text = this.toText(address);
    if (bits === 128 && this.dice.isLucky(0.7)) return text;
    return `${text}/${text.includes(':') ? bits : bits - 96}`;
  }

  /** One of the notations of an address. */
  private toText(address: bigint): string {
    const groups = address.toString(16).padStart(32, '0').match(/.{4}/g) as string[];
    const long = groups.join(':');
    if (address >> 32n !== 0xffffn) {
      const short = groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':');
      return this.dice.pick([long, long.toUpperCase(), short.replace(/(^|:)0(:0)+(:|$)/, '::'), short]);
    }
    const dotted = [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.');
    return this.dice.pick([
      dotted,
      dotted,
      dotted,
      `::ffff:${dotted}`,
      `::FFFF:${groups.slice(6).join(':')}`,
      long,
    ]);
  }

  aStart(where: number): number {
    const { now } = this;
    const known = this.aState(where);
    const touching =
      known === undefined ? [] : [known.start, known.start - 1, (known.end ?? now) + 1, known.end ?? now];
    const near = [now, now, now - 1, now + 1, now - 60, now + 60, now - DAY, now + DAY, now - 100 * DAY, 0];
    return Math.max(0, this.dice.pick([...near, ...touching]));
  }

  anEnd(where: number, start: number): number | null {
    const known = this.aState(where);
    const touching = known === undefined ? [] : [known.end, known.start - 1, known.start];
    const some = [
      start,
      start + 1,
      start + 59,
      start + 3600,
      start + DAY,
      start + 30 * DAY,
      this.now,
      this.now + 60,
    ];
    const end = this.dice.pick([null, null, null, ...some, ...touching]);
    return end === null ? null : this.dice.isLucky(0.02) ? Math.max(0, start - 1) : Math.max(start, end);
  }

  /** A state that some mapping was in, mostly not long ago, and mostly one that was recorded by then. */
  aState(where: number, recordedAt = Number.MAX_SAFE_INTEGER): LookupModel['states'][number] | undefined {
    const { states } = this.model(where);
    if (states.length === 0) return undefined;
    const drawn = Array.from({ length: 5 }, () =>
      this.dice.pick(this.dice.isLucky(0.7) ? states.slice(-200) : states),
    );
    return drawn.find(({ at, until }) => at <= recordedAt && recordedAt < until) ?? drawn[0];
  }

  /** Of an address and a second that some mapping begins or ends with, or close to it. */
  aQuery(where: number, recordedAt?: number): Query {
    const { now } = this;
    const state = this.aState(where, recordedAt);
    const { first, last } = state?.network ?? { first: V4.base, last: V4.base };
    const inside = first + (BigInt(this.dice.below(ADDRESSES)) % (last - first + 1n));
    const address = this.dice.pick([first, last, inside, inside, inside, first - 1n, last + 1n]);
    const { start, end } = { start: now, ...state };
    const within = start + this.dice.below(Math.max(1, (end ?? now) - start + 1));
    const changed = Math.floor(this.aMoment(where) / 1000);
    const known = Math.floor((recordedAt ?? this.clock.at) / 1000);
    const second = this.dice.pick([
      start,
      start,
      start - 1,
      end ?? now,
      end ?? now,
      (end ?? now) + 1,
      within,
      within,
      within,
      known,
      known,
      known - 1,
      known + DAY,
      changed,
      changed,
      changed - 1,
      changed + 1,
      0,
    ]);
    const ip = this.toText(address);
    if (second < 0 || this.dice.isLucky(0.1)) return { ip, address, time: null, second: now };
    const iso = new Date(second * 1000 + this.dice.below(1000)).toISOString();
    return { ip, address, time: this.dice.pick([second, second, String(second), iso]), second };
  }

  /** When some mapping or customer was recorded. */
  aMoment(where: number): number {
    const { customers } = this.model(where);
    const state = this.aState(where);
    if (state === undefined || customers.size === 0) return this.clock.at;
    const versions = customers.get(state.customerId) ?? [];
    return this.dice.pick([
      state.at,
      Number.isFinite(state.until) ? state.until : state.at,
      versions.at(-1)?.at ?? 0,
      this.dice.pick(versions).at,
    ]);
  }

  /** Undefined, which is now, in a third of the cases. */
  aRecordedAt(where: number): number | undefined {
    if (this.dice.isLucky(0.3)) return undefined;
    const moment = this.aMoment(where);
    const second = Math.floor(moment / 1000) * 1000;
    return this.dice.pick([
      moment - 1,
      moment,
      moment,
      moment,
      moment,
      moment + 1,
      second,
      second - 1,
      this.clock.at,
      moment + DAY,
    ]);
  }

  private model(where: number): LookupModel {
    return this.models[where] as LookupModel;
  }
}
