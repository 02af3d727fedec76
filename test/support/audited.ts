import { beforeEach, expect } from '@jest/globals';
import { auditTrail, type Entry } from './audit.js';
import type { Caller } from './callers.js';
import type { Call } from './client.js';
import type { DatabaseKind, TestDatabase } from './databases.js';
import type { TestService } from './service.js';
import { TestClock } from './test-clock.js';
import { useService } from './use-service.js';
import { withDataSource } from './with-data-source.js';
import { without } from './without.js';

/** The label of the callers' tokens, with what CSV and encodings stumble over. */
export const LABEL = 'CRM, "Chennai" – ☎';
/** When each test begins. */
export const START = Date.parse('2026-11-24T08:48:06.123Z');
/** Where calls come from, as the proxy says. */
export const ADDRESS = '203.0.113.7';

/** An entry without its block, which it gets a moment later. */
export type Unsealed = Omit<Entry, 'block'>;

/** Sends a call from `ADDRESS`. */
export const from = (call: Call = {}): Call => ({
  ...call,
  headers: { ...call.headers, 'x-forwarded-for': ADDRESS },
});

interface Audited {
  readonly clock: TestClock;
  readonly service: () => TestService;
  readonly database: () => TestDatabase;
  /** Counts the audit entries. */
  readonly count: () => Promise<number>;
  /** The entries about a caller, the newest first. */
  readonly entriesOf: (caller: Caller) => Promise<Unsealed[]>;
  /** The entry about what `caller` does at the present time. */
  readonly entryOf: (caller: Caller, action: string, UserID: string | null, details: object) => object;
}

/** A service with a clock that stands still, for tests of what it audits. */
export function useAuditedService(kind: DatabaseKind): Audited {
  const clock = new TestClock();
  const { service, database } = useService(kind, { adapt: clock.adapt, env: { TRUST_PROXY: '127.0.0.1' } });
  beforeEach(() => {
    clock.at = START;
  });
  return {
    clock,
    service,
    database,
    count: () =>
      withDataSource(database().configuration, async (dataSource) => {
        const sql = 'SELECT COUNT(*) AS count FROM audit_entries';
        const [row] = await dataSource.query<{ count: number | string }[]>(sql);
        return Number(row?.count);
      }),
    entriesOf: async ({ credentials }) =>
      (await auditTrail(service(), `user=${credentials.username}`)).map((entry) => without(entry, 'block')),
    entryOf: ({ credentials, tokenId }, action, UserID, details) => ({
      id: expect.any(Number),
      at: new Date(clock.at).toISOString(),
      action,
      user: credentials.username,
      token_id: tokenId,
      token: LABEL,
      address: ADDRESS,
      context: credentials.contextname,
      UserID,
      details,
    }),
  };
}
