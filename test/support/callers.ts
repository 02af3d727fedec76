import { randomUUID } from 'node:crypto';
import type { Answer, Call, Client } from './client.js';

/** A user created over the API, by default with a context of its own. */
export interface Caller {
  readonly credentials: {
    readonly api_token: string;
    readonly username: string;
    readonly contextname: string;
  };
  readonly tokenId: number;
  call(method: string, path: string, call?: Call): Promise<Answer>;
}

interface NewCaller {
  readonly name?: string;
  readonly role?: 'admin' | 'operator' | 'reader';
  /** The contexts granted, of which calls use the first; left out = a new one. */
  readonly contexts?: readonly string[];
  readonly enabled?: boolean;
  /** Members of the token, such as `scope`. */
  readonly token?: object;
}

export async function newCaller(
  service: Client,
  { name = `u-${randomUUID()}`, role = 'operator', contexts, enabled = true, token = {} }: NewCaller = {},
): Promise<Caller> {
  const granted = contexts ?? [await newContext(service)];
  await make(service, 'users', { name, role, contexts: granted, enabled });
  const made = await make<{ id: number; token: string }>(service, 'tokens', { user: name, ...token });
  const credentials = { api_token: made.token, username: name, contextname: granted[0] ?? 'default' };
  return {
    credentials,
    tokenId: made.id,
    call: (method, path, call) => service.callAs(credentials, method, path, call),
  };
}

/** Creates a context. @returns its name */
export async function newContext(service: Client, fields: object = {}): Promise<string> {
  const { name } = await make<{ name: string }>(service, 'contexts', {
    name: `c-${randomUUID()}`,
    ...fields,
  });
  return name;
}

/** Credentials as headers, for requests without a body. */
export function asHeaders(credentials: Partial<Caller['credentials']>): Record<string, string> {
  const headers = {
    authorization: credentials.api_token && `Bearer ${credentials.api_token}`,
    'x-username': credentials.username,
    'x-context': credentials.contextname,
  };
  // The service expects UTF-8, but Node and undici write header values as Latin-1.
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Buffer.from(value).toString('latin1')]],
    ),
  );
}

async function make<T>(service: Client, what: string, body: object): Promise<T> {
  const answer = await service.admin('POST', `/api/admin/${what}`, { body });
  if (answer.status !== 200) throw new Error(`could not create ${what}: ${answer.text}`);
  return answer.json as T;
}
