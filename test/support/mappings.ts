import type { Caller } from './callers.js';
import { customer, pathOf } from './customers.js';

/** The flat form, which existing clients use. */
export const MAPPINGS = '/api/ipdrcustomers_mapping';

/** A mapping as the API returns it, in the order of its members. */
export interface Mapping {
  readonly id: number;
  readonly ipdr_customer_id: number;
  readonly ipsubnet: string;
  readonly starttime: number;
  readonly endtime: number | null;
  readonly terminalid: string;
}

/** The path of a customer's mappings. */
export function mappingsOf(userId: string): string {
  return `${pathOf(userId)}/mappings`;
}

/** The path of one mapping. */
export function mappingPath(userId: string, { id }: Pick<Mapping, 'id'>): string {
  return `${mappingsOf(userId)}/${id}`;
}

/** Creates a customer. @returns its id */
export async function addCustomer({ call }: Pick<Caller, 'call'>, userId: string): Promise<number> {
  const { status, text, json } = await call('POST', '/api/ipdrcustomers', { body: customer(userId) });
  if (status !== 200) throw new Error(`could not create a customer: ${text}`);
  return (json as { id: number }).id;
}

/** Creates a mapping. @param endtime inclusive; null = open */
export async function addMapping(
  { call }: Pick<Caller, 'call'>,
  userId: string,
  ipsubnet: string,
  starttime = 0,
  endtime: number | null = null,
): Promise<Mapping> {
  const body = { ipsubnet, starttime, endtime, terminalid: 'TERM12345' };
  const { status, text, json } = await call('POST', mappingsOf(userId), { body });
  if (status !== 200) throw new Error(`could not create a mapping: ${text}`);
  return json as Mapping;
}
