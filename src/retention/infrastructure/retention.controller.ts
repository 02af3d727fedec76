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
    summary: 'Permanently remove what is older than RETENTION_DAYS',
    description:
      'Removes customers and mappings deleted before then, with their history, audit entries and sign-ins. The audit ' +
      'chain stays intact, and the purge itself is audited. It runs in small steps: repeat it to continue after an ' +
      'interruption.',
    example: ['POST /api/admin/purge', { before: '2020-01-01T00:00:00Z' }],
    as: 'admin',
    answers: PurgedDto,
  })
  async purge(@Caller() caller: Principal, @Body() { before }: PurgeDto): Promise<PurgedDto> {
    return toPurgedDto(await this.retention.purge(caller, parseInstant(before)));
  }
}
