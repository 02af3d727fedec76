import { Module } from '@nestjs/common';
import { CustomerFeed } from './application/customer-feed.js';
import { CustomerRepository } from './application/customer.repository.js';
import { CustomerVersionRepository } from './application/customer-version.repository.js';
import { Holders } from './application/holders.js';
import { SqlCustomerFeed } from './infrastructure/sql-customer-feed.js';
import { TypeOrmCustomerVersionRepository } from './infrastructure/typeorm-customer-version.repository.js';
import { TypeOrmCustomerRepository } from './infrastructure/typeorm-customer.repository.js';

/** Customers as stored, for CustomersModule; other features use only Holders and CustomerFeed. */
@Module({
  providers: [
    Holders,
    { provide: CustomerFeed, useClass: SqlCustomerFeed },
    { provide: CustomerRepository, useClass: TypeOrmCustomerRepository },
    { provide: CustomerVersionRepository, useClass: TypeOrmCustomerVersionRepository },
  ],
  exports: [Holders, CustomerFeed, CustomerRepository, CustomerVersionRepository],
})
export class CustomerRecordsModule {}
