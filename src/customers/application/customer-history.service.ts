import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import { pageOf, type Page } from '../../shared/page.js';
import type { RecordedVersion } from '../../versions/domain/version.js';
import { customerNotFound } from '../domain/customer.errors.js';
import type { Customer, UserId } from '../domain/customer.js';
import { CustomerVersionRepository } from './customer-version.repository.js';
import { CUSTOMER_ACTIONS } from '../domain/customer.actions.js';

/** Reads and audits the versions of customers, deleted ones included. */
@Injectable()
export class CustomerHistoryService {
  constructor(
    private readonly versions: CustomerVersionRepository,
    private readonly trail: AuditTrail,
  ) {}

  /**
   * A page of at most `limit` versions, newest first, of every customer that has or once had this UserID.
   *
   * @param filter the query as the client sent it, for the audit entry
   * @throws RegisterError `customer_not_found` if no customer has or had it
   */
  async versionsOf(
    by: Principal,
    userId: UserId,
    filter: object,
    before: number | undefined,
    limit: number,
  ): Promise<Page<RecordedVersion<Customer>>> {
    const below = before ?? Number.MAX_SAFE_INTEGER;
    const page = pageOf(await this.versions.history(by.context, userId, below, limit + 1), limit);
    const records = page.rows.length;
    const details = { filter, records };
    await this.trail.recordRead(by, { action: CUSTOMER_ACTIONS.historyRead, userId, details });
    if (records === 0 && before === undefined) throw customerNotFound();
    return page;
  }
}
