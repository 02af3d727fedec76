import { afterAll, beforeAll, describe } from '@jest/globals';
import {
  databaseRegisterKinds,
  registerKinds,
  type DatabaseRegister,
  type Register,
} from '../support/register.js';
import { auditManyRowsContract } from './audit-many-rows.js';
import { auditRepositoryContract } from './audit-repository.js';
import { contextRepositoryContract } from './context-repository.js';
import { customerRepositoryContract } from './customer-repository.js';
import { customerVersionManyRowsContract } from './customer-version-many-rows.js';
import { customerVersionRepositoryContract } from './customer-version-repository.js';
import { idempotencyRepositoryContract } from './idempotency-repository.js';
import { ipMappingConflictsContract } from './ip-mapping-conflicts.js';
import { ipMappingGuardingContract } from './ip-mapping-guarding.js';
import { ipMappingHoldingContract } from './ip-mapping-holding.js';
import { ipMappingListingContract } from './ip-mapping-listing.js';
import { ipMappingManyRowsContract } from './ip-mapping-many-rows.js';
import { ipMappingModelContract } from './ip-mapping-model.js';
import { ipMappingPurgingContract } from './ip-mapping-purging.js';
import { ipMappingVersionsContract } from './ip-mapping-versions.js';
import { ipMappingWritingContract } from './ip-mapping-writing.js';
import { signInRepositoryContract } from './sign-in-repository.js';
import { tokenRepositoryContract } from './token-repository.js';
import { transactionsContract } from './transactions.js';
import { userRepositoryContract } from './user-repository.js';

describe.each(registerKinds)('on $name', (kind) => {
  let register: Register;

  beforeAll(async () => {
    register = await kind.open();
  });
  afterAll(() => register.close());

  describe.each([
    ['Transactions', transactionsContract],
    ['ContextRepository', contextRepositoryContract],
    ['UserRepository', userRepositoryContract],
    ['TokenRepository', tokenRepositoryContract],
    ['SignInRepository', signInRepositoryContract],
    ['CustomerRepository', customerRepositoryContract],
    ['CustomerVersionRepository', customerVersionRepositoryContract],
    ['CustomerVersionRepository: writing many rows', customerVersionManyRowsContract],
    ['AuditRepository', auditRepositoryContract],
    ['AuditRepository: writing many entries', auditManyRowsContract],
    ['IpMappingRepository: writing', ipMappingWritingContract],
    ['IpMappingRepository: writing many rows', ipMappingManyRowsContract],
    ['IpMappingRepository: guarding a context', ipMappingGuardingContract],
    ['IpMappingRepository: conflicts', ipMappingConflictsContract],
    ['HeldAddresses', ipMappingHoldingContract],
    ['IpMappingRepository: listing', ipMappingListingContract],
    ['IpMappingVersionRepository', ipMappingVersionsContract],
    ['IpMappingVersionRepository: purging', ipMappingPurgingContract],
    ['IpMappingRepository and HeldAddresses against a model', ipMappingModelContract],
  ])('%s', (_port, contract) => contract(() => register));
});

describe.each(databaseRegisterKinds)('on $name', (kind) => {
  let register: DatabaseRegister;

  beforeAll(async () => {
    register = await kind.open();
  });
  afterAll(() => register.close());

  describe('IdempotencyRepository', () => idempotencyRepositoryContract(() => register));
});
