import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { Documented } from '../../shared/http/documented.js';
import { linkNext, startOf } from '../../shared/http/paging.js';
import { DEFAULT_LIMIT } from '../../versions/infrastructure/version.dto.js';
import { MappingHistoryService } from '../application/mapping-history.service.js';
import { MappingHistoryQueryDto, MappingVersionDto, toMappingVersionDto } from './mapping-history.dto.js';
import { CUSTOMER_ERRORS } from '../../customers/domain/customer.errors.js';
import { MAPPING_ERRORS } from '../domain/ip-mapping.errors.js';

/** The history of a customer's mappings. */
@ApiTags('History')
@Controller('api/ipdrcustomers/:UserID/mappings/history')
export class MappingHistoryController {
  constructor(private readonly history: MappingHistoryService) {}

  @Get()
  @Requires('read')
  @Documented({
    summary: "List the versions of a customer's IP mappings, newest first",
    description:
      'Who recorded each version, when, and what changed. Covers every customer that has or had the UserID, and deleted ' +
      "mappings. A reassigned mapping ends, and the new holder's mapping follows it. " +
      `Without \`limit\`, the list has ${DEFAULT_LIMIT} versions.`,
    example: ['GET /api/ipdrcustomers/B68t19/mappings/history'],
    answers: [MappingVersionDto],
    isPaged: true,
    errors: [CUSTOMER_ERRORS.customer_not_found, MAPPING_ERRORS.mapping_not_found],
  })
  async versions(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Query() query: MappingHistoryQueryDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<MappingVersionDto[]> {
    const limit = Number(query.limit ?? DEFAULT_LIMIT);
    const filter = { mappingId: query.id === undefined ? undefined : Number(query.id), sent: query };
    const { rows, next } = await this.history.versionsOf(caller, userId, filter, startOf(query), limit);
    if (next !== undefined) linkNext(request, response, next.id);
    return rows.map(toMappingVersionDto);
  }
}
