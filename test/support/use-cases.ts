import 'reflect-metadata';
import { CustomersService } from '../../src/customers/application/customers.service.js';
import { Holders } from '../../src/customers/application/holders.js';
import { AuditTrail } from '../../src/history/application/audit-trail.js';
import type { ContextId } from '../../src/identity/domain/principal.js';
import { MappingLedger } from '../../src/ip-mappings/application/mapping-ledger.js';
import type { RecordedMapping } from '../../src/ip-mappings/domain/ip-mapping.js';
import { LookupService } from '../../src/lookup/application/lookup.service.js';
import type { Transactions } from '../../src/shared/transactions.js';
import { InMemoryAuditRepository } from './fakes/in-memory-audit.repository.js';
import { InMemoryCustomerVersionRepository } from './fakes/in-memory-customer-version.repository.js';
import { InMemoryCustomerRepository } from './fakes/in-memory-customer.repository.js';
import { InMemoryHeldAddresses } from './fakes/in-memory-held-addresses.js';
import { InMemoryIpMappingVersionRepository } from './fakes/in-memory-ip-mapping-version.repository.js';
import { InMemoryIpMappingRepository } from './fakes/in-memory-ip-mapping.repository.js';
import { InMemoryStore } from './fakes/in-memory-store.js';
import { principal } from './principal.js';
import { TestClock } from './test-clock.js';

const CONTEXT = 1 as ContextId;

/** The use cases of one context, over an empty store of the fakes. */
export class UseCases {
  readonly by = principal(CONTEXT);
  readonly clock = new TestClock();
  private readonly store = new InMemoryStore();
  readonly transactions: Transactions = this.store;
  private readonly trail = new AuditTrail(new InMemoryAuditRepository(this.store), this.store, this.clock);
  private readonly customerRows = new InMemoryCustomerRepository(this.store);
  private readonly versions = new InMemoryCustomerVersionRepository(this.store);
  private readonly holders = new Holders(this.customerRows, this.versions);

  readonly ledger = new MappingLedger(
    new InMemoryIpMappingRepository(this.store),
    new InMemoryIpMappingVersionRepository(this.store),
    this.holders,
    this.trail,
    this.clock,
  );
  readonly customers = new CustomersService(
    this.customerRows,
    this.versions,
    this.ledger,
    this.trail,
    this.store,
    this.clock,
  );
  readonly lookup = new LookupService(
    new InMemoryHeldAddresses(this.store),
    this.holders,
    this.trail,
    this.clock,
  );

  mappingsOf(customerId: number): RecordedMapping[] {
    return this.store.mappingsOf(CONTEXT).filter((mapping) => mapping.customerId === customerId);
  }

  /** Action and UserID of every audit entry, the oldest first. */
  audited(): string[] {
    return this.store.rows.entries.map(({ action, userId }) => `${action} ${userId}`);
  }

  /** The details of the last audit entry. */
  lastDetails(): object {
    return JSON.parse(this.store.rows.entries.at(-1)?.details ?? '') as object;
  }
}
