import { Global, Module } from '@nestjs/common';
import { ChangeNews } from './application/change-news.js';
import { CustomerHistoryService } from './application/customer-history.service.js';
import { CustomerRepository } from './application/customer.repository.js';
import { CustomerVersionRepository } from './application/customer-version.repository.js';
import { CustomersService } from './application/customers.service.js';
import { DoubtsService } from './application/doubts.service.js';
import { Holders } from './application/holders.js';
import { CustomerHistoryController } from './infrastructure/customer-history.controller.js';
import { CustomersController } from './infrastructure/customers.controller.js';
import { TypeOrmCustomerVersionRepository } from './infrastructure/typeorm-customer-version.repository.js';
import { TypeOrmCustomerRepository } from './infrastructure/typeorm-customer.repository.js';

/** Global, as holders of addresses are customers. */
@Global()
@Module({
  controllers: [CustomersController, CustomerHistoryController],
  providers: [
    CustomersService,
    CustomerHistoryService,
    ChangeNews,
    Holders,
    DoubtsService,
    { provide: CustomerRepository, useClass: TypeOrmCustomerRepository },
    { provide: CustomerVersionRepository, useClass: TypeOrmCustomerVersionRepository },
  ],
  exports: [CustomerVersionRepository, Holders, DoubtsService],
})
export class CustomersModule {}
