import { AsyncLocalStorage } from 'node:async_hooks';
import type { Context, Token, User } from '../../../src/access/application/access.repositories.js';
import type { ContextId } from '../../../src/identity/domain/principal.js';
import type { SignInEntry } from '../../../src/access/application/sign-in-log.js';
import type { Customer } from '../../../src/customers/domain/customer.js';
import type { Block } from '../../../src/history/domain/audit-chain.js';
import type { RecordedEntry } from '../../../src/history/domain/audit-entry.js';
import type { RecordedMapping } from '../../../src/ip-mappings/domain/ip-mapping.js';
import { Transactions } from '../../../src/shared/transactions.js';
import type { ChangeMade, Recorder } from '../../../src/versions/domain/version.js';

export interface VersionRow {
  readonly id: number;
  readonly context: ContextId;
  readonly change: ChangeMade;
  readonly customer: Customer;
  readonly by: Recorder;
  readonly block: number | null;
}

export interface MappingVersionRow {
  readonly id: number;
  readonly context: ContextId;
  readonly change: ChangeMade;
  readonly mapping: RecordedMapping;
  readonly by: Recorder;
  readonly block: number | null;
}

export interface KeyRow {
  readonly context: ContextId;
  readonly userName: string;
  readonly keyHash: string;
  readonly at: number;
  readonly kept: { readonly requestHash: string; readonly answer: string | null };
}

interface Rows {
  lastId: number;
  contexts: { id: ContextId; context: Context }[];
  users: User[];
  tokens: { token: Token; hash: string }[];
  signIns: { entry: SignInEntry; day: number | null }[];
  customers: { context: ContextId; customer: Customer }[];
  versions: VersionRow[];
  mappings: { context: ContextId; mapping: RecordedMapping }[];
  mappingVersions: MappingVersionRow[];
  /** When the mappings of each context last changed, in Unix milliseconds. */
  guards: Map<ContextId, number>;
  entries: RecordedEntry[];
  blocks: Block[];
  keys: KeyRow[];
}

interface Scope {
  rows: Rows;
  ended: boolean;
}

/** All rows of the in-memory fakes. A transaction works on a copy, which replaces the original on commit. */
export class InMemoryStore extends Transactions {
  private readonly committed: Scope = {
    rows: {
      lastId: 0,
      contexts: [],
      users: [],
      tokens: [],
      signIns: [],
      customers: [],
      versions: [],
      mappings: [],
      mappingVersions: [],
      guards: new Map(),
      entries: [],
      blocks: [],
      keys: [],
    },
    ended: false,
  };
  private readonly scope = new AsyncLocalStorage<Scope>();
  private queue: Promise<unknown> = Promise.resolve();

  /** The rows that reads see. Don't change them. */
  get rows(): Readonly<Rows> {
    return (this.open ?? this.committed).rows;
  }

  /** The mappings of a context, by ascending id, the order of insertion. */
  mappingsOf(context: ContextId): RecordedMapping[] {
    return this.rows.mappings.filter((row) => row.context === context).map(({ mapping }) => mapping);
  }

  get blocksInOrder(): Block[] {
    return this.rows.blocks.toSorted((a, b) => a.number - b.number);
  }

  /** The rows that writes change. @throws Error outside `run` */
  get draft(): Rows {
    if (this.open === undefined) throw new Error('a write was attempted outside Transactions.run');
    return this.open.rows;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.open !== undefined) return this.attempt(this.open, work);
    const result = this.queue.then(() => this.attempt(this.committed, work));
    this.queue = result.catch(() => undefined);
    return result;
  }

  private get open(): Scope | undefined {
    const scope = this.scope.getStore();
    return scope?.ended === false ? scope : undefined;
  }

  private async attempt<T>(outer: Scope, work: () => Promise<T>): Promise<T> {
    const inner: Scope = { rows: copyOf(outer.rows), ended: false };
    try {
      const result = await this.scope.run(inner, work);
      outer.rows = inner.rows;
      return result;
    } finally {
      inner.ended = true;
    }
  }
}

/** Copies the rows, but not their members, which are only replaced. */
function copyOf(rows: Rows): Rows {
  const copies = Object.entries(rows).map(([name, value]: [string, Rows[keyof Rows]]) => [
    name,
    Array.isArray(value) ? value.map((row) => ({ ...row })) : value instanceof Map ? new Map(value) : value,
  ]);
  return Object.fromEntries(copies) as Rows;
}

/** Two batches if there is more than one row. */
export function* inBatches<T>([first, ...others]: T[]): Generator<T[]> {
  if (first !== undefined) yield [first];
  if (others.length > 0) yield others;
}
