import { Injectable } from '@nestjs/common';
import { AuditTrail, type Act } from '../../history/application/audit-trail.js';
import { Transactions } from '../../shared/transactions.js';
import { TokenRepository } from './access.repositories.js';
import { invalidToken } from './authentication.service.js';
import type { Principal } from '../../identity/domain/principal.js';

/** Changes of who may do what. */
@Injectable()
export class Authority {
  constructor(
    private readonly tokens: TokenRepository,
    private readonly trail: AuditTrail,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Makes a change in a transaction, and puts it on record there, unless whoever asked for it was stopped meanwhile:
   * or a thief who is thrown out would have left himself another token.
   *
   * @param by undefined = the operator, at the command line
   * @param actOf what the audit trail is told of it
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
