import { beforeEach, expect } from '@jest/globals';
import { newCaller, type Caller } from './callers.js';
import { customer, type CustomerFields } from './customers.js';
import type { DatabaseKind } from './databases.js';
import type { Answer, TestService } from './service.js';
import { until } from './until.js';
import { useService } from './use-service.js';

export const LIST = '/api/ipdrcustomers';
export const FEED = '/api/ipdrcustomers_changes';

export type CustomerJson = CustomerFields & { readonly id: number };

/** A change of a customer, as the API answers it. */
export interface Change {
  readonly cursor: string;
  readonly at: string;
  readonly change: 'created' | 'updated' | 'deleted';
  readonly customer: CustomerJson;
}

/** Two words for each change. */
export function inWords(changes: readonly Change[]): string[] {
  return changes.map(({ change, customer: { UserID } }) => `${change} ${UserID}`);
}

/** The query of the link to the next page. */
export function nextOf({ headers }: Answer): string {
  const [, path, query = ''] = /^<([^?]+)\?(.*)>; rel="next"$/.exec(String(headers['link'])) ?? [];
  expect(path).toBe(FEED);
  return query;
}

interface FeedService {
  readonly service: () => TestService;
  readonly caller: () => Caller;
  /** Sends a request that must succeed. */
  readonly ok: (method: string, path: string, body?: object, by?: Caller) => Promise<Answer>;
  readonly create: (userId: string, by?: Caller) => Promise<Answer>;
  readonly feed: (query?: string, by?: Caller) => Promise<Change[]>;
  /** The whole feed, once it has `count` changes. */
  readonly fed: (count: number, by?: Caller) => Promise<Change[]>;
}

/** A service whose feed is read, with a caller in a new context for each test. */
export function useFeed(kind: DatabaseKind): FeedService {
  const { service } = useService(kind);
  let caller: Caller;

  beforeEach(async () => {
    caller = await newCaller(service());
  });

  const ok: FeedService['ok'] = async (method, path, body = {}, by = caller) => {
    const answer = await by.call(method, path, { body });
    expect([method, path, answer.status]).toEqual([method, path, 200]);
    return answer;
  };
  const feed: FeedService['feed'] = async (query = '', by = caller) =>
    (await ok('GET', `${FEED}?${query}`, {}, by)).json as Change[];
  return {
    service,
    caller: () => caller,
    ok,
    create: (userId, by) => ok('POST', LIST, customer(userId), by),
    feed,
    fed: async (count, by) => {
      await until(async () => (await feed('', by)).length >= count);
      return feed('', by);
    },
  };
}
