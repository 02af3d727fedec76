import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Principal } from '../../access/application/principal.js';
import { Caller, Requires } from '../../access/infrastructure/access.decorators.js';
import { Documented } from '../../shared/http/documented.js';
import { linkNext, PageQueryDto, startOf } from '../../shared/http/paging.js';
import { DEFAULT_LIMIT } from '../../shared/http/version.dto.js';
import { CustomerHistoryService } from '../application/customer-history.service.js';
import { toUserId } from '../domain/customer.js';
import {
  ChangeDto,
  ChangesQueryDto,
  CustomerVersionDto,
  toChangeDto,
  numbersOf,
  startOfFeed,
  toCustomerVersionDto,
} from './customer-history.dto.js';

/** What became of customers: of one, and of all of a context. */
@ApiTags('History')
@Controller()
export class CustomerHistoryController {
  constructor(private readonly history: CustomerHistoryService) {}

  @Get('api/ipdrcustomers/:UserID/history')
  @Requires('read')
  @Documented({
    summary: 'Every version of a customer, the newest first',
    description:
      'Who recorded it, when, and what changed. A deleted customer has its history still; a UserID that several ' +
      `customers had, one after the other, has that of all of them. ${DEFAULT_LIMIT} versions unless \`limit\` says otherwise.`,
    example: ['GET /api/ipdrcustomers/B68t19/history'],
    answers: [CustomerVersionDto],
    isPaged: true,
    errors: ['customer_not_found'],
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

  @Get('api/ipdrcustomers_changes')
  @Requires('read')
  @Documented({
    summary: 'The changes of all customers and IP mappings, in a final order',
    description:
      'For a client that follows along: it sends the `cursor` of the last change that it has as `after`, and so ' +
      'misses none and gets none twice. Each change has a `customer` or a `mapping`. What became of one customer, or of ' +
      'one mapping, is told in that order, and of a mapping while its customer is there, unless hundreds change at ' +
      'once: then some may be told after the deletion of their customer. The Link header always ' +
      'leads on. A change is told within two seconds. A register that was restored from a backup answers 409 to cursors ' +
      `from after that: then read all anew. ${DEFAULT_LIMIT} changes unless \`limit\` says otherwise.`,
    example: ['GET /api/ipdrcustomers_changes?limit=100'],
    answers: [ChangeDto],
    isPaged: true,
    errors: ['cursor_unknown'],
  })
  async changes(
    @Caller() caller: Principal,
    @Query() query: ChangesQueryDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ChangeDto[]> {
    const after = startOfFeed(query);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const limit = Number(query.limit ?? DEFAULT_LIMIT);
    const changes = await this.history.changes(caller, query, after, limit, {
      ms: Number(query.wait ?? 0) * 1000,
      gone: gone.signal,
      confirm: () => request.authenticate(),
    });
    linkNext(request, response, ...numbersOf(changes.at(-1)?.place ?? after));
    return changes.map(toChangeDto);
  }
}
