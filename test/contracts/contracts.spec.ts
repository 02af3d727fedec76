import { afterAll, beforeAll, describe } from '@jest/globals';
import { registerKinds, type Register } from '../support/register.js';
import { auditRepositoryContract } from './audit-repository.js';
import { contextRepositoryContract } from './context-repository.js';
import { customerRepositoryContract } from './customer-repository.js';
import { customerVersionRepositoryContract } from './customer-version-repository.js';
import { idempotencyRepositoryContract } from './idempotency-repository.js';
import { ipMappingRepositoryContract } from './ip-mapping-repository.js';
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
    ['AuditRepository', auditRepositoryContract],
    ['IdempotencyRepository', idempotencyRepositoryContract],
    ['IpMappingRepository', ipMappingRepositoryContract],
  ])('%s', (_port, contract) => contract(() => register));
});
