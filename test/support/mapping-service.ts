import { expect } from '@jest/globals';
import { newCaller, type Caller } from './callers.js';
import type { DatabaseKind, TestDatabase } from './databases.js';
import { addCustomer, addMapping, MAPPINGS, type Mapping } from './mappings.js';
import type { Answer, TestService } from './service.js';
import { TestClock } from './test-clock.js';
import { useService } from './use-service.js';

interface MappingService {
  readonly clock: TestClock;
  readonly service: () => TestService;
  readonly database: () => TestDatabase;
  /** Begins a new context with two customers, U1 and U2. */
  readonly start: () => Promise<void>;
  readonly caller: () => Caller;
  /** The id of the customer U1. */
  readonly u1: () => number;
  /** The id of the customer U2. */
  readonly u2: () => number;
  readonly send: (method: string, path: string, body?: object) => Promise<Answer>;
  readonly add: (
    userId: string,
    ipsubnet: string,
    starttime?: number,
    endtime?: number | null,
  ) => Promise<Mapping>;
  readonly list: (query?: string, by?: Caller) => Promise<string>;
}

/** A service with a clock that stands still, for tests of the IP mappings of two customers. */
export function useMappingService(kind: DatabaseKind): MappingService {
  const clock = new TestClock();
  const { service, database } = useService(kind, { adapt: clock.adapt });
  let caller: Caller;
  let u1: number;
  let u2: number;
  return {
    clock,
    service,
    database,
    start: async () => {
      caller = await newCaller(service());
      u1 = await addCustomer(caller, 'U1');
      u2 = await addCustomer(caller, 'U2');
    },
    caller: () => caller,
    u1: () => u1,
    u2: () => u2,
    send: (method, path, body = {}) => caller.call(method, path, { body }),
    add: (userId, ipsubnet, starttime, endtime) => addMapping(caller, userId, ipsubnet, starttime, endtime),
    list: async (query = '', by = caller) => (await by.call('GET', `${MAPPINGS}${query}`)).text,
  };
}

export function expectRefused(answer: Answer, status: number, code: string, message: string): void {
  expect(answer).toMatchObject({ status, json: { status: 'ERROR', code, message } });
}
