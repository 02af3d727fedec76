import { beforeEach, expect } from '@jest/globals';
import { newCaller, type Caller } from './callers.js';
import type { CustomerFields } from './customers.js';
import type { DatabaseKind } from './databases.js';
import type { Answer, Call, TestService } from './service.js';
import { TestClock } from './test-clock.js';
import { useService } from './use-service.js';

export const LIST = '/api/ipdrcustomers';
export const NDJSON = { accept: 'application/x-ndjson' };

interface CustomerService {
  readonly clock: TestClock;
  readonly service: () => TestService;
  readonly caller: () => Caller;
  readonly call: (method: string, path: string, more?: Call) => Promise<Answer>;
  /** @returns its id */
  readonly create: (fields: Partial<CustomerFields>) => Promise<number>;
  readonly list: (query?: string, more?: Call) => Promise<string>;
}

/** A service with a clock that stands still, and a caller in a new context for each test. */
export function useCustomerService(kind: DatabaseKind): CustomerService {
  const clock = new TestClock();
  const { service } = useService(kind, { adapt: clock.adapt });
  let caller: Caller;

  beforeEach(async () => {
    caller = await newCaller(service());
  });

  const call: CustomerService['call'] = (method, path, more) => caller.call(method, path, more);
  return {
    clock,
    service,
    caller: () => caller,
    call,
    create: async (fields) => {
      const answer = await call('POST', LIST, { body: fields });
      expect(answer.status).toBe(200);
      return (answer.json as { id: number }).id;
    },
    list: async (query = '', more) => (await call('GET', `${LIST}${query}`, more)).text,
  };
}

/** The UserIDs of a list. */
export function userIds(answer: Answer): string[] {
  expect(answer.status).toBe(200);
  return (answer.json as CustomerFields[]).map(({ UserID }) => UserID);
}
