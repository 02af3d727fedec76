import { Injectable } from '@nestjs/common';
import { Database } from '../../shared/database/database.js';
import { SqlVersionFeed } from '../../versions/infrastructure/sql-version-feed.js';
import type { Customer } from '../domain/customer.js';
import { customerColumns } from './customer-version.entity.js';

@Injectable()
export class SqlCustomerFeed extends SqlVersionFeed<Customer, Customer> {
  constructor(database: Database) {
    super(database, { table: 'customer_versions', columns: customerColumns('v') }, (customer) => customer);
  }
}
