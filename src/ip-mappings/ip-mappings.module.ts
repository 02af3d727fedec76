import { Global, Module } from '@nestjs/common';
import { HeldAddresses } from './application/held-addresses.js';
import { IpMappingRepository } from './application/ip-mapping.repository.js';
import { IpMappingsService } from './application/ip-mappings.service.js';
import { MappingLedger } from './application/mapping-ledger.js';
import { MappingHistoryService } from './application/mapping-history.service.js';
import { ReassignmentService } from './application/reassignment.service.js';
import { CustomerMappingsController } from './infrastructure/customer-mappings.controller.js';
import { IpMappingsController } from './infrastructure/ip-mappings.controller.js';
import { MappingHistoryController } from './infrastructure/mapping-history.controller.js';
import { TypeOrmIpMappingRepository } from './infrastructure/typeorm-ip-mapping.repository.js';

/** Global, as what becomes of mappings is also a matter of customers. */
@Global()
@Module({
  // The history first, or the word would be taken for the id of a mapping.
  controllers: [IpMappingsController, MappingHistoryController, CustomerMappingsController],
  providers: [
    IpMappingsService,
    MappingHistoryService,
    ReassignmentService,
    MappingLedger,
    HeldAddresses,
    { provide: IpMappingRepository, useClass: TypeOrmIpMappingRepository },
  ],
  exports: [IpMappingRepository, MappingLedger, HeldAddresses],
})
export class IpMappingsModule {}
