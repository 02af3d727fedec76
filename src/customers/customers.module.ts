import { Module } from '@nestjs/common';
import { CustomerRepository } from './application/customer.repository.js';
import { CustomersService } from './application/customers.service.js';
import { CustomersController } from './infrastructure/customers.controller.js';
import { TypeOrmCustomerRepository } from './infrastructure/typeorm-customer.repository.js';

@Module({
  controllers: [CustomersController],
  providers: [CustomersService, { provide: CustomerRepository, useClass: TypeOrmCustomerRepository }],
})
export class CustomersModule {}
