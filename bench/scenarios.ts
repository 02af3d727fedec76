/** How many customers the context has before the first row is measured. */
export const CUSTOMERS = 100_000;

interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  /** Members of the JSON body; the credentials come besides. */
  readonly members?: object;
}

/** One row of the table. */
export interface Scenario {
  readonly name: string;
  /** The requests a second that the service must reach, as a share of the floor's. */
  readonly target: number;
  /** The n-th request of the run; it never depends on what was asked before. */
  readonly request: (n: number) => Request;
  /** If every request makes a record of its own: what the service's and the floor's answers differ in. */
  readonly differs?: RegExp;
  /** The answer is so long that a run is a number of requests, instead of a time. */
  readonly long?: true;
}

export const userId = (n: number): string => `U${100_000 + n}`;

/** Goes through all customers in an order that caches can't foresee (7919 has no factor in common with them). */
const anyone = (n: number): number => (n * 7919) % CUSTOMERS;

/** A cursor, as `customer.dto.ts` makes it. */
const after = (id: number): string => Buffer.from(`id:${id}`).toString('base64url');

/** In the order in which they are measured: those that add customers come after those that list them. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'read one',
    target: 0.5,
    request: (n) => ({ method: 'GET', path: `/api/ipdrcustomers/${userId(anyone(n))}` }),
  },
  {
    name: 'list page of 100',
    target: 0.6,
    request: (n) => ({ method: 'GET', path: `/api/ipdrcustomers?limit=100&after=${after(anyone(n))}` }),
  },
  {
    name: 'list of all at 100,000',
    target: 0.65,
    request: () => ({ method: 'GET', path: '/api/ipdrcustomers' }),
    long: true,
  },
  {
    name: 'create',
    target: 0.5,
    request: (n) => ({
      method: 'POST',
      path: '/api/ipdrcustomers',
      members: {
        UserID: `new-${n}`,
        Name: 'Meera Krishnan',
        Address: '12 Anna Salai, Chennai 600002',
        Email: 'meera@example.com',
        PhoneNumber: '+91 98400 12345',
        AltPhoneNumber: '044-2852 0000',
      },
    }),
    differs: /"id":\d+|"new-\d+"/g,
  },
  {
    name: 'partial update',
    target: 0.5,
    request: (n) => ({
      method: 'PATCH',
      path: `/api/ipdrcustomers/${userId(anyone(n))}`,
      members: { Address: `${n} Mount Road, Chennai` },
    }),
  },
];
