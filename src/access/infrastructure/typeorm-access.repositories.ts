import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { Database } from '../../shared/database/database.js';
import { unlessTaken } from '../../shared/database/driver-errors.js';
import {
  ContextRepository,
  TokenRepository,
  UserRepository,
  type Context,
  type SignIn,
  type Token,
  type User,
} from '../application/access.repositories.js';
import type { ContextId } from '../application/principal.js';
import type { Role, Scope } from '../domain/rights.js';
import { ContextEntity, GrantEntity, TokenEntity, UserEntity } from './access.entities.js';

interface SignInRow {
  tokenId: number;
  scope: Scope;
  expiresAt: number | null;
  allowedIps: string | null;
  lastUsedAt: number | null;
  userName: string;
  userEnabled: number;
  role: Role;
  contextId: ContextId | null;
  contextEnabled: number;
  granted: number;
}

type TokenRow = Omit<Token, 'allowedIps'> & { allowedIps: string | null };

const SIGN_IN = `
  SELECT t.id AS tokenId, t.scope, t.expires_at AS expiresAt, t.allowed_ips AS allowedIps,
         t.last_used_at AS lastUsedAt, u.name AS userName, u.enabled AS userEnabled, u.role,
         c.id AS contextId, c.enabled AS contextEnabled, g.user_id IS NOT NULL AS granted
  FROM tokens t
  JOIN users u ON u.id = t.user_id
  LEFT JOIN contexts c ON c.name = ?
  LEFT JOIN grants g ON g.user_id = u.id AND g.context_id = c.id
  WHERE t.hash = ?`;

const TOKENS = `
  SELECT t.id, u.name AS user, t.label, t.scope, t.expires_at AS expiresAt, t.allowed_ips AS allowedIps,
         t.created_at AS createdAt, t.last_used_at AS lastUsedAt
  FROM tokens t JOIN users u ON u.id = t.user_id`;

@Injectable()
export class TypeOrmTokenRepository extends TokenRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async signIn(hash: string, contextName: string): Promise<SignIn | undefined> {
    const [row] = await this.database.query<SignInRow>(SIGN_IN, [contextName, hash]);
    if (row === undefined) return undefined;
    return {
      tokenId: row.tokenId,
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
          : { id: row.contextId, enabled: row.contextEnabled === 1, granted: row.granted === 1 },
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

  async insert(
    { user, allowedIps, ...fields }: Omit<Token, 'id' | 'lastUsedAt'>,
    hash: string,
  ): Promise<number | 'unknown_user' | 'taken'> {
    const owner = await this.database.manager.findOneBy(UserEntity, { name: user });
    if (owner === null) return 'unknown_user';
    const columns = {
      ...fields,
      userId: owner.id,
      hash,
      allowedIps: allowedIps.length === 0 ? null : allowedIps.join(' '),
      lastUsedAt: null,
    };
    const inserted = await unlessTaken(() => this.database.manager.insert(TokenEntity, columns));
    return inserted === undefined ? 'taken' : (inserted.identifiers[0] as { id: number }).id;
  }

  async delete(id: number): Promise<Token | undefined> {
    const [row] = await this.database.query<TokenRow>(`${TOKENS} WHERE t.id = ?${this.database.forUpdate}`, [
      id,
    ]);
    if (row === undefined) return undefined;
    await this.database.manager.delete(TokenEntity, { id });
    return toToken(row);
  }
}

function toToken({ allowedIps, ...row }: TokenRow): Token {
  return { ...row, allowedIps: splitAddresses(allowedIps) };
}

function splitAddresses(text: string | null): string[] {
  return text === null ? [] : text.split(' ');
}

@Injectable()
export class TypeOrmUserRepository extends UserRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async list(): Promise<User[]> {
    const users = await this.database.query<
      Omit<User, 'contexts' | 'enabled'> & { id: number; enabled: number }
    >('SELECT id, name, role, enabled, created_at AS createdAt FROM users ORDER BY name', []);
    const grants = await this.database.query<{ userId: number; name: string }>(
      `SELECT g.user_id AS userId, c.name FROM grants g JOIN contexts c ON c.id = g.context_id ORDER BY c.name`,
      [],
    );
    return users.map(({ id, enabled, ...user }) => ({
      ...user,
      enabled: enabled === 1,
      contexts: grants.filter((grant) => grant.userId === id).map((grant) => grant.name),
    }));
  }

  async insert({ contexts, ...user }: User): Promise<undefined | 'taken' | readonly string[]> {
    const { manager } = this.database;
    const granted = await manager.findBy(ContextEntity, { name: In([...contexts]) });
    const unknown = contexts.filter((name) => !granted.some((context) => context.name === name));
    if (unknown.length > 0) return unknown;
    const inserted = await unlessTaken(() => manager.insert(UserEntity, user));
    if (inserted === undefined) return 'taken';
    const userId = (inserted.identifiers[0] as { id: number }).id;
    if (granted.length > 0) {
      await manager.insert(
        GrantEntity,
        granted.map((context) => ({ userId, contextId: context.id })),
      );
    }
    return undefined;
  }
}

@Injectable()
export class TypeOrmContextRepository extends ContextRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async list(): Promise<Context[]> {
    const rows = await this.database.query<Omit<Context, 'enabled'> & { enabled: number }>(
      'SELECT name, enabled, created_at AS createdAt FROM contexts ORDER BY name',
      [],
    );
    return rows.map((row) => ({ ...row, enabled: row.enabled === 1 }));
  }

  async insert(context: Context): Promise<boolean> {
    return (await unlessTaken(() => this.database.manager.insert(ContextEntity, context))) !== undefined;
  }
}
