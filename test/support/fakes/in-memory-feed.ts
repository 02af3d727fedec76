import type { CustomerFeed } from '../../../src/customers/application/customer-feed.js';
import type { Customer } from '../../../src/customers/domain/customer.js';
import type { ContextId } from '../../../src/identity/domain/principal.js';
import type { MappingFeed } from '../../../src/ip-mappings/application/mapping-feed.js';
import type { RecordedMapping } from '../../../src/ip-mappings/domain/ip-mapping.js';
import type { ChangeMade, FeedPlace, SealedChange } from '../../../src/versions/domain/version.js';
import type { InMemoryStore } from './in-memory-store.js';

interface Row<State> {
  readonly id: number;
  readonly context: ContextId;
  readonly change: ChangeMade;
  readonly block: number | null;
  readonly state: State;
}

abstract class InMemoryFeed<State> {
  protected abstract rows(): Row<State>[];

  async changes(
    context: ContextId,
    after: FeedPlace,
    through: number,
    limit: number,
  ): Promise<SealedChange<State>[]> {
    return this.rows()
      .filter((row) => row.context === context)
      .flatMap(({ id, block, change, state }) => (block === null ? [] : [{ block, id, change, state }]))
      .filter(({ block, id }) => block > after.block || (block === after.block && id > after.id))
      .filter(({ block }) => block <= Math.max(through, after.block))
      .sort((a, b) => a.block - b.block || a.id - b.id)
      .slice(0, limit);
  }

  async lastBlock(): Promise<number> {
    return Math.max(0, ...this.rows().map(({ block }) => block ?? 0));
  }
}

export class InMemoryCustomerFeed extends InMemoryFeed<Customer> implements CustomerFeed {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  protected rows(): Row<Customer>[] {
    return this.store.rows.versions.map(({ customer: state, ...row }) => ({ ...row, state }));
  }
}

export class InMemoryMappingFeed extends InMemoryFeed<RecordedMapping> implements MappingFeed {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  protected rows(): Row<RecordedMapping>[] {
    return this.store.rows.mappingVersions.map(({ mapping: state, ...row }) => ({ ...row, state }));
  }
}
