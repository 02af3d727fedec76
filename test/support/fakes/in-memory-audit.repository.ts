import { createHash } from 'node:crypto';
import { AuditRepository } from '../../../src/history/application/audit.repository.js';
import type {
  Block,
  Remainder,
  SealedBlock,
  SealedVersion,
} from '../../../src/history/domain/audit-chain.js';
import type {
  AuditEntry,
  AuditFilter,
  EntryPlace,
  RecordedEntry,
} from '../../../src/history/domain/audit-entry.js';
import type { InMemoryStore, MappingVersionRow, VersionRow } from './in-memory-store.js';

export class InMemoryAuditRepository extends AuditRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async insert(entries: readonly AuditEntry[]): Promise<void> {
    const { draft } = this.store;
    for (const entry of entries) draft.entries.push({ ...entry, id: ++draft.lastId, block: null });
  }

  async hasUnsealed(): Promise<boolean> {
    const { entries, versions, mappingVersions } = this.store.rows;
    return [...entries, ...versions, ...mappingVersions].some(({ block }) => block === null);
  }

  async unsealed(limit: number): Promise<RecordedEntry[]> {
    return this.store.rows.entries.filter(({ block }) => block === null).slice(0, limit);
  }

  async unsealedVersions(limit: number): Promise<SealedVersion[]> {
    return this.versionsIn(null).slice(0, limit);
  }

  async lockHead(): Promise<Block | undefined> {
    return this.head();
  }

  async insertBlock({ block, entries, versions }: SealedBlock): Promise<void> {
    const { draft } = this.store;
    const ids = new Set([...entries, ...versions].map(({ id }) => id)); // no two rows of the store share one
    const unsealed = [...draft.entries, ...draft.versions, ...draft.mappingVersions].filter(
      (row) => row.block === null && ids.has(row.id),
    );
    if (unsealed.length !== ids.size) throw new Error('audit_entries changed while its rows were sealed');
    const placed = <Row extends { id: number; block: number | null }>(rows: readonly Row[]): Row[] =>
      rows.map((row) => (ids.has(row.id) ? { ...row, block: block.number } : row));
    draft.blocks.push(block);
    draft.entries = placed(draft.entries);
    draft.versions = placed(draft.versions);
    draft.mappingVersions = placed(draft.mappingVersions);
  }

  async head(): Promise<Block | undefined> {
    return this.store.blocksInOrder.at(-1);
  }

  async page(filter: AuditFilter, before: EntryPlace | undefined, limit: number): Promise<RecordedEntry[]> {
    return this.store.rows.entries
      .filter((entry) => applies(filter, entry))
      .filter(({ at, id }) => before === undefined || at < before.at || (at === before.at && id < before.id))
      .sort((a, b) => b.at - a.at || b.id - a.id)
      .slice(0, limit);
  }

  async *all(
    filter: AuditFilter,
    before: EntryPlace | undefined,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<RecordedEntry[]> {
    const found = await this.page(filter, before, Infinity);
    await announce(found.length);
    const [first, ...others] = found;
    if (first !== undefined) yield [first];
    if (others.length > 0) yield others;
  }

  async *chain(): AsyncGenerator<SealedBlock, Remainder> {
    const { entries } = this.store.rows;
    for (const block of this.store.blocksInOrder) {
      const { number } = block;
      yield {
        block,
        entries: entries.filter((entry) => entry.block === number),
        versions: this.versionsIn(number),
      };
    }
    return {}; // nobody tampers with a fake
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

  private versionsIn(block: number | null): SealedVersion[] {
    const { versions, mappingVersions } = this.store.rows;
    const tables = { customer_versions: versions, ip_mapping_versions: mappingVersions };
    return Object.entries(tables).flatMap(([table, rows]) =>
      rows
        .filter((row) => row.block === block)
        .map((row) => ({
          table,
          id: row.id,
          digest: digestOf(row),
          hasAuthor: true,
          at: ('customer' in row ? row.customer : row.mapping).updatedAt,
        })),
    );
  }
}

function digestOf(row: VersionRow | MappingVersionRow): Buffer {
  return createHash('sha256')
    .update(JSON.stringify({ ...row, block: null }))
    .digest();
}

function applies({ from = 0, to = Infinity, ...equal }: AuditFilter, entry: RecordedEntry): boolean {
  const isEqual = Object.entries(equal).every(
    ([field, value]) => value === undefined || entry[field as keyof typeof equal] === value,
  );
  return isEqual && entry.at >= from && entry.at < to;
}
