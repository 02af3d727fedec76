import { userInfo } from 'node:os';
import { Injectable } from '@nestjs/common';
import type { Principal } from '../../identity/domain/principal.js';
import { Clock } from '../../shared/clock.js';
import { nonce } from '../../shared/nonce.js';
import { Transactions } from '../../shared/transactions.js';
import type { Action, AuditEntry } from '../domain/audit-entry.js';
import { AuditRepository } from './audit.repository.js';

/** What was done, for the audit trail. */
export interface Act {
  readonly action: Action;
  /** The UserID of the customer that it is about. */
  readonly userId?: string;
  /** What else is to be known; never a token. */
  readonly details?: object;
}

type Author = Pick<AuditEntry, 'userName' | 'tokenId' | 'tokenLabel' | 'address' | 'contextName'>;

/** Reads that are recorded together at most. */
const MAX_BATCH = 64;
/** In Unicode code points. */
const MAX_USER_ID = 128;
/** What a column takes; longer details are cut, and say so. */
const MAX_DETAILS = 60_000;

/** Puts on record who did what. */
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
   * Records a write, in the transaction of the write itself: neither is kept without the other.
   *
   * @param by undefined = somebody on the server itself, at the first start or the command line
   */
  record(by: Principal | undefined, act: Act): Promise<void> {
    return this.entries.insert([this.entryOf(by, act)]);
  }

  /**
   * Records a read, before its answer is sent: done once the entry is kept. Reads that come meanwhile are
   * recorded together, as a database that is told to keep something waits for its disk.
   *
   * @throws RegisterError `database_unavailable`, `database_busy`: the answer must not be sent
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
    const { userName, tokenId, tokenLabel, address, contextName }: Author = by ?? onTheServer();
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

/** What a UserID may have; one that is longer is of nobody. */
function firstCharacters(userId: string): string {
  return userId.length <= MAX_USER_ID ? userId : [...userId].slice(0, MAX_USER_ID).join('');
}

/** Whoever the operating system says runs this. */
function onTheServer(): Author {
  return { userName: systemUser(), tokenId: null, tokenLabel: null, address: null, contextName: null };
}

function systemUser(): string {
  try {
    return userInfo().username.slice(0, 64);
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`; // a container's, which has no name
  }
}
