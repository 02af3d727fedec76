import { randomUUID } from 'node:crypto';
import type { Client } from './client.js';
import { customer } from './customers.js';

interface Schema {
  readonly type?: string;
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
}

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: 'path' | 'query' }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: { readonly $ref: string } }> };
}

/** A route of the OpenAPI document. */
export interface DocumentedRoute {
  readonly method: string;
  readonly path: string;
  /** The path up to its first parameter, which lists and creates resources. */
  readonly collection: string;
  readonly parameters: Operation['parameters'];
  /** The members of the body. */
  readonly members: Record<string, Schema>;
  /** The members of a minimal valid body: the required ones, or one to change. */
  readonly needed: readonly string[];
}

export async function documentedRoutes(service: Client): Promise<DocumentedRoute[]> {
  const { paths, components } = (await service.call('GET', '/api/openapi.json', { raw: '' })).json as {
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, Schema> };
  };
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { parameters, requestBody }]) => {
      // The document omits the bodies of GET, which browsers can't send.
      const unsaid = method === 'get' && path === '/api/ipdrcustomers' ? 'CustomerFilterDto' : '';
      const name = requestBody?.content['application/json']?.schema.$ref.split('/').at(-1) ?? unsaid;
      const { properties: members = {}, required } = components.schemas[name] ?? {};
      const needed = required ?? (method === 'get' ? [] : Object.keys(members).slice(0, 1));
      const collection = path.replace(/\/\{.*/, '');
      return { method: method.toUpperCase(), path, collection, parameters, members, needed };
    }),
  );
}

/** A minimal valid body, with unique names. */
export function validBody({ needed }: DocumentedRoute): object {
  const name = randomUUID();
  const values = {
    ...customer(name),
    name,
    role: 'reader',
    user: 'user',
    grace_seconds: 0,
    ipsubnet: `2001:db8::${name.slice(0, 4)}:${name.slice(9, 13)}`,
    starttime: 5,
  };
  return Object.fromEntries(Object.entries(values).filter(([member]) => needed.includes(member)));
}
