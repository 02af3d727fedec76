import { Module } from '@nestjs/common';
import { CustomerRecordsModule } from '../customers/customer-records.module.js';
import { IpMappingsModule } from '../ip-mappings/ip-mappings.module.js';
import { LookupService } from './application/lookup.service.js';
import { LookupController } from './infrastructure/lookup.controller.js';

@Module({
  imports: [CustomerRecordsModule, IpMappingsModule],
  controllers: [LookupController],
  providers: [LookupService],
})
export class LookupModule {}
