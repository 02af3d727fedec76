import { Injectable } from '@nestjs/common';
import { COMMON_ERRORS, RegisterError } from '../../shared/errors.js';
import { Transactions } from '../../shared/transactions.js';
import { DEFAULT_CONTEXT } from '../../shared/context-name.js';
import { tokenFault } from '../domain/token.js';
import { ContextsService } from './contexts.service.js';
import { TokensService } from './tokens.service.js';
import { UsersService } from './users.service.js';

export type TokenFile = 'admin-token' | 'user-token';

/** The files through which the operator learns generated tokens. */
export abstract class TokenFiles {
  /** The file's content; undefined = the file does not exist. */
  abstract read(name: TokenFile): Promise<string | undefined>;
  abstract write(name: TokenFile, token: string): Promise<void>;
}

/** Fills an empty database at the first start (contract, section 7). */
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
   * @param adminToken the token that the operator chose for the admin; it only matters at the first start
   * @returns whether the register knows `adminToken`
   * @throws RegisterError `validation_failed` if `adminToken` is malformed
   */
  async seed(adminToken: string | undefined): Promise<boolean> {
    const fault = adminToken === undefined ? undefined : tokenFault(adminToken);
    if (fault !== undefined)
      throw new RegisterError(COMMON_ERRORS.validation_failed, `ADMIN_API_TOKEN ${fault}`);
    try {
      await this.seedIfEmpty(adminToken);
    } catch (error) {
      // Another instance seeded the database first.
      if (!(error instanceof RegisterError && error.code === 'context_exists')) throw error;
    }
    return adminToken !== undefined && (await this.tokens.isKnown(adminToken));
  }

  private async seedIfEmpty(adminToken: string | undefined): Promise<void> {
    await this.transactions.run(async () => {
      if ((await this.users.list()).length > 0) return;
      await this.contexts.create(undefined, DEFAULT_CONTEXT, true);
      await this.createUser('admin', 'admin', [], adminToken);
      await this.createUser('user', 'operator', [DEFAULT_CONTEXT], undefined);
    });
  }

  private async createUser(
    name: 'admin' | 'user',
    role: 'admin' | 'operator',
    contexts: string[],
    chosenToken: string | undefined,
  ): Promise<void> {
    // Adopt the token of an existing file: overwriting it could lose the only copy of another register's token.
    const existing = chosenToken ?? (await this.files.read(`${name}-token`));
    await this.users.create(undefined, { name, role, contexts, enabled: true });
    const { token } = await this.tokens.create(undefined, {
      user: name,
      label: 'first start',
      scope: 'write',
      expiresAt: null,
      allowedIps: [],
      token: existing,
    });
    // Write the file before the commit: a token without its file would be lost.
    if (existing === undefined) await this.files.write(`${name}-token`, token);
  }
}
