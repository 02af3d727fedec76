import type { CustomerFields } from './customers.js';

type Change = 'created' | 'updated' | 'deleted';

export interface Author {
  readonly user: string;
  readonly token_id: number;
  readonly token: string;
  readonly address: string;
}

/** The current version of a customer. */
interface Known {
  readonly id: number;
  readonly fields: CustomerFields;
  /** Unix milliseconds. */
  readonly at: number;
}

interface Version extends Known {
  /** Its position among all versions of the context. */
  readonly number: number;
  readonly change: Change;
  readonly by: Author;
  readonly before: CustomerFields | undefined;
}

/** An expected audit entry, without the numbers that the register assigns. */
interface Entry {
  readonly at: string;
  readonly action: string;
  readonly user: string;
  readonly token_id: number;
  readonly token: string;
  readonly address: string;
  readonly context: string;
  readonly UserID: string | null;
  readonly details: object;
}

/** A write request. */
export interface Write {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The UserID in the path; undefined = none. */
  readonly userId?: string;
  readonly body?: Partial<CustomerFields>;
  readonly ifMatch?: string;
  readonly key?: string;
}

/** The expected response. */
export interface Expected {
  readonly status: number;
  /** The body, byte for byte; undefined = an error. */
  readonly text?: string;
  /** The code of the error. */
  readonly code?: string;
  readonly etag?: string;
  readonly isReplayed?: boolean;
}

/** The filter of a list. */
export interface Filter {
  readonly equal?: Partial<CustomerFields>;
  /** ASCII only, so that the model needs no case mapping. */
  readonly search?: string;
  readonly updatedSince?: number;
}

/** In the order of a version's `changes`. */
const FIELDS = ['UserID', 'Name', 'Address', 'Email', 'PhoneNumber', 'AltPhoneNumber'] as const;
/** The generator's invalid e-mail address. */
export const INVALID_EMAIL = 'nobody';

/** A simple model of one context: its customers, versions and audit entries. */
export class ContextModel {
  /** By UserID. */
  readonly customers = new Map<string, Known>();
  readonly versions: Version[] = [];
  /** In the order of recording. */
  readonly entries: Entry[] = [];
  private readonly versionsOf = new Map<number, Version[]>();
  private readonly idsOf = new Map<string, Set<number>>();
  private readonly answers = new Map<string, { request: string; answer: Expected }>();
  private lastId = 0;

  constructor(readonly name: string) {}

  /**
   * @param now Unix milliseconds
   * @param idGiven returns the id of a new customer from the response
   */
  write(by: Author, write: Write, now: number, idGiven: () => number): Expected {
    if (write.key === undefined) return this.writeOnce(by, write, now, idGiven);
    const key = `${by.user} ${write.key}`;
    const request = JSON.stringify([write.method, write.userId, write.ifMatch, sorted(write.body)]);
    const kept = this.answers.get(key);
    if (kept !== undefined && kept.request !== request) return refused(409, 'idempotency_key_reused');
    if (kept !== undefined) {
      const path = write.userId === undefined ? '' : '/:UserID';
      const userId = (write.userId ?? write.body?.UserID)?.normalize() ?? null;
      this.put(by, now, 'answer.repeated', userId, { route: `${write.method} /api/ipdrcustomers${path}` });
      return { ...kept.answer, isReplayed: true };
    }
    const answer = this.writeOnce(by, write, now, idGiven);
    if (answer.status === 200) this.answers.set(key, { request, answer });
    return answer;
  }

  /** @param at undefined = now */
  read(by: Author, typed: string, now: number, at?: number): Expected {
    const userId = typed.normalize('NFC');
    const found = at === undefined ? this.customers.get(userId) : this.asOf(userId, at);
    this.put(by, now, 'customer.read', userId, {
      ...(found === undefined ? {} : { id: found.id }),
      ...(at === undefined ? {} : { recorded_at: new Date(at).toISOString() }),
      records: found === undefined ? 0 : 1,
    });
    return found === undefined ? refused(404, 'customer_not_found') : answered(found);
  }

  /**
   * @param after the id after which the list begins
   * @param query the filter as sent
   */
  list(by: Author, filter: Filter, query: object, now: number, after = 0, limit = Infinity): Known[] {
    const found = [...this.customers.values()]
      .filter((each) => each.id > after && matches(each, filter))
      .sort((a, b) => a.id - b.id)
      .slice(0, limit);
    this.put(by, now, 'customers.listed', null, { filter: query, records: found.length });
    return found;
  }

  /** All versions of a UserID, newest first, as the API returns them. */
  history(typed: string): { number: number; json: object }[] {
    return [...(this.idsOf.get(typed.normalize('NFC')) ?? [])]
      .flatMap((id) => this.versionsOf.get(id) ?? [])
      .sort((a, b) => b.number - a.number)
      .map((version) => ({ number: version.number, json: toHistory(version) }));
  }

  /** The changes of the feed in order, without cursors. @param from how many to skip */
  changes(from: number): object[] {
    return this.versions.slice(from).map(({ at, change, id, fields }) => ({
      at: moment(at),
      change,
      customer: toCustomer(id, fields),
    }));
  }

  /** All UserIDs used so far. */
  get userIds(): string[] {
    return [...this.idsOf.keys()];
  }

  put(by: Author, now: number, action: string, UserID: string | null, details: object): void {
    this.entries.push({ at: moment(now), action, ...by, context: this.name, UserID, details });
  }

  private writeOnce(by: Author, write: Write, now: number, idGiven: () => number): Expected {
    const { method, body = {}, ifMatch } = write;
    if (body.Email === INVALID_EMAIL || body.Name === '') return refused(422, 'validation_failed');
    const changes = body.UserID === undefined ? body : { ...body, UserID: body.UserID.normalize('NFC') };
    if (method === 'POST') return this.create(by, changes, now, idGiven);
    const userId = write.userId?.normalize('NFC') ?? '';
    const before = this.customers.get(userId);
    if (before === undefined) return refused(404, 'customer_not_found');
    if (
      ifMatch !== undefined &&
      ifMatch !== '*' &&
      !ifMatch.replace(/^W\//, '').split(', ').includes(tagOf(before))
    ) {
      return refused(412, 'precondition_failed');
    }
    const at = Math.max(now, before.at + 1);
    if (method === 'DELETE') {
      this.customers.delete(userId);
      this.record(by, 'deleted', { ...before, at }, before.fields, now);
      return { status: 200, text: JSON.stringify(toCustomer(before.id, before.fields)) };
    }
    return this.change(by, before, changes, at, now);
  }

  private create(by: Author, fields: Partial<CustomerFields>, now: number, idGiven: () => number): Expected {
    const absent = { Address: null, Email: null, PhoneNumber: null, AltPhoneNumber: null };
    const all = { ...absent, ...fields } as CustomerFields;
    if (this.customers.has(all.UserID)) return refused(409, 'customer_exists');
    const id = idGiven();
    if (!(id > this.lastId)) throw new Error(`the id ${id} was given after ${this.lastId}`);
    this.lastId = id;
    const created = { id, fields: all, at: now };
    this.customers.set(all.UserID, created);
    this.record(by, 'created', created, undefined, now);
    return answered(created);
  }

  private change(
    by: Author,
    before: Known,
    changes: Partial<CustomerFields>,
    at: number,
    now: number,
  ): Expected {
    const fields = { ...before.fields, ...changes };
    const { UserID } = before.fields;
    if (FIELDS.every((field) => fields[field] === before.fields[field])) {
      this.put(by, now, 'customer.unchanged', UserID, { id: before.id });
      return answered(before);
    }
    if (fields.UserID !== UserID && this.customers.has(fields.UserID)) return refused(409, 'customer_exists');
    const after = { id: before.id, fields, at };
    this.customers.delete(UserID);
    this.customers.set(fields.UserID, after);
    this.record(by, 'updated', after, before.fields, now);
    return answered(after);
  }

  private record(
    by: Author,
    change: Change,
    known: Known,
    before: CustomerFields | undefined,
    now: number,
  ): void {
    const { UserID } = known.fields;
    const version = { ...known, number: this.versions.length, change, by, before };
    this.versions.push(version);
    this.versionsOf.set(known.id, [...(this.versionsOf.get(known.id) ?? []), version]);
    this.idsOf.set(UserID, (this.idsOf.get(UserID) ?? new Set()).add(known.id));
    const formerly = before?.UserID ?? UserID;
    const details = { id: known.id, ...(formerly === UserID ? {} : { renamed_to: UserID }) };
    this.put(by, now, `customer.${change}`, formerly, details);
  }

  private asOf(userId: string, at: number): Known | undefined {
    return [...(this.idsOf.get(userId) ?? [])]
      .flatMap((id) => this.versionsOf.get(id)?.findLast((version) => version.at <= at) ?? [])
      .filter(({ change, fields }) => change !== 'deleted' && fields.UserID === userId)
      .sort((a, b) => b.at - a.at || b.number - a.number)[0];
  }
}

export function toCustomer(id: number, fields: CustomerFields): object {
  const { Name, Address, Email, PhoneNumber, AltPhoneNumber, UserID } = fields;
  return { id, Name, Address, Email, PhoneNumber, AltPhoneNumber, UserID };
}

export function tagOf({ id, at }: Pick<Known, 'id' | 'at'>): string {
  return `"${id}-${at}"`;
}

function toHistory({ at, change, by, before, id, fields }: Version): object {
  const changed =
    before === undefined
      ? []
      : FIELDS.filter((field) => before[field] !== fields[field]).map((field) => ({
          field,
          from: before[field],
          to: fields[field],
        }));
  return { recorded_at: moment(at), change, ...by, changes: changed, customer: toCustomer(id, fields) };
}

function matches({ fields, at }: Known, { equal = {}, search, updatedSince }: Filter): boolean {
  const starts = (text: string | null, start = search): boolean =>
    start === undefined || text?.startsWith(start) === true;
  const startsInAnyCase = (text: string | null): boolean =>
    starts(text?.toUpperCase() ?? null, search?.toUpperCase());
  return (
    FIELDS.every((field) => equal[field] === undefined || equal[field] === fields[field]) &&
    (updatedSince === undefined || at >= updatedSince) &&
    (starts(fields.UserID) ||
      starts(fields.PhoneNumber) ||
      startsInAnyCase(fields.Name) ||
      startsInAnyCase(fields.Email))
  );
}

function answered(known: Known): Expected {
  return { status: 200, text: JSON.stringify(toCustomer(known.id, known.fields)), etag: tagOf(known) };
}

function refused(status: number, code: string): Expected {
  return { status, code };
}

function moment(at: number): string {
  return new Date(at).toISOString();
}

function sorted(body: object | undefined): object | undefined {
  return body && Object.entries(body).sort();
}
