import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { Holders } from '../../customers/application/holders.js';
import { customerNotFound } from '../../customers/domain/customer.errors.js';
import { toUserId } from '../../customers/domain/customer.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { validationFailed } from '../../shared/errors.js';
import { pageOf, type Page } from '../../shared/page.js';
import { Transactions } from '../../shared/transactions.js';
import { requireVersion, type Expectation } from '../../versions/domain/version.js';
import { mappingAmbiguous, mappingNotFound } from '../domain/ip-mapping.errors.js';
import type { RecordedMapping, TerminalId } from '../domain/ip-mapping.js';
import type { IpNetwork } from '../domain/ip-network.js';
import { EmptyValidity, Validity } from '../domain/validity.js';
import { IpMappingRepository, type ListedMapping } from './ip-mapping.repository.js';
import { MappingLedger, type Holder } from './mapping-ledger.js';
import { MAPPING_ACTIONS } from '../domain/ip-mapping.actions.js';

/** A mapping as clients describe it: times are Unix seconds, `endtime` inclusive; null = still open. */
export interface MappingFields {
  readonly network: IpNetwork;
  readonly starttime: number;
  readonly endtime: number | null;
  readonly terminalId: TerminalId;
}

/** Narrows a list of mappings. */
export interface MappingFilter {
  /** Only mappings of this customer; undefined = of all. */
  readonly userId: string | undefined;
  /** The filter as the client sent it, for the audit trail. */
  readonly sent: object;
}

/** The mappings of the caller's context. Audits every read and every write. */
@Injectable()
export class IpMappingsService {
  constructor(
    private readonly mappings: IpMappingRepository,
    private readonly holders: Holders,
    private readonly ledger: MappingLedger,
    private readonly trail: AuditTrail,
    private readonly transactions: Transactions,
  ) {}

  /** @throws RegisterError `customer_not_found`, `mapping_not_found` */
  async get(by: Principal, userId: string, id: number): Promise<RecordedMapping> {
    const holder = await this.holders.find(by.context, toUserId(userId));
    const found = holder && (await this.mappings.find(by.context, holder.id, id));
    const details = { id, ipdr_customer_id: holder?.id, records: found === undefined ? 0 : 1 };
    await this.trail.recordRead(by, { action: MAPPING_ACTIONS.read, userId: toUserId(userId), details });
    if (holder === undefined) throw customerNotFound();
    if (found === undefined) throw mappingNotFound();
    return found;
  }

  /** A page of at most `limit` mappings. @throws RegisterError `customer_not_found` */
  async page(
    by: Principal,
    filter: MappingFilter,
    after: number,
    limit: number,
  ): Promise<Page<ListedMapping>> {
    const holder = await this.holderIn(by, filter);
    const found = await this.mappings.page(by.context, holder?.id, after, limit + 1);
    const page = pageOf(found, limit);
    await this.recordList(by, filter, page.rows.length);
    return page;
  }

  /** The whole list in batches. @throws RegisterError `customer_not_found` */
  async *all(by: Principal, filter: MappingFilter, after: number): AsyncGenerator<ListedMapping[]> {
    const holder = await this.holderIn(by, filter);
    yield* this.mappings.all(by.context, holder?.id, after, (count) => this.recordList(by, filter, count));
  }

  /** @throws RegisterError `customer_not_found`, `mapping_overlap`, `mapping_duplicate`, `validation_failed` */
  create(by: Principal, userId: string, fields: MappingFields): Promise<RecordedMapping> {
    const { network, starttime, endtime, terminalId } = fields;
    const validity = validityOf(starttime, endtime);
    return this.transactions.run(async () => {
      const changes = await this.ledger.open(by);
      const holder = await this.holders.lock(by.context, userId);
      return changes.insert(holder, { network, validity, terminalId });
    });
  }

  /**
   * Changes the given fields.
   *
   * @param id undefined = the customer's only mapping
   * @throws RegisterError `customer_not_found`, `mapping_not_found`, `mapping_ambiguous`, `precondition_failed`,
   * `mapping_overlap`, `mapping_duplicate`, `validation_failed`
   */
  change(
    by: Principal,
    userId: string,
    id: number | undefined,
    changed: Partial<MappingFields>,
    isExpected?: Expectation,
  ): Promise<RecordedMapping> {
    return this.transactions.run(async () => {
      const changes = await this.ledger.open(by);
      const holder = await this.holders.lock(by.context, userId);
      const before = await this.requireOne(by, holder, id, isExpected);
      const kept = before.validity.toWire();
      const {
        network = before.network,
        terminalId = before.terminalId,
        starttime = kept.starttime,
      } = changed;
      const validity =
        changed.endtime === undefined
          ? validityOf(starttime, kept.endtime, 'starttime')
          : validityOf(starttime, changed.endtime);
      return changes.update(holder, before, { network, validity, terminalId });
    });
  }

  /**
   * Withdraws a mapping, as if it had never existed. Its versions stay.
   *
   * @param id undefined = the customer's only mapping
   * @throws RegisterError `customer_not_found`, `mapping_not_found`, `mapping_ambiguous`, `precondition_failed`
   */
  delete(
    by: Principal,
    userId: string,
    id: number | undefined,
    isExpected?: Expectation,
  ): Promise<RecordedMapping> {
    return this.transactions.run(async () => {
      const changes = await this.ledger.open(by);
      const holder = await this.holders.lock(by.context, userId);
      const mapping = await this.requireOne(by, holder, id, isExpected);
      await changes.delete(holder, mapping);
      return mapping;
    });
  }

  private async requireOne(
    by: Principal,
    holder: Holder,
    id: number | undefined,
    isExpected: Expectation | undefined,
  ): Promise<RecordedMapping> {
    if (id !== undefined)
      return requireExpected(await this.mappings.lock(by.context, holder.id, id), isExpected);
    const all = await this.mappings.ofCustomer(by.context, holder.id);
    if (all.length > 1) throw mappingAmbiguous(holder.userId, all);
    return requireExpected(all[0], isExpected);
  }

  /** @throws RegisterError `customer_not_found`, after the read was audited */
  private async holderIn(by: Principal, filter: MappingFilter): Promise<Holder | undefined> {
    if (filter.userId === undefined) return undefined;
    const holder = await this.holders.find(by.context, toUserId(filter.userId));
    if (holder !== undefined) return holder;
    await this.recordList(by, filter, 0);
    throw customerNotFound();
  }

  private recordList(by: Principal, { userId, sent }: MappingFilter, records: number): Promise<void> {
    const about = userId === undefined ? {} : { userId: toUserId(userId) };
    const details = { filter: sent, records };
    return this.trail.recordRead(by, { action: MAPPING_ACTIONS.listed, ...about, details });
  }
}

/** @throws RegisterError `mapping_not_found`, `precondition_failed` */
export function requireExpected(
  mapping: RecordedMapping | undefined,
  isExpected: Expectation | undefined,
): RecordedMapping {
  if (mapping === undefined) throw mappingNotFound();
  return requireVersion(mapping, isExpected, 'IP mapping');
}

/**
 * @param field the member to report if the period is empty: one that the client sent
 * @throws RegisterError `validation_failed`
 */
function validityOf(
  starttime: number,
  endtime: number | null,
  field: 'starttime' | 'endtime' = 'endtime',
): Validity {
  try {
    return Validity.fromWire(starttime, endtime);
  } catch (error) {
    if (!(error instanceof EmptyValidity)) throw error;
    const message =
      field === 'endtime'
        ? error.message
        : 'must not be after the endtime of the mapping: send a new endtime too';
    throw validationFailed([{ field, message }]);
  }
}
