import {
  ContextEntity,
  ContextNameEntity,
  GrantEntity,
  SignInEntity,
  TokenEntity,
  UserEntity,
} from './access/infrastructure/access.entities.js';
import { CustomerEntity } from './customers/infrastructure/customer.entity.js';

/** Every table of the register, for the application's DataSource and the TypeORM CLI's. */
export const entities = [
  ContextEntity,
  ContextNameEntity,
  UserEntity,
  GrantEntity,
  TokenEntity,
  SignInEntity,
  CustomerEntity,
];
