import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import {
  ContextRepository,
  TokenRepository,
  UserRepository,
} from '../../src/access/application/access.repositories.js';
import type { ContextId } from '../../src/identity/domain/principal.js';
import { SignInRepository } from '../../src/access/application/sign-in-log.js';
import { TypeOrmContextRepository } from '../../src/access/infrastructure/typeorm-context.repository.js';
import { TypeOrmSignInRepository } from '../../src/access/infrastructure/typeorm-sign-in.repository.js';
import { TypeOrmTokenRepository } from '../../src/access/infrastructure/typeorm-token.repository.js';
import { TypeOrmUserRepository } from '../../src/access/infrastructure/typeorm-user.repository.js';
import type { CustomerVersionRepository } from '../../src/customers/application/customer-version.repository.js';
import type { CustomerRepository } from '../../src/customers/application/customer.repository.js';
import { TypeOrmCustomerVersionRepository } from '../../src/customers/infrastructure/typeorm-customer-version.repository.js';
import { TypeOrmCustomerRepository } from '../../src/customers/infrastructure/typeorm-customer.repository.js';
import { entities, sealedTables } from '../../src/entities.js';
import type { CustomerFeed } from '../../src/customers/application/customer-feed.js';
import { SqlCustomerFeed } from '../../src/customers/infrastructure/sql-customer-feed.js';
import type { Blocks } from '../../src/history/application/blocks.js';
import { SqlBlocks } from '../../src/history/infrastructure/sql-blocks.js';
import type { AuditRepository } from '../../src/history/application/audit.repository.js';
import { TypeOrmAuditRepository } from '../../src/history/infrastructure/typeorm-audit.repository.js';
import type { IdempotencyRepository } from '../../src/idempotency/application/idempotency.repository.js';
import { TypeOrmIdempotencyRepository } from '../../src/idempotency/infrastructure/typeorm-idempotency.repository.js';
import type { HeldAddresses } from '../../src/ip-mappings/application/held-addresses.js';
import type { IpMappingVersionRepository } from '../../src/ip-mappings/application/ip-mapping-version.repository.js';
import type { MappingFeed } from '../../src/ip-mappings/application/mapping-feed.js';
import { SqlHeldAddresses } from '../../src/ip-mappings/infrastructure/sql-held-addresses.js';
import { SqlMappingFeed } from '../../src/ip-mappings/infrastructure/sql-mapping-feed.js';
import { TypeOrmIpMappingVersionRepository } from '../../src/ip-mappings/infrastructure/typeorm-ip-mapping-version.repository.js';
import type { IpMappingRepository } from '../../src/ip-mappings/application/ip-mapping.repository.js';
import { TypeOrmIpMappingRepository } from '../../src/ip-mappings/infrastructure/typeorm-ip-mapping.repository.js';
import type { DatabaseConfiguration } from '../../src/shared/config/configuration.js';
import { openDatabase } from '../../src/shared/database/open-database.js';
import type { TypeOrmDatabase } from '../../src/shared/database/typeorm-database.js';
import type { Transactions } from '../../src/shared/transactions.js';
import { databaseKinds } from './databases.js';
import {
  InMemoryContextRepository,
  InMemorySignInRepository,
  InMemoryTokenRepository,
  InMemoryUserRepository,
} from './fakes/in-memory-access.repositories.js';
import { InMemoryAuditRepository } from './fakes/in-memory-audit.repository.js';
import { InMemoryBlocks } from './fakes/in-memory-blocks.js';
import { InMemoryCustomerFeed, InMemoryMappingFeed } from './fakes/in-memory-feed.js';
import { InMemoryHeldAddresses } from './fakes/in-memory-held-addresses.js';
import { InMemoryIpMappingVersionRepository } from './fakes/in-memory-ip-mapping-version.repository.js';
import { InMemoryCustomerVersionRepository } from './fakes/in-memory-customer-version.repository.js';
import { InMemoryCustomerRepository } from './fakes/in-memory-customer.repository.js';
import { InMemoryIpMappingRepository } from './fakes/in-memory-ip-mapping.repository.js';
import { InMemoryStore } from './fakes/in-memory-store.js';

/** The ports of the register that have a fake, on one store. */
export interface Register {
  readonly transactions: Transactions;
  readonly customers: CustomerRepository;
  readonly tokens: TokenRepository;
  readonly users: UserRepository;
  readonly contexts: ContextRepository;
  readonly signIns: SignInRepository;
  readonly versions: CustomerVersionRepository;
  readonly customerFeed: CustomerFeed;
  readonly audit: AuditRepository;
  readonly blocks: Blocks;
  readonly mappings: IpMappingRepository;
  readonly holdings: HeldAddresses;
  readonly mappingVersions: IpMappingVersionRepository;
  readonly mappingFeed: MappingFeed;
  close(): Promise<void>;
}

/** All ports of the register, on a database. */
export interface DatabaseRegister extends Register {
  readonly database: TypeOrmDatabase;
  readonly keys: IdempotencyRepository;
}

interface RegisterKind<R extends Register> {
  readonly name: string;
  open(): Promise<R>;
}

/** What the contract suites of ports without a fake run against: every kind of database. */
export const databaseRegisterKinds: readonly RegisterKind<DatabaseRegister>[] = databaseKinds.map((kind) => ({
  name: kind.name,
  async open() {
    const database = await kind.create();
    const register = await openRegister(database.configuration);
    const close = async (): Promise<void> => {
      await register.close();
      await database.drop();
    };
    return { ...register, close };
  },
}));

/** What the other contract suites run against: the fakes as well. */
export const registerKinds: readonly RegisterKind<Register>[] = [
  { name: 'the in-memory fake', open: async () => inMemoryRegister() },
  ...databaseRegisterKinds,
];

function inMemoryRegister(): Register {
  const store = new InMemoryStore();
  return {
    transactions: store,
    customers: new InMemoryCustomerRepository(store),
    tokens: new InMemoryTokenRepository(store),
    users: new InMemoryUserRepository(store),
    contexts: new InMemoryContextRepository(store),
    signIns: new InMemorySignInRepository(store),
    versions: new InMemoryCustomerVersionRepository(store),
    customerFeed: new InMemoryCustomerFeed(store),
    audit: new InMemoryAuditRepository(store),
    blocks: new InMemoryBlocks(store),
    mappings: new InMemoryIpMappingRepository(store),
    holdings: new InMemoryHeldAddresses(store),
    mappingVersions: new InMemoryIpMappingVersionRepository(store),
    mappingFeed: new InMemoryMappingFeed(store),
    close: async () => undefined,
  };
}

export async function openRegister(configuration: DatabaseConfiguration): Promise<DatabaseRegister> {
  const database = await openDatabase(configuration, entities);
  return {
    database,
    transactions: database,
    customers: new TypeOrmCustomerRepository(database),
    tokens: new TypeOrmTokenRepository(database),
    users: new TypeOrmUserRepository(database),
    contexts: new TypeOrmContextRepository(database),
    signIns: new TypeOrmSignInRepository(database),
    versions: new TypeOrmCustomerVersionRepository(database),
    customerFeed: new SqlCustomerFeed(database),
    blocks: new SqlBlocks(database),
    audit: new TypeOrmAuditRepository(database, { all: sealedTables }),
    keys: new TypeOrmIdempotencyRepository(database),
    mappings: new TypeOrmIpMappingRepository(database),
    holdings: new SqlHeldAddresses(database),
    mappingVersions: new TypeOrmIpMappingVersionRepository(database),
    mappingFeed: new SqlMappingFeed(database),
    close: () => database.close(),
  };
}

/** Creates an empty context. Its id comes from a sign-in, as everywhere. */
export async function newContext({ transactions, contexts, users, tokens }: Register): Promise<ContextId> {
  const name = randomUUID();
  await transactions.run(async () => {
    await contexts.insert({ name, aliases: [], enabled: true, createdAt: 0 });
    await users.insert({ name, role: 'operator', contexts: [name], enabled: true, createdAt: 0 });
    const token = { user: name, label: '', scope: 'write', expiresAt: null, allowedIps: [] } as const;
    await tokens.insert({ ...token, createdAt: 0 }, name);
  });
  const found = await tokens.findByHash(name, name);
  if (found?.context === undefined) throw new Error('the new context cannot be signed in to');
  return found.context.id;
}
