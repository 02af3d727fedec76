import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { RetentionService } from './application/retention.service.js';
import { RetentionController } from './infrastructure/retention.controller.js';

@Module({})
export class RetentionModule {
  /** @param imports the features whose past is purged */
  static of(...imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
    return {
      module: RetentionModule,
      imports,
      controllers: [RetentionController],
      providers: [RetentionService],
    };
  }
}
