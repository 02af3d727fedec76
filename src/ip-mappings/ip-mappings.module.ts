import { Module } from '@nestjs/common';
import { CustomerHoldings } from '../customers/application/customer-holdings.js';
import { CustomerRecordsModule } from '../customers/customer-records.module.js';
import { HeldAddresses } from './application/held-addresses.js';
import { IpMappingRepository } from './application/ip-mapping.repository.js';
import { IpMappingVersionRepository } from './application/ip-mapping-version.repository.js';
import { IpMappingsService } from './application/ip-mappings.service.js';
import { MappingFeed } from './application/mapping-feed.js';
import { MappingHistoryService } from './application/mapping-history.service.js';
import { MappingLedger } from './application/mapping-ledger.js';
import { MappingPurge } from './application/mapping-purge.js';
import { ReassignmentService } from './application/reassignment.service.js';
import { CustomerMappingsController } from './infrastructure/customer-mappings.controller.js';
import { IpMappingsController } from './infrastructure/ip-mappings.controller.js';
import { MappingHistoryController } from './infrastructure/mapping-history.controller.js';
import { SqlHeldAddresses } from './infrastructure/sql-held-addresses.js';
import { SqlMappingFeed } from './infrastructure/sql-mapping-feed.js';
import { TypeOrmIpMappingVersionRepository } from './infrastructure/typeorm-ip-mapping-version.repository.js';
import { TypeOrmIpMappingRepository } from './infrastructure/typeorm-ip-mapping.repository.js';

@Module({
  imports: [CustomerRecordsModule],
  // The history comes first, or its path would match as the id of a mapping.
  controllers: [IpMappingsController, MappingHistoryController, CustomerMappingsController],
  providers: [
    IpMappingsService,
    MappingHistoryService,
    ReassignmentService,
    MappingLedger,
    MappingPurge,
    { provide: CustomerHoldings, useExisting: MappingLedger },
    { provide: MappingFeed, useClass: SqlMappingFeed },
    { provide: HeldAddresses, useClass: SqlHeldAddresses },
    { provide: IpMappingRepository, useClass: TypeOrmIpMappingRepository },
    { provide: IpMappingVersionRepository, useClass: TypeOrmIpMappingVersionRepository },
  ],
  exports: [CustomerHoldings, HeldAddresses, MappingFeed, MappingPurge],
})
export class IpMappingsModule {}
