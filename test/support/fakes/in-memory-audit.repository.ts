import {
  AuditRepository,
  type AuditFilter,
  type Place,
} from '../../../src/history/application/audit.repository.js';
import type { Block } from '../../../src/history/domain/audit-chain.js';
import type { AuditEntry, RecordedEntry } from '../../../src/history/domain/audit-entry.js';
import type { InMemoryStore } from './in-memory-store.js';

export class InMemoryAuditRepository extends AuditRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async insert(entries: readonly AuditEntry[]): Promise<void> {
    const { draft } = this.store;
    for (const entry of entries) draft.entries.push({ ...entry, id: ++draft.lastId, block: null });
  }

  async hasUnsealed(): Promise<boolean> {
    return this.store.rows.entries.some(({ block }) => block === null);
  }

  async unsealed(limit: number): Promise<RecordedEntry[]> {
    return this.store.rows.entries.filter(({ block }) => block === null).slice(0, limit);
  }

  async lockHead(): Promise<Block | undefined> {
    return this.head();
  }

  async insertBlock(block: Block, entries: readonly RecordedEntry[]): Promise<void> {
    const { draft } = this.store;
    const ids = new Set(entries.map(({ id }) => id));
    draft.blocks.push(block);
    draft.entries = draft.entries.map((entry) =>
      ids.has(entry.id) ? { ...entry, block: block.number } : entry,
    );
  }

  async head(): Promise<Block | undefined> {
    return this.blocks().at(-1);
  }

  async page(filter: AuditFilter, before: Place | undefined, limit: number): Promise<RecordedEntry[]> {
    return this.store.rows.entries
      .filter((entry) => applies(filter, entry))
      .filter(({ at, id }) => before === undefined || at < before.at || (at === before.at && id < before.id))
      .sort((a, b) => b.at - a.at || b.id - a.id)
      .slice(0, limit);
  }

  async *all(
    filter: AuditFilter,
    before: Place | undefined,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<RecordedEntry[]> {
    const found = await this.page(filter, before, Infinity);
    await announce(found.length);
    const [first, ...others] = found;
    if (first !== undefined) yield [first];
    if (others.length > 0) yield others;
  }

  async *chain(): AsyncGenerator<{ block: Block; entries: RecordedEntry[] }, number> {
    const { entries } = this.store.rows;
    for (const block of this.blocks()) {
      yield { block, entries: entries.filter((entry) => entry.block === block.number) };
    }
    return Math.max(0, ...entries.map(({ block }) => block ?? 0));
  }

  async lastBlockBefore(at: number): Promise<number> {
    return this.blocks().findLast(({ sealedAt }) => sealedAt < at)?.number ?? 0;
  }

  async deleteThrough(block: number, limit: number): Promise<number> {
    const { draft } = this.store;
    const upTo = (entry: RecordedEntry): boolean => entry.block !== null && entry.block <= block;
    const found = draft.entries
      .filter(upTo)
      .sort((a, b) => Number(a.block) - Number(b.block))
      .slice(0, limit);
    const partial = found.length < limit ? undefined : found.at(-1)?.block;
    const deleted = new Set(found.filter((entry) => entry.block !== partial));
    draft.entries = draft.entries.filter((entry) => !deleted.has(entry));
    return deleted.size;
  }

  /** The store's copies of a Buffer are bytes and no more. */
  private blocks(): Block[] {
    return this.store.rows.blocks.map((block) => ({ ...block, digests: Buffer.from(block.digests) }));
  }
}

function applies({ from = 0, to = Infinity, ...equal }: AuditFilter, entry: RecordedEntry): boolean {
  const isEqual = Object.entries(equal).every(
    ([field, value]) => value === undefined || entry[field as keyof typeof equal] === value,
  );
  return isEqual && entry.at >= from && entry.at < to;
}
