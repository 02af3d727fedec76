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
import type { Request, Response } from 'express';
import type { Principal } from '../../access/application/principal.js';
import { Caller, Requires } from '../../access/infrastructure/access.decorators.js';
import { validationFailed } from '../../shared/errors.js';
import { Produces } from '../../shared/http/accept.guard.js';
import { NDJSON, sendRows } from '../../shared/http/send-rows.js';
import { parseInstant } from '../../shared/instant.js';
import type { CustomerFilter } from '../application/customer.repository.js';
import { CustomersService } from '../application/customers.service.js';
import { toUserId, type Customer } from '../domain/customer.js';
import {
  ChangeCustomerDto,
  CreateCustomerDto,
  CustomerDto,
  CustomerFilterDto,
  ListQueryDto,
  parseCursor,
  ReplaceCustomerDto,
  toCursor,
  toDetails,
  toDto,
  toFields,
} from './customer.dto.js';

/** `/api/ipdrcustomers`, as `reference/ipdrcustomers-rest-api.md` has it. */
@Controller('api/ipdrcustomers')
export class CustomersController {
  constructor(private readonly customers: CustomersService) {}

  @Get()
  @Requires('read')
  @Produces('application/json', NDJSON)
  async list(
    @Caller() caller: Principal,
    @Query() query: ListQueryDto,
    @Body() filter: CustomerFilterDto,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const after = query.after === undefined ? 0 : (parseCursor(query.after) ?? 0);
    const batches =
      query.limit === undefined
        ? this.customers.all(caller, toFilter(query, filter), after)
        : this.page(caller, toFilter(query, filter), after, Number(query.limit), request, response);
    await sendRows(response, request.answerType, batches, (customer) => JSON.stringify(toDto(customer)));
  }

  @Get(':UserID')
  @Requires('read')
  async get(@Caller() caller: Principal, @Param('UserID') userId: string): Promise<CustomerDto> {
    return toDto(await this.customers.get(caller, toUserId(userId)));
  }

  @Post()
  @HttpCode(200) // existing clients of this API test for 200
  @Requires('write')
  async create(@Caller() caller: Principal, @Body() body: CreateCustomerDto): Promise<CustomerDto> {
    return toDto(await this.customers.create(caller, toDetails(body)));
  }

  @Put(':UserID')
  @Requires('write')
  async replace(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Body() body: ReplaceCustomerDto,
  ): Promise<CustomerDto> {
    return toDto(await this.customers.change(caller, toUserId(userId), toFields(body)));
  }

  @Patch(':UserID')
  @Requires('write')
  async change(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Body() body: ChangeCustomerDto,
  ): Promise<CustomerDto> {
    const changes = toFields(body);
    if (Object.keys(changes).length === 0) {
      throw validationFailed([{ field: 'body', message: 'must hold at least one field of the customer' }]);
    }
    return toDto(await this.customers.change(caller, toUserId(userId), changes));
  }

  @Delete(':UserID')
  @Requires('write')
  async delete(@Caller() caller: Principal, @Param('UserID') userId: string): Promise<CustomerDto> {
    return toDto(await this.customers.delete(caller, toUserId(userId)));
  }

  private async *page(
    caller: Principal,
    filter: CustomerFilter,
    after: number,
    limit: number,
    request: Request,
    response: Response,
  ): AsyncGenerator<Customer[]> {
    const { customers, next } = await this.customers.page(caller, filter, after, limit);
    if (next !== undefined)
      response.setHeader('Link', `<${nextPage(request.originalUrl, next)}>; rel="next"`);
    if (customers.length > 0) yield customers;
  }
}

function toFilter(query: ListQueryDto, body: CustomerFilterDto): CustomerFilter {
  const { search, updated_since: since } = query;
  const updatedSince = parseInstant(since);
  return {
    equal: [toFields(query), toFields(body)],
    ...(search === undefined ? {} : { search }),
    ...(updatedSince === undefined ? {} : { updatedSince }),
  };
}

/** The same list, from the next page on; relative, since a proxy may serve it under another name. */
function nextPage(url: string, after: number): string {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  searchParams.set('after', toCursor(after));
  return `${pathname}?${searchParams.toString()}`;
}
