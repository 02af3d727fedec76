import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { CustomerHoldings, type OpenHoldings } from '../../customers/application/customer-holdings.js';
import { Holders } from '../../customers/application/holders.js';
import type { DeletedCustomer } from '../../customers/domain/customer.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { Clock } from '../../shared/clock.js';
import { nextVersionAt, type ChangeMade } from '../../versions/domain/version.js';
import { mappingDuplicate, mappingOverlap } from '../domain/ip-mapping.errors.js';
import { withoutHolder, type IpMappingDetails, type RecordedMapping } from '../domain/ip-mapping.js';
import { IpMappingRepository } from './ip-mapping.repository.js';
import { IpMappingVersionRepository } from './ip-mapping-version.repository.js';
import { MAPPING_ACTIONS } from '../domain/ip-mapping.actions.js';

/** The customer who holds a mapping. */
export interface Holder {
  readonly id: number;
  readonly userId: string;
}

type Fields = Omit<IpMappingDetails, 'customerId'>;

/** The one way to change mappings: nothing else calls the repository's writes. */
@Injectable()
export class MappingLedger extends CustomerHoldings {
  constructor(
    private readonly mappings: IpMappingRepository,
    private readonly versions: IpMappingVersionRepository,
    private readonly holders: Holders,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {
    super();
  }

  /**
   * Makes all other transactions that change mappings of the context wait for this one. MUST come before the
   * transaction's first plain read, which fixes what it sees.
   */
  async open(by: Principal): Promise<OpenLedger> {
    const now = this.clock.now();
    const at = await this.mappings.guard(by.context, now);
    const { mappings, versions, holders, trail } = this;
    return new OpenLedger(by, Math.floor(now / 1000), at, mappings, versions, holders, trail);
  }

  purgeOf(customers: readonly DeletedCustomer[], throughBlock: number): Promise<DeletedCustomer[]> {
    return this.versions.purgeOf(customers, throughBlock);
  }
}

/** Changes mappings within one transaction, each with its version and its audit entry. */
export class OpenLedger implements OpenHoldings {
  constructor(
    private readonly by: Principal,
    /** Unix seconds. */
    private readonly now: number,
    /** When the changes are recorded: Unix milliseconds. */
    private readonly at: number,
    private readonly mappings: IpMappingRepository,
    private readonly versions: IpMappingVersionRepository,
    private readonly holders: Holders,
    private readonly trail: AuditTrail,
  ) {}

  /** @throws RegisterError `mapping_overlap`, `mapping_duplicate` */
  async insert(holder: Holder, fields: Fields, details: object = {}): Promise<RecordedMapping> {
    const mapping = { customerId: holder.id, ...fields, updatedAt: this.at };
    await this.assertNoOverlap(mapping);
    const [id] = (await this.mappings.insert(this.by.context, [mapping])).ids;
    if (id === undefined) throw mappingDuplicate(mapping, holder.userId);
    return this.record('created', holder, { id, ...mapping }, details);
  }

  /**
   * Adds no version if nothing changes.
   *
   * @throws RegisterError `mapping_overlap`, `mapping_duplicate`
   */
  async update(
    holder: Holder,
    before: RecordedMapping,
    changes: Partial<Fields>,
    details: object = {},
  ): Promise<RecordedMapping> {
    const after = { ...before, ...changes, updatedAt: nextVersionAt(before, this.at) };
    if (isUnchanged(before, after)) {
      const act = {
        action: MAPPING_ACTIONS.unchanged,
        userId: holder.userId,
        details: { id: before.id, ipdr_customer_id: holder.id },
      } as const;
      await this.trail.record(this.by, act);
      return before;
    }
    await this.assertNoOverlap(after);
    return this.replace(holder, after, details);
  }

  async delete(holder: Holder, mapping: RecordedMapping): Promise<void> {
    await this.mappings.delete(this.by.context, mapping.id);
    await this.record('deleted', holder, { ...mapping, updatedAt: nextVersionAt(mapping, this.at) });
  }

  /** Ends the mappings of a customer that is being deleted, and withdraws those that have not begun. */
  async release(holder: Holder): Promise<void> {
    const all = withoutHolder(await this.mappings.ofCustomer(this.by.context, holder.id), this.now);
    // Withdraw first: a mapping may become identical, once ended, to one that is withdrawn.
    for (const [mapping, left] of all) if (left === undefined) await this.delete(holder, mapping);
    for (const [mapping, left] of all) {
      if (left === undefined || left === mapping) continue;
      await this.replace(holder, { ...left, updatedAt: nextVersionAt(mapping, this.at) });
    }
  }

  private async replace(holder: Holder, after: RecordedMapping, details?: object): Promise<RecordedMapping> {
    if (!(await this.mappings.update(this.by.context, after))) throw mappingDuplicate(after, holder.userId);
    return this.record('updated', holder, after, details);
  }

  private async assertNoOverlap(mapping: IpMappingDetails): Promise<void> {
    const { context } = this.by;
    const other = await this.mappings.conflicting(context, mapping);
    if (other !== undefined) {
      throw mappingOverlap(mapping, await this.holders.userIdOf(context, other.customerId), other);
    }
  }

  private async record(
    change: ChangeMade,
    holder: Holder,
    mapping: RecordedMapping,
    more: object = {},
  ): Promise<RecordedMapping> {
    await this.versions.insert(this.by, change, [mapping]);
    const details = { id: mapping.id, ipdr_customer_id: holder.id, ...more };
    await this.trail.record(this.by, { action: MAPPING_ACTIONS[change], userId: holder.userId, details });
    return mapping;
  }
}

function isUnchanged(one: Fields, other: Fields): boolean {
  return (
    one.network.text === other.network.text &&
    one.validity.isSameAs(other.validity) &&
    one.terminalId === other.terminalId
  );
}
