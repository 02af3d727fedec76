import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../identity/domain/principal.js';
import { InSteps } from '../../idempotency/infrastructure/idempotency.decorators.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { Documented } from '../../shared/http/documented.js';
import { parseInstant } from '../../shared/instant.js';
import { RetentionService } from '../application/retention.service.js';
import { PurgeDto, PurgedDto, toPurgedDto } from './retention.dto.js';

@ApiTags('Audit')
@Controller('api/admin/purge')
export class RetentionController {
  constructor(private readonly retention: RetentionService) {}

  @Post()
  @HttpCode(200)
  @Requires('admin:write')
  @InSteps()
  @Documented({
    summary: 'Remove for good what is older than RETENTION_DAYS',
    description:
      'Customers and mappings that were deleted before then, with their history; entries of the audit trail, whose ' +
      'chain stays whole; sign-ins. The purge itself is on record. It is done in small steps: cut short, it goes on when it is ' +
      'repeated.',
    example: ['POST /api/admin/purge', { before: '2020-01-01T00:00:00Z' }],
    as: 'admin',
    answers: PurgedDto,
  })
  async purge(@Caller() caller: Principal, @Body() { before }: PurgeDto): Promise<PurgedDto> {
    return toPurgedDto(await this.retention.purge(caller, parseInstant(before)));
  }
}
