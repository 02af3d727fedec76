import { expect } from '@jest/globals';
import type { Answer, Call } from './client.js';
import { pathOf } from './customers.js';

export type Send = (method: string, path: string, call?: Call) => Promise<Answer>;

interface Write {
  readonly change: 'created' | 'updated' | 'deleted';
  readonly userId: string;
  readonly key: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly call: Call;
  /** The expected customer, without the id of a new one. */
  readonly customer: object;
}

interface Version {
  readonly change: string;
  readonly customer: object;
  readonly recorded_at: unknown;
}

const USER_IDS = 3;

/**
 * Writes customers with its own UserIDs, one request after the other, every other one with an Idempotency-Key. So it
 * knows exactly their expected state, whatever happens meanwhile.
 */
export class Writer {
  /** The number of responses by outcome. */
  readonly outcomes = new Map<string, number>();
  /** The acknowledged versions of each UserID, oldest first. */
  private readonly versions = new Map<string, Version[]>();
  /** A write with an unknown outcome. */
  private doubtful: Write | undefined;
  private count = 0;

  /** @param name the prefix of its UserIDs and keys */
  constructor(
    private readonly send: Send,
    private readonly name: string,
  ) {}

  /** The UserID of the next write. */
  get nextUserId(): string {
    return `${this.name}-${this.count % USER_IDS}`;
  }

  /** @returns `200`, `503 …`, `500 outcome_unknown` or `unanswered`. @throws Error for anything else */
  async write(): Promise<string> {
    const write = this.nextWrite();
    this.doubtful = write;
    const answer = await this.send(write.method, write.path, write.call).catch(() => undefined);
    const outcome = outcomeOf(answer);
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    if (outcome === '200') this.keep(write, answer?.json as object, answer?.headers['etag']);
    if (!['unanswered', '500 outcome_unknown'].includes(outcome)) this.doubtful = undefined;
    if (!/^(200|503 .*|500 outcome_unknown|unanswered)$/.test(outcome)) {
      throw new Error(`${write.method} of ${write.userId} was answered ${outcome}`);
    }
    return outcome;
  }

  /**
   * Determines the outcome of the last write if it is unknown: repeats it with its key, which must succeed, or reads
   * the history.
   */
  async settle(): Promise<void> {
    const write = this.doubtful;
    if (write === undefined) return;
    this.doubtful = undefined;
    const known = this.versionsOf(write.userId).length;
    if (write.key !== undefined) {
      const answer = await this.send(write.method, write.path, write.call);
      expect([write, answer.status, answer.text]).toEqual([write, 200, answer.text]);
      this.keep(write, answer.json as object, answer.headers['etag']);
      return;
    }
    const kept = (await this.history(write.userId))[known];
    if (kept !== undefined) this.keep(write, kept.customer);
  }

  /** Compares all versions and the current state of its UserIDs with the acknowledged writes. */
  async check(): Promise<void> {
    for (const [userId, versions] of this.versions) {
      expect([userId, await this.history(userId)]).toEqual([userId, versions]);
      const now = versions.at(-1);
      const { status, json } = await this.send('GET', pathOf(userId));
      if (now === undefined || now.change === 'deleted') expect([userId, status]).toEqual([userId, 404]);
      else expect(json).toEqual(now.customer);
    }
  }

  private nextWrite(): Write {
    const [userId, n] = [this.nextUserId, this.count++];
    const before = this.versionsOf(userId).at(-1);
    const key = n % 2 === 0 ? undefined : `${this.name} ${n}`;
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
    const common = { userId, key, path: pathOf(userId) };
    const Address = `${this.name} ${n}`;
    if (before === undefined || before.change === 'deleted') {
      const customer = {
        Name: 'N',
        Address,
        Email: null,
        PhoneNumber: null,
        AltPhoneNumber: null,
        UserID: userId,
      };
      const call = { headers, body: customer };
      return { ...common, change: 'created', method: 'POST', path: '/api/ipdrcustomers', call, customer };
    }
    if (n % 5 === 4) {
      return { ...common, change: 'deleted', method: 'DELETE', call: { headers }, customer: before.customer };
    }
    const customer = { ...before.customer, Address };
    return { ...common, change: 'updated', method: 'PATCH', call: { headers, body: { Address } }, customer };
  }

  /** @param etag of the response, which contains the time of recording */
  private keep({ change, userId, customer }: Write, answer: object, etag?: string | string[]): void {
    expect(answer).toEqual({ id: expect.any(Number), ...customer });
    const [, at] = /^"\d+-(\d+)"$/.exec(String(etag)) ?? [];
    const recorded = at === undefined ? expect.any(String) : new Date(Number(at)).toISOString();
    this.versionsOf(userId).push({ change, customer: answer, recorded_at: recorded });
  }

  private versionsOf(userId: string): Version[] {
    const versions = this.versions.get(userId) ?? [];
    this.versions.set(userId, versions);
    return versions;
  }

  /** Oldest first. */
  private async history(userId: string): Promise<Version[]> {
    const { status, json } = await this.send('GET', `${pathOf(userId)}/history?limit=10000`);
    if (status === 404) return [];
    expect(status).toBe(200);
    return (json as Version[])
      .map(({ change, customer, recorded_at }) => ({ change, customer, recorded_at }))
      .reverse();
  }
}

function outcomeOf(answer: Answer | undefined): string {
  if (answer === undefined) return 'unanswered';
  return answer.status === 200 ? '200' : `${answer.status} ${(answer.json as { code: string }).code}`;
}

/** A client that follows the change feed. */
export class FeedReader {
  /** Each change, as the customer's id and the time. */
  readonly changes: string[] = [];
  private after: string | undefined;

  constructor(private readonly send: Send) {}

  /** Reads until there are no more changes. */
  async follow(): Promise<void> {
    for (;;) {
      const cursor = this.after === undefined ? '' : `&after=${this.after}`;
      const { status, json } = await this.send('GET', `/api/ipdrcustomers_changes?limit=100${cursor}`);
      expect(status).toBe(200);
      const changes = json as { cursor: string; at: string; customer: { id: number } }[];
      if (changes.length === 0) return;
      this.changes.push(...changes.map(({ at, customer }) => `${customer.id} ${at}`));
      this.after = changes.at(-1)?.cursor;
    }
  }
}
