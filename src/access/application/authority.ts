import { Injectable } from '@nestjs/common';
import { Transactions } from '../../shared/transactions.js';
import { TokenRepository } from './access.repositories.js';
import { invalidToken } from './authentication.service.js';
import type { Principal } from './principal.js';

/** Changes of who may do what. */
@Injectable()
export class Authority {
  constructor(
    private readonly tokens: TokenRepository,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Makes a change in a transaction, unless whoever asked for it was stopped meanwhile: or a thief who is thrown out
   * would have left himself another token.
   *
   * @param by undefined = the operator, at the command line
   * @throws RegisterError `invalid_token`
   */
  change<T>(by: Principal | undefined, work: () => Promise<T>): Promise<T> {
    return this.transactions.run(async () => {
      const owner = by && (await this.tokens.lockOwner(by.userName, by.tokenId));
      if (by !== undefined && !(owner?.enabled && owner.role === 'admin')) throw invalidToken([]);
      return work();
    });
  }
}
