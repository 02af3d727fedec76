import { Injectable } from '@nestjs/common';
import { Database } from '../../shared/database/database.js';
import { unlessDuplicate } from '../../shared/database/driver-errors.js';
import {
  TokenRepository,
  type UnsavedToken,
  type FoundToken,
  type Token,
  type User,
} from '../application/access.repositories.js';
import type { ContextId } from '../../identity/domain/principal.js';
import type { Role, Scope } from '../../identity/domain/rights.js';
import { TokenEntity } from './access.entities.js';

interface SignInRow {
  tokenId: number;
  tokenLabel: string;
  scope: Scope;
  expiresAt: number | null;
  allowedIps: string | null;
  lastUsedAt: number | null;
  userName: string;
  userEnabled: number;
  role: Role;
  contextId: ContextId | null;
  contextName: string;
  contextEnabled: number;
  granted: number;
}

type TokenRow = Omit<Token, 'allowedIps'> & { allowedIps: string | null };

const SIGN_IN = `
  SELECT t.id AS tokenId, t.label AS tokenLabel, t.scope, t.expires_at AS expiresAt, t.allowed_ips AS allowedIps,
         t.last_used_at AS lastUsedAt, u.name AS userName, u.enabled AS userEnabled, u.role,
         c.id AS contextId, c.name AS contextName, c.enabled AS contextEnabled, g.user_id IS NOT NULL AS granted
  FROM tokens t
  JOIN users u ON u.id = t.user_id
  LEFT JOIN context_names n ON n.name = ?
  LEFT JOIN contexts c ON c.id = n.context_id
  LEFT JOIN grants g ON g.user_id = u.id AND g.context_id = c.id
  WHERE t.hash = ?`;

const TOKENS = `
  SELECT t.id, u.name AS user, t.label, t.scope, t.expires_at AS expiresAt, t.allowed_ips AS allowedIps,
         t.created_at AS createdAt, t.last_used_at AS lastUsedAt, t.replaced_by AS replacedBy
  FROM tokens t JOIN users u ON u.id = t.user_id`;

@Injectable()
export class TypeOrmTokenRepository extends TokenRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async findByHash(hash: string, contextName: string): Promise<FoundToken | undefined> {
    const [row] = await this.database.query<SignInRow>(SIGN_IN, [contextName, hash]);
    if (row === undefined) return undefined;
    return {
      tokenId: row.tokenId,
      tokenLabel: row.tokenLabel,
      scope: row.scope,
      expiresAt: row.expiresAt,
      allowedIps: splitAddresses(row.allowedIps),
      lastUsedAt: row.lastUsedAt,
      userName: row.userName,
      userEnabled: row.userEnabled === 1,
      role: row.role,
      context:
        row.contextId === null
          ? undefined
          : {
              id: row.contextId,
              name: row.contextName,
              enabled: row.contextEnabled === 1,
              granted: row.granted === 1,
            },
    };
  }

  async touch(id: number, at: number, unlessAfter: number): Promise<void> {
    await this.database.manager
      .createQueryBuilder()
      .update(TokenEntity)
      .set({ lastUsedAt: at })
      .where('id = :id AND (last_used_at IS NULL OR last_used_at <= :unlessAfter)', { id, unlessAfter })
      .execute();
  }

  async list(): Promise<Token[]> {
    const rows = await this.database.query<TokenRow>(`${TOKENS} ORDER BY t.id`, []);
    return rows.map(toToken);
  }

  async lock(id: number): Promise<Token | undefined> {
    const sql = `${TOKENS} WHERE t.id = ?${this.database.forUpdate}`;
    return (await this.database.query<TokenRow>(sql, [id])).map(toToken)[0];
  }

  async lockOwner(userName: string, id: number): Promise<Pick<User, 'role' | 'enabled'> | undefined> {
    const { forUpdate } = this.database;
    // Lock the user before the token, as everywhere else, to avoid deadlocks.
    const [owner] = await this.database.query<{ id: number; role: Role; enabled: number }>(
      `SELECT id, role, enabled FROM users WHERE name = ?${forUpdate}`,
      [userName],
    );
    if (owner === undefined) return undefined;
    const sql = `SELECT id FROM tokens WHERE id = ? AND user_id = ?${forUpdate}`;
    const [token] = await this.database.query<{ id: number }>(sql, [id, owner.id]);
    return token && { role: owner.role, enabled: owner.enabled === 1 };
  }

  async insert(
    { user, allowedIps, ...fields }: UnsavedToken,
    hash: string,
  ): Promise<number | 'unknown_user' | 'taken'> {
    const [owner] = await this.database.query<{ id: number }>(
      `SELECT id FROM users WHERE name = ?${this.database.forUpdate}`,
      [user],
    );
    if (owner === undefined) return 'unknown_user';
    const columns = {
      ...fields,
      userId: owner.id,
      hash,
      allowedIps: allowedIps.length === 0 ? null : allowedIps.join(' '),
      lastUsedAt: null,
      replacedBy: null,
    };
    const inserted = await unlessDuplicate(() => this.database.manager.insert(TokenEntity, columns));
    return inserted === undefined ? 'taken' : (inserted.identifiers[0] as { id: number }).id;
  }

  async replace(id: number, expiresAt: number, replacedBy: number): Promise<void> {
    await this.database.manager.update(TokenEntity, { id }, { expiresAt, replacedBy });
  }

  async delete(id: number): Promise<void> {
    await this.database.manager.delete(TokenEntity, { id });
  }
}

function toToken({ allowedIps, ...row }: TokenRow): Token {
  return { ...row, allowedIps: splitAddresses(allowedIps) };
}

function splitAddresses(text: string | null): string[] {
  return text === null ? [] : text.split(' ');
}
