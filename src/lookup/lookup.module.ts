import { Module } from '@nestjs/common';
import { CoverageService } from './application/coverage.service.js';
import { LookupService } from './application/lookup.service.js';
import { CoverageController } from './infrastructure/coverage.controller.js';
import { LookupController } from './infrastructure/lookup.controller.js';

@Module({
  controllers: [LookupController, CoverageController],
  providers: [LookupService, CoverageService],
})
export class LookupModule {}
