import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { Documented } from '../../shared/http/documented.js';
import { linkNext, PageQueryDto, startOf } from '../../shared/http/paging.js';
import { DEFAULT_LIMIT } from '../../versions/infrastructure/version.dto.js';
import { CustomerHistoryService } from '../application/customer-history.service.js';
import { toUserId } from '../domain/customer.js';
import { CustomerVersionDto, toCustomerVersionDto } from './customer-history.dto.js';
import { CUSTOMER_ERRORS } from '../domain/customer.errors.js';

/** The history of a customer. */
@ApiTags('History')
@Controller('api/ipdrcustomers/:UserID/history')
export class CustomerHistoryController {
  constructor(private readonly history: CustomerHistoryService) {}

  @Get()
  @Requires('read')
  @Documented({
    summary: 'List the versions of a customer, newest first',
    description:
      'Who recorded each version, when, and what changed. A deleted customer keeps its history. If several customers had ' +
      `this UserID, the list has the versions of all of them. Without \`limit\`, it has ${DEFAULT_LIMIT} versions.`,
    example: ['GET /api/ipdrcustomers/B68t19/history'],
    answers: [CustomerVersionDto],
    isPaged: true,
    errors: [CUSTOMER_ERRORS.customer_not_found],
  })
  async versions(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Query() query: PageQueryDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CustomerVersionDto[]> {
    const limit = Number(query.limit ?? DEFAULT_LIMIT);
    const id = toUserId(userId);
    const { rows, next } = await this.history.versionsOf(caller, id, query, startOf(query), limit);
    if (next !== undefined) linkNext(request, response, next.id);
    return rows.map(toCustomerVersionDto);
  }
}
