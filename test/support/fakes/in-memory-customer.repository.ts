import type { ContextId } from '../../../src/identity/domain/principal.js';
import {
  CustomerRepository,
  type CustomerFilter,
} from '../../../src/customers/application/customer.repository.js';
import type { Customer, CustomerDetails, UserId } from '../../../src/customers/domain/customer.js';
import type { InMemoryStore } from './in-memory-store.js';

export class InMemoryCustomerRepository extends CustomerRepository {
  constructor(private readonly store: InMemoryStore) {
    super();
  }

  async find(context: ContextId, userId: UserId): Promise<Customer | undefined> {
    return this.matching(context, { equal: [{ userId }] })[0];
  }

  lock(context: ContextId, userId: UserId): Promise<Customer | undefined> {
    return this.find(context, userId);
  }

  async insert(context: ContextId, customer: Omit<Customer, 'id'>): Promise<number | undefined> {
    const { draft } = this.store;
    if (this.isTaken(context, customer.userId)) return undefined;
    const id = ++draft.lastId;
    draft.customers.push({ context, customer: { id, ...customer } });
    return id;
  }

  async update(context: ContextId, customer: Customer): Promise<boolean> {
    const { customers } = this.store.draft;
    if (this.isTaken(context, customer.userId, customer.id)) return false;
    const row = customers.find((each) => each.context === context && each.customer.id === customer.id);
    if (row !== undefined) row.customer = customer;
    return true;
  }

  async delete(context: ContextId, id: number): Promise<void> {
    const { draft } = this.store;
    draft.customers = draft.customers.filter((row) => row.context !== context || row.customer.id !== id);
  }

  async page(context: ContextId, filter: CustomerFilter, after: number, limit: number): Promise<Customer[]> {
    return this.matching(context, filter)
      .filter(({ id }) => id > after)
      .slice(0, limit);
  }

  async *all(
    context: ContextId,
    filter: CustomerFilter,
    after: number,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<Customer[]> {
    const found = await this.page(context, filter, after, Infinity);
    await announce(found.length);
    const [first, ...others] = found;
    if (first !== undefined) yield [first];
    if (others.length > 0) yield others;
  }

  private isTaken(context: ContextId, userId: UserId, unlessBy?: number): boolean {
    return this.store.rows.customers.some(
      (row) => row.context === context && row.customer.userId === userId && row.customer.id !== unlessBy,
    );
  }

  /** By ascending id, the order of insertion. */
  private matching(context: ContextId, filter: CustomerFilter): Customer[] {
    return this.store.rows.customers
      .filter((row) => row.context === context)
      .map((row) => row.customer)
      .filter(({ updatedAt }) => updatedAt >= (filter.updatedSince ?? 0))
      .filter((customer) => isEqual(customer, filter) && isFound(customer, filter.search ?? ''));
  }
}

function isEqual(customer: Customer, { equal = [] }: CustomerFilter): boolean {
  return equal
    .flatMap((fields) => Object.entries(fields))
    .every(([field, value]) => customer[field as keyof CustomerDetails] === value);
}

function isFound({ userId, phoneNumber, name, email }: Customer, start: string): boolean {
  return (
    [userId, phoneNumber].some((text) => text?.startsWith(start)) ||
    [name, email].some((text) => text !== null && fold(text).startsWith(fold(start)))
  );
}

function fold(text: string): string {
  return text.normalize('NFC').toUpperCase();
}
