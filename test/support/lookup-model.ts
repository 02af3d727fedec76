import type { CustomerFields } from './customers.js';
import type { Mapping } from './mappings.js';

// Determines who held what when from the contract alone, independently of src, by scanning everything.

/** Addresses are numbers of 128 bits, those of IPv4 in ::ffff:0:0/96. */
export interface Network {
  readonly text: string;
  readonly first: bigint;
  /** Inclusive. */
  readonly last: bigint;
}

/** A mapping as requested. Times are Unix seconds, both inclusive; null = open. */
export interface MappingRequest {
  readonly network: Network;
  readonly start: number;
  readonly end: number | null;
  readonly terminalId: string;
}

/** A past or current state of a mapping. */
export interface MappingState extends MappingRequest {
  readonly id: number;
  readonly customerId: number;
  /** When this state was recorded, in Unix milliseconds. */
  readonly at: number;
  /** When it was replaced; Infinity = it is current. */
  until: number;
}

type NewState = Omit<MappingState, 'at' | 'until'>;

interface CustomerState {
  readonly id: number;
  readonly fields: CustomerFields;
  /** When this state was recorded, in Unix milliseconds. */
  readonly at: number;
  /** Whether this is a deletion. */
  readonly isDeleted: boolean;
}

type CustomerStates = [CustomerState, ...CustomerState[]];

/** The expected response. */
export interface Expected {
  readonly status: number;
  /** The body, byte for byte; undefined = an error. */
  readonly text?: string;
  readonly etag?: string;
  /** The code of the error. */
  readonly code?: string;
  /** The possible messages of the error. */
  readonly messages?: readonly string[];
  readonly errors?: readonly object[];
}

/** A change of the feed, without its cursor. */
export interface FeedChange {
  /** Unix milliseconds. */
  readonly at: number;
  readonly change: 'created' | 'updated' | 'deleted';
  readonly customer?: object;
  readonly mapping?: Mapping;
}

/** The expected audit entry of a change, or of an attempt that changed nothing. */
export interface Act {
  readonly action: string;
  readonly UserID: string;
  readonly details: object;
}

/** The answer of a look-up. */
export interface Held {
  readonly holder: object | null;
  readonly mapping: Mapping | null;
}

/** Later than any change. */
const NOW = Number.MAX_SAFE_INTEGER;
const NOT_FOUND = refused(404, 'customer_not_found');
/** If the clock is further behind the last change than this, the time of the change is considered wrong. */
const TOO_FAR_AHEAD_MS = 60_000;

/** A model of one context of the register. Times of changes are Unix milliseconds. */
export class LookupModel {
  /** All states of all mappings. */
  readonly states: MappingState[] = [];
  /** All states of each customer, in order. */
  readonly customers = new Map<number, CustomerStates>();
  /** How many requests changed something. */
  changes = 0;
  /** The expected changes of the feed, in the order in which they were recorded. */
  readonly feed: FeedChange[] = [];
  readonly acts: Act[] = [];
  private present: MappingState[] = [];
  private readonly idsByUserId = new Map<string, number>();
  private lastChangeAt = 0;
  private lastIds = { customer: 0, mapping: 0 };

  /** @param given returns the new id from the response */
  createCustomer(fields: CustomerFields, now: number, given: () => number): Expected {
    if (this.idsByUserId.has(fields.UserID)) return refused(409, 'customer_exists');
    const id = this.newId('customer', given);
    this.act('customer.created', fields.UserID, { id });
    return this.putCustomer({ id, fields, at: now, isDeleted: false });
  }

  changeCustomer(userId: string, changes: Partial<CustomerFields>, now: number): Expected {
    const before = this.customer(userId);
    if (before === undefined) return NOT_FOUND;
    const fields = { ...before.fields, ...changes };
    if (toText(before.id, fields) === toText(before.id, before.fields)) {
      this.act('customer.unchanged', userId, { id: before.id });
      return answeredCustomer(before);
    }
    const { UserID } = fields;
    if (UserID !== userId && this.idsByUserId.has(UserID)) return refused(409, 'customer_exists');
    this.idsByUserId.delete(userId);
    this.act('customer.updated', userId, { id: before.id, ...(UserID !== userId && { renamed_to: UserID }) });
    return this.putCustomer({ ...before, fields, at: Math.max(now, before.at + 1) });
  }

  /** Frees the customer's addresses from this second on. Look-ups of earlier seconds stay the same. */
  deleteCustomer(userId: string, now: number): Expected {
    const before = this.customer(userId);
    if (before === undefined) return NOT_FOUND;
    const at = this.nextChangeAt(now);
    const last = Math.floor(now / 1000) - 1;
    const ended = this.ofCustomer(before.id).map((mapping) => ({
      mapping,
      left: { ...mapping, end: Math.min(mapping.end ?? Infinity, last) },
    }));
    const isWithdrawn = ({ left }: (typeof ended)[number], n: number): boolean =>
      isEmpty(left) || ended.slice(n + 1).some((later) => isSame(later.left, left));
    const rest = ended.filter((one, n) => !isWithdrawn(one, n));
    for (const { mapping } of ended.filter(isWithdrawn)) this.deleteOne(userId, mapping, at);
    for (const { mapping, left } of rest) {
      if (left.end !== mapping.end) this.updateOne(userId, mapping, left, at);
    }
    this.act('customer.deleted', userId, { id: before.id });
    this.putCustomer({ ...before, at: Math.max(now, before.at + 1), isDeleted: true });
    this.idsByUserId.delete(userId);
    this.lastChangeAt = at;
    return { status: 200, text: toText(before.id, before.fields) };
  }

  assign(userId: string, request: MappingRequest, now: number, given: () => number): Expected {
    if (isEmpty(request)) return invalid('endtime');
    const holder = this.customer(userId);
    if (holder === undefined) return NOT_FOUND;
    const refusal = this.refusal(holder.id, request, this.present);
    if (refusal !== undefined) return refusal;
    const at = (this.lastChangeAt = this.nextChangeAt(now));
    this.changes++;
    const id = this.newId('mapping', given);
    return answered(this.createOne(userId, { ...request, id, customerId: holder.id }, at));
  }

  /** @param id undefined = the only one */
  changeMapping(
    userId: string,
    id: number | undefined,
    changes: Partial<MappingRequest>,
    now: number,
  ): Expected {
    const before = this.one(userId, id);
    if ('status' in before) return before;
    const after = { ...before, ...changes };
    if (isEmpty(after)) return invalid(changes.end === undefined ? 'starttime' : 'endtime');
    const isUnchanged = toMappingText(before) === toMappingText(after);
    const others = this.present.filter((mapping) => mapping !== before);
    const refusal = isUnchanged ? undefined : this.refusal(before.customerId, after, others);
    if (refusal !== undefined) return refusal;
    const at = (this.lastChangeAt = this.nextChangeAt(now));
    if (isUnchanged) {
      this.act('mapping.unchanged', userId, idsOf(before));
      return answered(before);
    }
    this.changes++;
    return answered(this.updateOne(userId, before, after, at));
  }

  /** @param id undefined = the only one */
  deleteMapping(userId: string, id: number | undefined, now: number): Expected {
    const before = this.one(userId, id);
    if ('status' in before) return before;
    this.lastChangeAt = this.nextChangeAt(now);
    this.changes++;
    this.deleteOne(userId, before, this.lastChangeAt);
    return { status: 200, text: toMappingText(before) };
  }

  /** @param start the first second of the new holder */
  reassign(
    userId: string,
    id: number,
    nextUserId: string,
    start: number,
    now: number,
    isDryRun: boolean,
    given: () => number,
  ): Expected {
    const [holder, nextHolder] = [this.customer(userId), this.customer(nextUserId)];
    if (holder === undefined || nextHolder === undefined) return NOT_FOUND;
    const before = this.one(userId, id);
    if ('status' in before) return before;
    if (holder.id === nextHolder.id) return invalid('UserID');
    if (start <= before.start || start > (before.end ?? Infinity)) return invalid('starttime');
    const ended = { ...before, end: start - 1 };
    const created = { ...before, customerId: nextHolder.id, start, terminalId: '' };
    const others = this.present.filter((mapping) => mapping !== before);
    const refusal =
      this.refusal(holder.id, ended, others) ?? this.refusal(nextHolder.id, created, [...others, ended]);
    if (refusal !== undefined) return refusal;
    if (isDryRun) {
      const more = { reassigned_to: nextUserId, starttime: start };
      this.act('mapping.reassignment_tried', userId, { ...idsOf(before), ...more });
    } else {
      const at = (this.lastChangeAt = this.nextChangeAt(now));
      this.changes++;
      this.updateOne(userId, before, ended, at, { reassigned_to: nextUserId });
      const next = { ...created, id: this.newId('mapping', given) };
      this.createOne(nextUserId, next, at, { reassigned_from: userId });
    }
    const createdJson = toMapping({ ...created, id: isDryRun ? 0 : this.lastIds.mapping });
    const { ipsubnet, starttime, endtime } = createdJson;
    const answer = {
      dry_run: isDryRun,
      ended: toMapping(ended),
      created: createdJson,
      changes: [{ ipsubnet, starttime, endtime, from: userId, to: nextUserId }],
    };
    return { status: 200, text: JSON.stringify(answer) };
  }

  /** @param recordedAt the time at which the register must have known the answer, in Unix milliseconds */
  lookUp(address: bigint, second: number, recordedAt = NOW): Held {
    const [mapping] = this.states
      .filter(
        (state) =>
          state.at <= recordedAt && recordedAt < state.until && holds(state, address, second, second),
      )
      .sort((a, b) => compare(size(a), size(b)) || b.start - a.start || b.id - a.id);
    return mapping === undefined
      ? { holder: null, mapping: null }
      : { holder: this.holder(mapping.customerId, second, recordedAt), mapping: toMapping(mapping) };
  }

  /** All holders of an address from one second through another, as known now. */
  history(address: bigint, from: number, to: number): Held[] {
    return this.present
      .filter((mapping) => holds(mapping, address, from, to))
      .sort((a, b) => a.start - b.start || a.id - b.id)
      .map((mapping) => ({
        holder: this.holder(mapping.customerId, Math.min(mapping.end ?? Infinity, to), NOW),
        mapping: toMapping(mapping),
      }));
  }

  /** The response to a request for all mappings. */
  list(): string {
    return `[${this.present.map(toMappingText).join(',')}]`;
  }

  /** The UserIDs of the current customers. */
  get userIds(): string[] {
    return [...this.idsByUserId.keys()];
  }

  /** The mappings of current customers, which may be changed. */
  get changeable(): { readonly userId: string; readonly mapping: MappingState }[] {
    const userIds = new Map([...this.idsByUserId].map(([userId, id]) => [id, userId]));
    return this.present.flatMap((mapping) => {
      const userId = userIds.get(mapping.customerId);
      return userId === undefined ? [] : [{ userId, mapping }];
    });
  }

  /** The state of a customer at the end of a second. */
  private holder(id: number, second: number, recordedAt: number): object {
    const states = this.statesOf(id);
    const known = states.filter(({ at }) => at <= recordedAt);
    const { fields } = known.findLast(({ at }) => Math.floor(at / 1000) <= second) ?? states[0];
    const isDeleted = known.at(-1)?.isDeleted === true;
    return { ...toCustomer(id, fields), ...(isDeleted ? { deleted: true } : {}) };
  }

  private statesOf(id: number): CustomerStates {
    const states = this.customers.get(id);
    if (states === undefined) throw new Error(`there was no customer ${id}`);
    return states;
  }

  private customer(userId: string): CustomerState | undefined {
    const id = this.idsByUserId.get(userId);
    return id === undefined ? undefined : this.statesOf(id).at(-1);
  }

  private ofCustomer(id: number): MappingState[] {
    return this.present.filter(({ customerId }) => customerId === id);
  }

  private one(userId: string, id: number | undefined): MappingState | Expected {
    const holder = this.customer(userId);
    if (holder === undefined) return NOT_FOUND;
    const all = this.ofCustomer(holder.id);
    if (id === undefined && all.length > 1) {
      const errors = all.slice(0, 100).map((mapping) => ({
        field: 'id',
        message: `may be ${mapping.id}: ${inWords(mapping)}`,
      }));
      return { ...refused(409, 'mapping_ambiguous'), errors };
    }
    return all.find((mapping) => mapping.id === (id ?? mapping.id)) ?? refused(404, 'mapping_not_found');
  }

  /** The error if a mapping conflicts with others. */
  private refusal(
    customerId: number,
    request: MappingRequest,
    others: readonly MappingState[],
  ): Expected | undefined {
    const inTheWay = others.filter(
      (other) =>
        other.customerId !== customerId &&
        other.network.first <= request.network.last &&
        request.network.first <= other.network.last &&
        other.start <= (request.end ?? Infinity) &&
        request.start <= (other.end ?? Infinity),
    );
    if (inTheWay.length > 0) {
      const messages = inTheWay.map(
        (other) => `Overlaps ${inWords(other)} of UserID : ${this.userIdOf(other)}`,
      );
      return { ...refused(409, 'mapping_overlap'), messages };
    }
    const isDuplicate = others.some((other) => other.customerId === customerId && isSame(other, request));
    if (!isDuplicate) return undefined;
    const messages = [`Duplicate Mapping for UserID : ${this.userIdOf({ customerId })}`];
    return { ...refused(409, 'mapping_duplicate'), messages };
  }

  private userIdOf({ customerId }: { readonly customerId: number }): string {
    return this.statesOf(customerId).at(-1)?.fields.UserID ?? '';
  }

  private putCustomer(state: CustomerState): Expected {
    this.changes++;
    const states = this.customers.get(state.id);
    const change = state.isDeleted ? 'deleted' : states === undefined ? 'created' : 'updated';
    this.feed.push({ at: state.at, change, customer: toCustomer(state.id, state.fields) });
    this.customers.set(state.id, states === undefined ? [state] : [...states, state]);
    this.idsByUserId.set(state.fields.UserID, state.id);
    return answeredCustomer(state);
  }

  private createOne(userId: string, mapping: NewState, at: number, more: object = {}): MappingState {
    this.act('mapping.created', userId, { ...idsOf(mapping), ...more });
    return this.put('created', { ...mapping, at, until: Infinity });
  }

  private updateOne(
    userId: string,
    before: MappingState,
    after: NewState,
    changedAt: number,
    more: object = {},
  ): MappingState {
    this.act('mapping.updated', userId, { ...idsOf(after), ...more });
    const at = this.take(before, changedAt);
    return this.put('updated', { ...after, at, until: Infinity });
  }

  private deleteOne(userId: string, mapping: MappingState, changedAt: number): void {
    this.act('mapping.deleted', userId, idsOf(mapping));
    const at = this.take(mapping, changedAt);
    this.feed.push({ at, change: 'deleted', mapping: toMapping(mapping) });
  }

  private put(change: 'created' | 'updated', state: MappingState): MappingState {
    this.states.push(state);
    this.present.push(state);
    this.present.sort((a, b) => a.id - b.id);
    this.feed.push({ at: state.at, change, mapping: toMapping(state) });
    return state;
  }

  /** Ends the current state of a mapping. @returns when that is recorded */
  private take(mapping: MappingState, changedAt: number): number {
    mapping.until = Math.max(changedAt, mapping.at + 1);
    this.present = this.present.filter((other) => other !== mapping);
    return mapping.until;
  }

  private act(action: string, UserID: string, details: object): void {
    this.acts.push({ action, UserID, details });
  }

  /** When the next change of mappings is recorded, which is after all others. */
  private nextChangeAt(now: number): number {
    const isAhead = this.lastChangeAt >= now && this.lastChangeAt < now + TOO_FAR_AHEAD_MS;
    return isAhead ? this.lastChangeAt + 1 : now;
  }

  private newId(of: 'customer' | 'mapping', given: () => number): number {
    const id = given();
    if (!(id > this.lastIds[of])) throw new Error(`the id ${id} was given after ${this.lastIds[of]}`);
    this.lastIds[of] = id;
    return id;
  }
}

function idsOf({ id, customerId }: NewState): object {
  return { id, ipdr_customer_id: customerId };
}

function toMapping({ id, customerId, network, start, end, terminalId }: MappingState): Mapping {
  return {
    id,
    ipdr_customer_id: customerId,
    ipsubnet: network.text,
    starttime: start,
    endtime: end,
    terminalid: terminalId,
  };
}

function toMappingText(mapping: MappingState): string {
  return JSON.stringify(toMapping(mapping));
}

function toCustomer(id: number, fields: CustomerFields): object {
  const { Name, Address, Email, PhoneNumber, AltPhoneNumber, UserID } = fields;
  return { id, Name, Address, Email, PhoneNumber, AltPhoneNumber, UserID };
}

function toText(id: number, fields: CustomerFields): string {
  return JSON.stringify(toCustomer(id, fields));
}

/** Whether a mapping covers an address at any second from `from` through `to`. */
function holds({ network, start, end }: MappingState, address: bigint, from: number, to: number): boolean {
  return start <= to && from <= (end ?? Infinity) && network.first <= address && address <= network.last;
}

function isSame(one: MappingRequest, other: MappingRequest): boolean {
  return (
    one.network.first === other.network.first &&
    one.network.last === other.network.last &&
    one.start === other.start &&
    one.end === other.end
  );
}

function isEmpty({ start, end }: MappingRequest): boolean {
  return end !== null && end < start;
}

function size({ network }: MappingState): bigint {
  return network.last - network.first;
}

function compare(one: bigint, other: bigint): number {
  return Number(one > other) - Number(one < other);
}

function inWords({ network, start, end }: MappingState): string {
  return `ipsubnet ${network.text}, starttime ${start}, endtime ${end}`;
}

function answered(mapping: MappingState): Expected {
  return { status: 200, text: toMappingText(mapping), etag: `"${mapping.id}-${mapping.at}"` };
}

function answeredCustomer({ id, fields, at }: CustomerState): Expected {
  return { status: 200, text: toText(id, fields), etag: `"${id}-${at}"` };
}

function invalid(field: string): Expected {
  return { ...refused(422, 'validation_failed'), errors: [{ field }] };
}

function refused(status: number, code: string): Expected {
  return { status, code };
}
