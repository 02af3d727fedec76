import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { CustomerHistoryService } from './application/customer-history.service.js';
import { CustomerPurge } from './application/customer-purge.js';
import { CustomersService } from './application/customers.service.js';
import { CustomerRecordsModule } from './customer-records.module.js';
import { CustomerHistoryController } from './infrastructure/customer-history.controller.js';
import { CustomersController } from './infrastructure/customers.controller.js';

@Module({})
export class CustomersModule {
  /** @param holdings the module that provides CustomerHoldings */
  static withHoldings(holdings: Type): DynamicModule {
    return {
      module: CustomersModule,
      imports: [CustomerRecordsModule, holdings],
      controllers: [CustomersController, CustomerHistoryController],
      providers: [CustomersService, CustomerHistoryService, CustomerPurge],
      exports: [CustomerPurge],
    };
  }
}
