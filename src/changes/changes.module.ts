import { Module } from '@nestjs/common';
import { CustomerRecordsModule } from '../customers/customer-records.module.js';
import { IpMappingsModule } from '../ip-mappings/ip-mappings.module.js';
import { ChangeNews } from './application/change-news.js';
import { ChangesService } from './application/changes.service.js';
import { ChangesController } from './infrastructure/changes.controller.js';

@Module({
  imports: [CustomerRecordsModule, IpMappingsModule],
  controllers: [ChangesController],
  providers: [ChangesService, ChangeNews],
})
export class ChangesModule {}
