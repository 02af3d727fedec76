import { Global, Module } from '@nestjs/common';
import { IpMappingRepository } from './application/ip-mapping.repository.js';
import { TypeOrmIpMappingRepository } from './infrastructure/typeorm-ip-mapping.repository.js';

/** Global, as what becomes of mappings is also a matter of customers. */
@Global()
@Module({
  providers: [{ provide: IpMappingRepository, useClass: TypeOrmIpMappingRepository }],
  exports: [IpMappingRepository],
})
export class IpMappingsModule {}
