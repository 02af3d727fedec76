import { recorderOf } from '../principal.js';
import type { ContextId, Principal } from '../../../src/identity/domain/principal.js';
import { CustomerVersionRepository } from '../../../src/customers/application/customer-version.repository.js';
import type {
  Customer,
  DeletedCustomer,
  PastCustomer,
  UserId,
} from '../../../src/customers/domain/customer.js';
import { versionOf, type ChangeMade, type RecordedVersion } from '../../../src/versions/domain/version.js';
import { statesBefore, type InMemoryStore, type VersionRow } from './in-memory-store.js';

export class InMemoryCustomerVersionRepository extends CustomerVersionRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async insert(by: Principal, change: ChangeMade, customers: readonly Customer[]): Promise<void> {
    const { draft } = this.store;
    const present = new Set(draft.versions.map(({ customer }) => versionOf(customer)));
    for (const customer of customers) {
      if (present.has(versionOf(customer))) {
        throw new Error('the customer already has a version of this time');
      }
      present.add(versionOf(customer));
      draft.versions.push({
        id: ++draft.lastId,
        context: by.context,
        change,
        customer,
        by: recorderOf(by),
        block: null,
      });
    }
  }

  async asOf(context: ContextId, userId: UserId, at: number): Promise<Customer | undefined> {
    const known = this.store.rows.versions.filter(({ customer }) => customer.updatedAt <= at).sort(byTime);
    return known
      .filter((row) => known.findLast((each) => isOf(each, row.customer)) === row)
      .filter((row) => row.context === context && row.customer.userId === userId)
      .findLast(({ change }) => change !== 'deleted')?.customer;
  }

  async asOfEach(
    context: ContextId,
    moments: readonly { readonly customerId: number; readonly at: number }[],
    knownAt: number,
  ): Promise<(PastCustomer | undefined)[]> {
    return moments.map(({ customerId, at }) => {
      const all = this.store.rows.versions
        .filter((row) => row.context === context && row.customer.id === customerId)
        .sort(byTime);
      const then = all.findLast(({ customer }) => customer.updatedAt <= at) ?? all[0];
      const last = all.findLast(({ customer }) => customer.updatedAt <= knownAt);
      return then && { ...then.customer, isDeleted: last?.change === 'deleted' };
    });
  }

  async history(
    context: ContextId,
    userId: UserId,
    before: number,
    limit: number,
  ): Promise<RecordedVersion<Customer>[]> {
    const { versions } = this.store.rows;
    const customers = new Set(await this.customerIdsOf(context, userId));
    const replaced = statesBefore(versions.map(({ customer }) => customer));
    return versions
      .filter((row) => row.id < before && customers.has(row.customer.id))
      .toReversed()
      .slice(0, limit)
      .map((row) => ({
        id: row.id,
        change: row.change,
        state: row.customer,
        ...row.by,
        before: replaced.get(row.customer),
      }));
  }

  async customerIdsOf(context: ContextId, userId: UserId): Promise<number[]> {
    const named = this.store.rows.versions.filter(
      (row) => row.context === context && row.customer.userId === userId,
    );
    return [...new Set(named.map(({ customer }) => customer.id))];
  }

  async deletedThrough(
    throughBlock: number,
    after: number,
    limit: number,
  ): Promise<{ customers: DeletedCustomer[]; next: number | undefined }> {
    const deletions = this.store.rows.versions
      .filter(({ id, change }) => id > after && change === 'deleted')
      .filter(({ block }) => block !== null && block <= throughBlock)
      .slice(0, limit);
    return {
      customers: deletions.map(({ context, customer: { id } }) => ({ context, id })),
      next: deletions.length < limit ? undefined : deletions.at(-1)?.id,
    };
  }

  async purge(customers: readonly DeletedCustomer[]): Promise<void> {
    const { draft } = this.store;
    draft.versions = draft.versions.filter((row) => !customers.some(({ id }) => row.customer.id === id));
  }
}

function isOf(row: VersionRow, { id }: Customer): boolean {
  return row.customer.id === id;
}

function byTime(a: VersionRow, b: VersionRow): number {
  return a.customer.updatedAt - b.customer.updatedAt || a.id - b.id;
}
