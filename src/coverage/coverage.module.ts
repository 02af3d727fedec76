import { Module } from '@nestjs/common';
import { CustomerRecordsModule } from '../customers/customer-records.module.js';
import { IpMappingsModule } from '../ip-mappings/ip-mappings.module.js';
import { CoverageService } from './application/coverage.service.js';
import { CoverageController } from './infrastructure/coverage.controller.js';

@Module({
  imports: [CustomerRecordsModule, IpMappingsModule],
  controllers: [CoverageController],
  providers: [CoverageService],
})
export class CoverageModule {}
