import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { Produces } from '../../shared/http/accept.guard.js';
import { Documented } from '../../shared/http/documented.js';
import { condition, ifNoneMatch, sendVersion } from '../../shared/http/etag.js';
import { pageOrAll, startOf, type PagedList } from '../../shared/http/paging.js';
import { CSV, NDJSON, sendRows } from '../../shared/http/send-rows.js';
import { requireMembers } from '../../shared/http/validation.js';
import { parseInstant } from '../../shared/instant.js';
import { versionOf } from '../../versions/domain/version.js';
import { CustomersService, type AuditedFilter } from '../application/customers.service.js';
import { toUserId, type Customer } from '../domain/customer.js';
import {
  ChangeCustomerDto,
  COLUMNS,
  CreateCustomerDto,
  CustomerDto,
  CustomerFilterDto,
  EXAMPLE,
  ListQueryDto,
  ReplaceCustomerDto,
  toNewFields,
  toDto,
  toFields,
  VersionQueryDto,
} from './customer.dto.js';
import { CUSTOMER_ERRORS } from '../domain/customer.errors.js';

const EXAMPLE_CHANGED = { ...EXAMPLE, Name: 'Trisul Network Analyzer', Address: 'India' };

/** `/api/ipdrcustomers`, as `reference/ipdrcustomers-rest-api.md` describes it. */
@ApiTags('Customers')
@Controller('api/ipdrcustomers')
export class CustomersController {
  constructor(private readonly customers: CustomersService) {}

  @Get()
  @Requires('read')
  @Produces('application/json', NDJSON, CSV)
  @Documented({
    summary: 'List the customers of the context',
    description:
      'Sorted by id, and streamed. Members of the body filter like the query parameters of the same names. ' +
      'With `limit`, the Link header leads to the next page; without it, the response has all customers. ' +
      'Send filters in the body again with each page.',
    example: ['GET /api/ipdrcustomers?limit=100'],
    answers: [CustomerDto],
    alsoAs: [NDJSON, CSV],
    isPaged: true,
  })
  async list(
    @Caller() caller: Principal,
    @Query() query: ListQueryDto,
    @Body() filter: CustomerFilterDto,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const after = startOf(query) ?? 0;
    const audited = toFilter(query, filter);
    const list: PagedList<Customer> = {
      page: (limit) => this.customers.page(caller, audited, after, limit),
      all: () => this.customers.all(caller, audited, after),
      placeOf: ({ id }) => [id],
    };
    const batches = pageOrAll(list, query, request, response);
    await sendRows(response, request.answerType, batches, toDto, COLUMNS);
  }

  @Get(':UserID')
  @Requires('read')
  @Documented({
    summary: 'Read a customer',
    example: ['GET /api/ipdrcustomers/B68t19'],
    answers: CustomerDto,
    isVersioned: true,
    errors: [CUSTOMER_ERRORS.customer_not_found],
  })
  async get(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Query() query: VersionQueryDto,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const isKnown = ifNoneMatch(request);
    const customer = await this.customers.get(caller, toUserId(userId), parseInstant(query.recorded_at));
    sendVersion(response, versionOf(customer));
    if (isKnown(versionOf(customer))) response.status(304).end();
    else response.json(toDto(customer));
  }

  @Post()
  @HttpCode(200) // existing clients of this API test for 200
  @Requires('write')
  @Documented({
    summary: 'Create a customer',
    example: ['POST /api/ipdrcustomers', EXAMPLE],
    answers: CustomerDto,
    isVersioned: true,
    errors: [CUSTOMER_ERRORS.customer_exists],
  })
  async create(
    @Caller() caller: Principal,
    @Body() body: CreateCustomerDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CustomerDto> {
    return answer(response, await this.customers.create(caller, toNewFields(body)));
  }

  @Put(':UserID')
  @Requires('write')
  @Documented({
    summary: 'Update all six fields of a customer',
    description: 'Another UserID in the body renames the customer.',
    example: ['PUT /api/ipdrcustomers/B68t19', EXAMPLE_CHANGED],
    answers: CustomerDto,
    isVersioned: true,
    errors: [CUSTOMER_ERRORS.customer_not_found, CUSTOMER_ERRORS.customer_exists],
  })
  async replace(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Body() body: ReplaceCustomerDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CustomerDto> {
    const fields = toFields(body);
    return answer(
      response,
      await this.customers.change(caller, toUserId(userId), fields, condition(request)),
    );
  }

  @Patch(':UserID')
  @Requires('write')
  @Documented({
    summary: 'Update some fields of a customer',
    description: 'A field left out keeps its value; null clears an optional field.',
    example: ['PATCH /api/ipdrcustomers/B68t19', { Address: 'Partially Updated' }],
    answers: CustomerDto,
    isVersioned: true,
    errors: [CUSTOMER_ERRORS.customer_not_found, CUSTOMER_ERRORS.customer_exists],
  })
  async change(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Body() body: ChangeCustomerDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CustomerDto> {
    const fields = toFields(requireMembers(body));
    return answer(
      response,
      await this.customers.change(caller, toUserId(userId), fields, condition(request)),
    );
  }

  @Delete(':UserID')
  @Requires('write')
  @Documented({
    summary: 'Delete a customer',
    description:
      'Answers the deleted customer. Its UserID is free again; its id is never reused. Its history stays.',
    example: ['DELETE /api/ipdrcustomers/B68t19'],
    answers: CustomerDto,
    isVersioned: true,
    errors: [CUSTOMER_ERRORS.customer_not_found],
  })
  async delete(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Req() request: Request,
  ): Promise<CustomerDto> {
    return toDto(await this.customers.delete(caller, toUserId(userId), condition(request)));
  }
}

/** Sets the ETag to the version that was written, and returns the body. */
function answer(response: Response, customer: Customer): CustomerDto {
  sendVersion(response, versionOf(customer));
  return toDto(customer);
}

function toFilter(query: ListQueryDto, body: CustomerFilterDto): AuditedFilter {
  const { search, updated_since: since } = query;
  const updatedSince = parseInstant(since);
  return {
    sent: { ...query, ...body },
    equal: [toFields(query), toFields(body)],
    ...(search === undefined ? {} : { search }),
    ...(updatedSince === undefined ? {} : { updatedSince }),
  };
}
