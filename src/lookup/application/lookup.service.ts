import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import pLimit from 'p-limit';
import type { ContextId, Principal } from '../../identity/domain/principal.js';
import { Holders } from '../../customers/application/holders.js';
import type { PastCustomer } from '../../customers/domain/customer.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { HeldAddresses } from '../../ip-mappings/application/held-addresses.js';
import type { Moment, RecordedMapping } from '../../ip-mappings/domain/ip-mapping.js';
import type { IpAddress } from '../../ip-mappings/domain/ip-network.js';
import type { Validity } from '../../ip-mappings/domain/validity.js';
import { Clock } from '../../shared/clock.js';
import { LOOKUP_ACTIONS } from '../domain/lookup.actions.js';

/** A holder, with its data at that second, and its mapping. */
export interface Held {
  readonly holder: PastCustomer;
  readonly mapping: RecordedMapping;
}

/** Who held this address at this second? */
export interface Query {
  readonly address: IpAddress;
  /** Unix seconds; undefined = now. */
  readonly second: number | undefined;
}

/** The answer to a query. */
export interface Answer extends Moment {
  /** undefined = nobody held the address. */
  readonly held: Held | undefined;
}

/** The parts of a look-up besides its queries. */
export interface Inquiry {
  /** Answer what the register said at this instant, Unix milliseconds; undefined = now. */
  readonly recordedAt: number | undefined;
  /** The request as sent, with case reference and purpose, for the audit trail. */
  readonly sent: object;
}

/** Concurrent bulk look-ups. More would be no faster, but take memory and all snapshots. */
const AT_ONCE = 2;

/** Answers who held an address at a second. Every look-up is audited. */
@Injectable()
export class LookupService {
  private readonly turns = pLimit(AT_ONCE);

  constructor(
    private readonly addresses: HeldAddresses,
    private readonly holders: Holders,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  async one(by: Principal, query: Query, inquiry: Inquiry): Promise<Answer> {
    const [answer] = (await this.answer(by.context, [query], inquiry)) as [Answer];
    const { second, held } = answer;
    await this.trail.recordRead(by, {
      action: LOOKUP_ACTIONS.one,
      ...(held === undefined ? {} : { userId: held.holder.userId }),
      details: {
        ...inquiry.sent,
        time: second,
        ...(held !== undefined && { ipdr_customer_id: held.holder.id }),
        records: held === undefined ? 0 : 1,
      },
    });
    return answer;
  }

  /** Answers in the order of the queries. The audit entry has only a digest of them, since there may be thousands. */
  async many(by: Principal, queries: readonly Query[], inquiry: Inquiry): Promise<Answer[]> {
    const answers = await this.turns(() => this.answer(by.context, queries, inquiry));
    const records = answers.filter(({ held }) => held !== undefined).length;
    const lines = answers.map(({ address, second }) => `${address.toString()},${second}\n`);
    const digest = createHash('sha256').update(lines.join('')).digest('hex');
    const details = { ...inquiry.sent, queries: queries.length, queries_sha256: digest, records };
    await this.trail.recordRead(by, { action: LOOKUP_ACTIONS.many, details });
    return answers;
  }

  /** Every holder of an address within a period, in order of time, each with the data of its last second there. */
  async history(by: Principal, address: IpAddress, period: Validity, sent: object): Promise<Held[]> {
    const mappings = await this.addresses.historyOf(by.context, address, period);
    const until = period.to ?? Infinity;
    const held = await this.withHolders(
      by.context,
      mappings.map((mapping) => ({ mapping, second: Math.min(mapping.validity.to ?? Infinity, until) - 1 })),
      undefined,
    );
    const found = held.filter((each) => each !== undefined);
    const details = { ...sent, records: found.length };
    await this.trail.recordRead(by, { action: LOOKUP_ACTIONS.history, details });
    return found;
  }

  private async answer(
    context: ContextId,
    queries: readonly Query[],
    { recordedAt }: Inquiry,
  ): Promise<Answer[]> {
    const now = Math.floor(this.clock.now() / 1000);
    const moments = queries.map(({ address, second = now }) => ({ address, second }));
    const mappings = await this.addresses.at(context, moments, recordedAt);
    const found = moments.map(({ second }, n) => ({ mapping: mappings[n], second }));
    const held = await this.withHolders(context, found, recordedAt);
    return moments.map((moment, n) => ({ ...moment, held: held[n] }));
  }

  /** Adds each mapping's holder, with its data at the second. */
  private async withHolders(
    context: ContextId,
    found: readonly { readonly mapping: RecordedMapping | undefined; readonly second: number }[],
    recordedAt: number | undefined,
  ): Promise<(Held | undefined)[]> {
    const mapped = found.flatMap(({ mapping, second }) =>
      mapping === undefined ? [] : [{ customerId: mapping.customerId, second }],
    );
    const holders = (await this.holders.asOf(context, mapped, recordedAt)).values();
    return found.map(({ mapping }) => {
      if (mapping === undefined) return undefined;
      const holder = holders.next().value;
      return holder && { holder, mapping }; // undefined: purged between the two reads
    });
  }
}
