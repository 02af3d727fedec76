import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { Holders } from '../../customers/application/holders.js';
import { customerNotFound } from '../../customers/domain/customer.errors.js';
import { toUserId } from '../../customers/domain/customer.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { pageOf, type Page } from '../../shared/page.js';
import type { RecordedVersion } from '../../versions/domain/version.js';
import { mappingNotFound } from '../domain/ip-mapping.errors.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';
import { IpMappingVersionRepository } from './ip-mapping-version.repository.js';
import { MAPPING_ACTIONS } from '../domain/ip-mapping.actions.js';

/** Which versions of mappings a history holds. */
export interface MappingHistoryFilter {
  /** Those of this mapping; undefined = of all. */
  readonly mappingId: number | undefined;
  /** The filter as the client sent it, for the audit trail. */
  readonly sent: object;
}

/** The history of mappings, in the caller's context. */
@Injectable()
export class MappingHistoryService {
  constructor(
    private readonly versions: IpMappingVersionRepository,
    private readonly holders: Holders,
    private readonly trail: AuditTrail,
  ) {}

  /**
   * A page of at most `limit` versions, the newest first, of the mappings of every customer that has or had this UserID.
   *
   * @param before the id of the version that the page begins after; undefined = it is the first
   * @throws RegisterError `customer_not_found` if no customer had the UserID, `mapping_not_found` if `mappingId` is not
   * one of their mappings
   */
  async versionsOf(
    by: Principal,
    called: string,
    { mappingId, sent }: MappingHistoryFilter,
    before: number | undefined,
    limit: number,
  ): Promise<Page<RecordedVersion<RecordedMapping>>> {
    const userId = toUserId(called);
    const customers = await this.holders.customerIdsOf(by.context, userId);
    const below = before ?? Number.MAX_SAFE_INTEGER;
    const page = pageOf(
      await this.versions.history(by.context, customers, mappingId, below, limit + 1),
      limit,
    );
    const records = page.rows.length;
    const details = { filter: sent, records };
    await this.trail.recordRead(by, { action: MAPPING_ACTIONS.historyRead, userId, details });
    if (customers.length === 0) throw customerNotFound();
    if (records === 0 && mappingId !== undefined && before === undefined) throw mappingNotFound();
    return page;
  }
}
