import { Injectable } from '@nestjs/common';
import { RegisterError } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import { DEFAULT_CONTEXT } from '../domain/context-name.js';
import { generateToken, tokenFault } from '../domain/token.js';
import { ContextsService } from './contexts.service.js';
import { TokensService } from './tokens.service.js';
import { UsersService } from './users.service.js';

/** Where generated tokens go: a file each, for the operator to read. */
export abstract class TokenFiles {
  abstract write(name: 'admin-token' | 'user-token', token: string): Promise<void>;
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
   * @throws RegisterError `validation_failed` if it can't be a token
   */
  async seed(adminToken: string | undefined): Promise<void> {
    const fault = adminToken === undefined ? undefined : tokenFault(adminToken);
    if (fault !== undefined) throw new RegisterError('validation_failed', `ADMIN_API_TOKEN ${fault}`);
    try {
      await this.onEmpty(adminToken);
    } catch (error) {
      // Another instance was first: what is unique waited for it.
      if (!(error instanceof RegisterError && error.code === 'context_exists')) throw error;
    }
  }

  private async onEmpty(adminToken: string | undefined): Promise<void> {
    await this.transactions.run(async () => {
      if ((await this.users.list()).length > 0) return;
      await this.contexts.create(DEFAULT_CONTEXT, true);
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
    const token = chosen ?? generateToken();
    await this.users.create({ name, role, contexts, enabled: true });
    await this.tokens.create({
      user: name,
      label: 'first start',
      scope: 'write',
      expiresAt: null,
      allowedIps: [],
      token,
    });
    // Inside the transaction: a token that is in use is in its file, or nothing was kept.
    if (chosen === undefined) await this.files.write(`${name}-token`, token);
  }
}
