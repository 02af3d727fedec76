import { userInfo } from 'node:os';
import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { Clock } from '../../shared/clock.js';
import { nonce } from '../../shared/nonce.js';
import { Transactions } from '../../shared/transactions.js';
import type { Action, AuditEntry } from '../domain/audit-entry.js';
import { AuditRepository } from './audit.repository.js';

/** An action to be audited. */
export interface Act {
  readonly action: Action;
  /** The UserID of the customer concerned. */
  readonly userId?: string;
  /** Further details, never a token. */
  readonly details?: object;
}

type Author = Pick<AuditEntry, 'userName' | 'tokenId' | 'tokenLabel' | 'address' | 'contextName'>;

/** The most reads that one transaction records. */
const MAX_BATCH = 64;
/** The column's length, in Unicode code points. */
const MAX_USER_ID = 128;
/** The column's length, in bytes. Longer details become `{"cut": "…"}`. */
const MAX_DETAILS = 60_000;

/** Audits who did what. */
@Injectable()
export class AuditTrail {
  private pending: { entry: AuditEntry; resolve: () => void; reject: (error: unknown) => void }[] = [];
  private isWriting = false;

  constructor(
    private readonly entries: AuditRepository,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /**
   * Audits a write in the transaction of the write itself, so that both commit or neither does.
   *
   * @param by undefined = the first start or the command line
   */
  record(by: Principal | undefined, act: Act): Promise<void> {
    return this.entries.insert([this.entryOf(by, act)]);
  }

  /**
   * Audits a read; resolves once the entry is committed. Await it before sending the answer. Concurrent reads share a
   * transaction, since each commit waits for the disk.
   *
   * @throws RegisterError `database_unavailable`, `database_busy`: the caller MUST NOT send the answer
   */
  recordRead(by: Principal | undefined, act: Act): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pending.push({ entry: this.entryOf(by, act), resolve, reject });
      if (!this.isWriting) void this.writePending();
    });
  }

  private async writePending(): Promise<void> {
    this.isWriting = true;
    while (this.pending.length > 0) {
      const batch = this.pending.splice(0, MAX_BATCH);
      try {
        await this.transactions.run(() => this.entries.insert(batch.map(({ entry }) => entry)));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.isWriting = false;
  }

  private entryOf(by: Principal | undefined, { action, userId, details = {} }: Act): AuditEntry {
    const { userName, tokenId, tokenLabel, address, contextName }: Author = by ?? operator();
    const text = JSON.stringify(details);
    return {
      at: this.clock.now(),
      action,
      userName,
      tokenId,
      tokenLabel,
      address,
      contextName,
      userId: userId === undefined ? null : firstCharacters(userId),
      details: Buffer.byteLength(text) > MAX_DETAILS ? JSON.stringify({ cut: text.slice(0, 10_000) }) : text,
      nonce: nonce(),
    };
  }
}

/** Cuts a UserID that is too long to exist. */
function firstCharacters(userId: string): string {
  return userId.length <= MAX_USER_ID ? userId : [...userId].slice(0, MAX_USER_ID).join('');
}

/** The operating system's user. */
function operator(): Author {
  return { userName: systemUser(), tokenId: null, tokenLabel: null, address: null, contextName: null };
}

function systemUser(): string {
  try {
    return userInfo().username.slice(0, 64);
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`; // users of containers may have no name
  }
}
