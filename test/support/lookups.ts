import { beforeEach } from '@jest/globals';
import { asHeaders, newCaller, type Caller } from './callers.js';
import { customer, pathOf } from './customers.js';
import type { DatabaseKind } from './databases.js';
import type { Answer, TestService } from './service.js';
import { TestClock } from './test-clock.js';
import { useService } from './use-service.js';

export const LOOKUP = '/api/ipdrlookup';
export const COVERAGE = '/api/ipdrcoverage';
export const IP = '203.0.113.7';
/** When each test begins, in Unix seconds. */
export const T = 1_764_000_000;
export const CSV = { 'content-type': 'text/csv' };

export interface Held {
  readonly holder: Record<string, unknown> | null;
  readonly mapping: Record<string, unknown> | null;
}

interface LookupService {
  readonly clock: TestClock;
  readonly service: () => TestService;
  readonly caller: () => Caller;
  /** Sends a write that must succeed. @returns its answer */
  readonly write: (method: string, path: string, body?: object) => Promise<Record<string, unknown>>;
  readonly map: (
    userId: string,
    ipsubnet: string,
    starttime: number,
    endtime?: number | null,
  ) => Promise<Record<string, unknown>>;
  readonly get: (body: object) => Promise<Answer>;
  readonly sendCsv: (
    csv: string | Buffer,
    query?: string,
    headers?: Record<string, string>,
  ) => Promise<Answer>;
}

/** A service with a clock that stands still, and two customers, A and B, in a new context for each test. */
export function useLookups(kind: DatabaseKind): LookupService {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: clock.adapt });
  let caller: Caller;

  const write: LookupService['write'] = async (method, path, body = {}) => {
    const answer = await caller.call(method, path, { body });
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json as Record<string, unknown>;
  };

  beforeEach(async () => {
    clock.at = T * 1000;
    caller = await newCaller(service());
    for (const UserID of ['A', 'B']) await write('POST', '/api/ipdrcustomers', customer(UserID));
  });

  return {
    clock,
    service,
    caller: () => caller,
    write,
    map: (userId, ipsubnet, starttime, endtime = null) =>
      write('POST', `${pathOf(userId)}/mappings`, { ipsubnet, starttime, endtime }),
    get: (body) => caller.call('GET', LOOKUP, { body }),
    sendCsv: (csv, query = '', headers = {}) =>
      caller.call('POST', `${LOOKUP}${query}`, {
        raw: csv,
        headers: { ...CSV, ...asHeaders(caller.credentials), ...headers },
      }),
  };
}
