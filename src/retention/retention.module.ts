import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { Retention, RetentionService } from './application/retention.service.js';
import { RetentionController } from './infrastructure/retention.controller.js';

@Module({})
export class RetentionModule {
  /**
   * @param days what is younger can't be purged
   * @param imports the features whose past is purged
   */
  static of(days: number, imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
    return {
      module: RetentionModule,
      imports,
      controllers: [RetentionController],
      providers: [RetentionService, { provide: Retention, useValue: { days } }],
    };
  }
}
