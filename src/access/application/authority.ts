import { Injectable } from '@nestjs/common';
import { AuditTrail, type Act } from '../../history/application/audit-trail.js';
import { Transactions } from '../../shared/transactions.js';
import { TokenRepository } from './access.repositories.js';
import { invalidToken } from './authentication.service.js';
import type { Principal } from '../../identity/domain/principal.js';

/** Guards changes to contexts, users and tokens. */
@Injectable()
export class Authority {
  constructor(
    private readonly tokens: TokenRepository,
    private readonly trail: AuditTrail,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Makes a change and audits it in one transaction. Checks inside the transaction that the caller is still an enabled
   * admin with this token: otherwise a thief could create another token while being locked out.
   *
   * @param by undefined = the command line
   * @param actOf describes the change for the audit trail
   * @throws RegisterError `invalid_token`
   */
  change<T>(by: Principal | undefined, work: () => Promise<T>, actOf: (result: T) => Act): Promise<T> {
    return this.transactions.run(async () => {
      const owner = by && (await this.tokens.lockOwner(by.userName, by.tokenId));
      if (by !== undefined && !(owner?.enabled && owner.role === 'admin')) throw invalidToken([]);
      const result = await work();
      await this.trail.record(by, actOf(result));
      return result;
    });
  }
}
