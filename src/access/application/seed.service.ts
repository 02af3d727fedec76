import { Injectable } from '@nestjs/common';
import { COMMON_ERRORS, RegisterError } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import { DEFAULT_CONTEXT } from '../../shared/context-name.js';
import { tokenFault } from '../domain/token.js';
import { ContextsService } from './contexts.service.js';
import { TokensService } from './tokens.service.js';
import { UsersService } from './users.service.js';

export type TokenFile = 'admin-token' | 'user-token';

/** Where generated tokens go: a file each, for the operator to read. */
export abstract class TokenFiles {
  /** What is in the file; undefined = there is none. */
  abstract read(name: TokenFile): Promise<string | undefined>;
  abstract write(name: TokenFile, token: string): Promise<void>;
}

/** The first start on an empty database (contract, section 7). */
@Injectable()
export class SeedService {
  constructor(
    private readonly contexts: ContextsService,
    private readonly users: UsersService,
    private readonly tokens: TokensService,
    private readonly files: TokenFiles,
    private readonly transactions: Transactions,
  ) {}

  /**
   * @param adminToken the admin's token, if the operator chose one
   * @returns whether that is a token of this register: it counts at the first start alone
   * @throws RegisterError `validation_failed` if it can't be a token
   */
  async seed(adminToken: string | undefined): Promise<boolean> {
    const fault = adminToken === undefined ? undefined : tokenFault(adminToken);
    if (fault !== undefined)
      throw new RegisterError(COMMON_ERRORS.validation_failed, `ADMIN_API_TOKEN ${fault}`);
    try {
      await this.onEmpty(adminToken);
    } catch (error) {
      // Another instance was first: what is unique waited for it.
      if (!(error instanceof RegisterError && error.code === 'context_exists')) throw error;
    }
    return adminToken !== undefined && (await this.tokens.isKnown(adminToken));
  }

  private async onEmpty(adminToken: string | undefined): Promise<void> {
    await this.transactions.run(async () => {
      if ((await this.users.list()).length > 0) return;
      await this.contexts.create(undefined, DEFAULT_CONTEXT, true);
      await this.user('admin', 'admin', [], adminToken);
      await this.user('user', 'operator', [DEFAULT_CONTEXT], undefined);
    });
  }

  private async user(
    name: 'admin' | 'user',
    role: 'admin' | 'operator',
    contexts: string[],
    chosen: string | undefined,
  ): Promise<void> {
    // A token file that is there already may be all that is left of another register's token: it is adopted.
    const found = chosen ?? (await this.files.read(`${name}-token`));
    await this.users.create(undefined, { name, role, contexts, enabled: true });
    const { token } = await this.tokens.create(undefined, {
      user: name,
      label: 'first start',
      scope: 'write',
      expiresAt: null,
      allowedIps: [],
      token: found,
    });
    // Inside the transaction: a token that is in use is in its file, or nothing was kept.
    if (found === undefined) await this.files.write(`${name}-token`, token);
  }
}
