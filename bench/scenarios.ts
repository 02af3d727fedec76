import { query } from './mappings.js';

/** Customers in the context before the first row is measured. */
export const CUSTOMERS = 100_000;
/** Mappings in the context before the first row is measured. */
export const MAPPINGS = 50_000;

interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  /** Members of the JSON body, without the credentials. */
  readonly members?: object;
}

/** Requests of one kind. */
export interface Scenario {
  readonly name: string;
  /** The n-th request of the run; it never depends on earlier ones. */
  readonly request: (n: number) => Request;
  /** Where the answers of service and floor differ, if every request creates a record. */
  readonly differs?: RegExp;
  /** The answer is so long that a run lasts for a number of requests, not for a time. */
  readonly long?: true;
  /** How many queries a request has, if it has several. */
  readonly queries?: number;
}

/** One row of the table. */
export interface Compared extends Scenario {
  /** The requests per second that the service must reach, as a share of the floor's. */
  readonly target: number;
}

export const userId = (n: number): string => `U${100_000 + n}`;

/** Goes through all customers in an order that caches can't predict (7919 and their number have no common factor). */
const anyone = (n: number): number => (n * 7919) % CUSTOMERS;

/** A cursor, as `paging.ts` encodes it. */
const after = (id: number): string => Buffer.from(`id:${id}`).toString('base64url');

/** @param mappings how many the register has */
export const lookUp = (mappings: number): Scenario => ({
  name: 'look up',
  request: (n) => {
    const { ip, time } = query(n, mappings);
    return { method: 'GET', path: `/api/ipdrlookup?ip=${ip}&time=${time}` };
  },
});

export const lookUpMany = (mappings: number, queries: number): Scenario => ({
  name: `look up ${queries.toLocaleString('en')} at once`,
  request: (n) => ({
    method: 'POST',
    path: '/api/ipdrlookup',
    members: { queries: Array.from({ length: queries }, (_, i) => query(n * queries + i, mappings)) },
  }),
  long: true,
  queries,
});

/** In the order of measurement: scenarios that add to a list come after those that read it. */
export const SCENARIOS: readonly Compared[] = [
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
  {
    name: 'list page of 100 mappings',
    target: 0.6,
    request: (n) => ({
      method: 'GET',
      path: `/api/ipdrcustomers_mapping?limit=100&after=${after((n * 7919) % MAPPINGS)}`,
    }),
  },
  {
    name: `list of all ${MAPPINGS.toLocaleString('en')} mappings`,
    target: 0.65,
    request: () => ({ method: 'GET', path: '/api/ipdrcustomers_mapping' }),
    long: true,
  },
  { ...lookUp(MAPPINGS), target: 0.5 },
  {
    name: 'create mapping',
    target: 0.5,
    request: (n) => ({
      method: 'POST',
      path: '/api/ipdrcustomers_mapping',
      members: {
        UserID: userId(anyone(n)),
        ipsubnet: `11.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
        starttime: 1_764_000_000,
        endtime: null,
        terminalid: 'TERM12345',
      },
    }),
    differs: /"id":\d+|"ipdr_customer_id":\d+|"11\.\d+\.\d+\.\d+"/g,
  },
];
