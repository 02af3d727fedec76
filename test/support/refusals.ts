import { afterEach, beforeAll, expect, jest } from '@jest/globals';
import { newCaller, type Caller } from './callers.js';
import { customer } from './customers.js';
import type { DatabaseKind } from './databases.js';
import { withoutSealing, type Answer, type Call, type TestService } from './service.js';
import { useService } from './use-service.js';

export const LIST = '/api/ipdrcustomers';
export const ONE = '/api/ipdrcustomers/B68t19';

export const REQUIRED = 'is required';
export const UNKNOWN = 'is unknown here; correct its spelling or leave it out';

/** How a request must be refused. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  /** The whole message, or a pattern for it. */
  readonly message?: string | RegExp;
  /** The message for every faulty field. */
  readonly faults?: Readonly<Record<string, string>>;
}

interface Refusing {
  readonly service: () => TestService;
  readonly caller: () => Caller;
  /** The credentials as the first members of a body that is written by hand, before `members`. */
  readonly signed: (members?: string) => string;
  /** Sends a request and expects it to be refused in the one error shape. */
  readonly refuses: (refusal: Refusal, method: string, path: string, call?: Call) => Promise<Answer>;
}

/** A service with two customers, whom no test may change. */
export function useRefusingService(kind: DatabaseKind): Refusing {
  const { service } = useService(kind, { adapt: withoutSealing });
  let caller: Caller;
  let kept: string;
  const list = async (): Promise<string> => (await caller.call('GET', LIST)).text;

  beforeAll(async () => {
    caller = await newCaller(service());
    for (const userId of ['B68t19', 'Zoé']) {
      expect((await caller.call('POST', LIST, { body: customer(userId) })).status).toBe(200);
    }
    kept = await list();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    const before = kept;
    kept = await list();
    expect(kept).toBe(before);
  });

  return {
    service,
    caller: () => caller,
    signed: (members = '') => `${JSON.stringify(caller.credentials).slice(1, -1)}${members}`,
    refuses: async ({ status, code, message, faults }, method, path, call) => {
      const answer = await caller.call(method, path, call);
      expect(`${answer.status} ${answer.text}`).toMatch(
        `${status} {"status":"ERROR","code":"${code}","message":"`,
      );
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      const json = answer.json as { message: string; errors?: { field: string; message: string }[] };
      const request_id = answer.headers['x-request-id'];
      expect(request_id).toEqual(expect.any(String));
      expect(json).toEqual({
        status: 'ERROR',
        code,
        message: json.message,
        request_id,
        ...(faults && { errors: json.errors }),
      });
      if (message !== undefined) expect(json.message).toMatch(message);
      if (typeof message === 'string') expect(json.message).toBe(message);
      if (faults !== undefined) {
        expect(Object.fromEntries(json.errors?.map((fault) => [fault.field, fault.message]) ?? [])).toEqual(
          faults,
        );
        expect(json.errors).toHaveLength(Object.keys(faults).length);
      }
      expect(answer.text).not.toMatch(/select |insert |sqlite|mysql|typeorm|node_modules|\.js:/i);
      return answer;
    },
  };
}
