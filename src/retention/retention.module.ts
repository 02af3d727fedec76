import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { SignInPurge } from '../access/application/sign-in-purge.js';
import { CustomerPurge } from '../customers/application/customer-purge.js';
import { AuditEntryPurge } from '../history/application/audit-entry-purge.js';
import { MappingPurge } from '../ip-mappings/application/mapping-purge.js';
import { Purges, RetentionService } from './application/retention.service.js';
import { RetentionController } from './infrastructure/retention.controller.js';

/** In this order: a customer's purge includes its mappings, and audit entries stay until the rest is done. */
const PURGES = [CustomerPurge, MappingPurge, AuditEntryPurge, SignInPurge];

@Module({})
export class RetentionModule {
  /** @param features whose data is purged */
  static of(...features: NonNullable<ModuleMetadata['imports']>): DynamicModule {
    return {
      module: RetentionModule,
      imports: features,
      controllers: [RetentionController],
      providers: [
        RetentionService,
        { provide: Purges, inject: PURGES, useFactory: (...all: Purges['all']): Purges => ({ all }) },
      ],
    };
  }
}
