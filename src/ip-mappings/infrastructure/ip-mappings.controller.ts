import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { validationFailed } from '../../shared/errors.js';
import { Produces } from '../../shared/http/accept.guard.js';
import { Documented } from '../../shared/http/documented.js';
import { condition } from '../../shared/http/etag.js';
import { NDJSON } from '../../shared/http/send-rows.js';
import { merged, requireMembers } from '../../shared/http/validation.js';
import { IpMappingsService } from '../application/ip-mappings.service.js';
import {
  ChangeMappingDto,
  CreateMappingDto,
  ListMappingsQueryDto,
  MappingDto,
  MappingFilterDto,
  toChangedFields,
  toMappingDto,
  toMappingFields,
  WhichMappingDto,
} from './ip-mapping.dto.js';
import { answerMapping, sendMappings } from './mapping-answers.js';
import { CUSTOMER_ERRORS } from '../../customers/domain/customer.errors.js';
import { MAPPING_ERRORS } from '../domain/ip-mapping.errors.js';

const EXAMPLE = {
  ipsubnet: '192.168.1.25/16',
  starttime: 1723431899,
  endtime: 1723444899,
  terminalid: 'TERM12345',
};

/** The flat form of mappings, for existing clients. */
@ApiTags('IP mappings')
@Controller('api/ipdrcustomers_mapping')
export class IpMappingsController {
  constructor(private readonly mappings: IpMappingsService) {}

  @Get()
  @Requires('read')
  @Produces('application/json', NDJSON)
  @Documented({
    summary: 'List the IP mappings of the context, or those of a customer',
    description:
      'Sorted by id, and streamed. With `limit`, the Link header leads to the next page; without it, the response has all ' +
      'mappings. Includes the mappings of deleted customers, which end with the deletion.',
    example: ['GET /api/ipdrcustomers_mapping', { UserID: 'B68t19' }],
    answers: [MappingDto],
    alsoAs: [NDJSON],
    isPaged: true,
    errors: [CUSTOMER_ERRORS.customer_not_found],
  })
  async list(
    @Caller() caller: Principal,
    @Query() query: ListMappingsQueryDto,
    @Body() body: MappingFilterDto,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const sent = merged(query, body);
    const filter = { userId: sent.UserID, sent };
    await sendMappings(this.mappings, caller, filter, query, request, response);
  }

  @Post()
  @HttpCode(200) // existing clients of this API test for 200
  @Requires('write')
  @Documented({
    summary: 'Map an address or a subnet to a customer',
    description:
      "An address has one holder at any second: a mapping is refused if it overlaps another customer's, in addresses and in " +
      'time. The same customer may hold a subnet and a part of it.',
    example: ['POST /api/ipdrcustomers_mapping', { UserID: 'B68t19', ...EXAMPLE }],
    answers: MappingDto,
    isVersioned: true,
    errors: [
      CUSTOMER_ERRORS.customer_not_found,
      MAPPING_ERRORS.mapping_overlap,
      MAPPING_ERRORS.mapping_duplicate,
    ],
  })
  async create(
    @Caller() caller: Principal,
    @Body() { UserID, ...body }: CreateMappingDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<MappingDto> {
    return answerMapping(response, await this.mappings.create(caller, UserID, toMappingFields(body)));
  }

  @Put(':UserID')
  @Requires('write')
  @Documented({
    summary: "Change a customer's mapping",
    description:
      'Changes the customer\'s only mapping, or the one with the given `id`. Members left out keep their values; null or "" ' +
      'clears `endtime` and `terminalid`.',
    example: ['PUT /api/ipdrcustomers_mapping/B68t19', { ...EXAMPLE, id: 1 }],
    answers: MappingDto,
    isVersioned: true,
    errors: [
      CUSTOMER_ERRORS.customer_not_found,
      MAPPING_ERRORS.mapping_not_found,
      MAPPING_ERRORS.mapping_ambiguous,
      MAPPING_ERRORS.mapping_overlap,
      MAPPING_ERRORS.mapping_duplicate,
    ],
  })
  async change(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Body() { id, UserID, ...changes }: ChangeMappingDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<MappingDto> {
    requireSame(userId, UserID);
    const changed = toChangedFields(requireMembers(changes));
    const mapping = await this.mappings.change(caller, userId, toNumber(id), changed, condition(request));
    return answerMapping(response, mapping);
  }

  @Delete(':UserID')
  @Requires('write')
  @Documented({
    summary: "Remove a customer's mapping",
    description:
      "Withdraws the customer's only mapping, or the one with the `id` in the body, as if it had never existed. To end a " +
      "mapping, set its `endtime`. Answers the deleted mapping. Clients that can't send a body with DELETE use " +
      '`/api/ipdrcustomers/{UserID}/mappings/{id}`.',
    example: ['DELETE /api/ipdrcustomers_mapping/B68t19'],
    answers: MappingDto,
    isVersioned: true,
    errors: [
      CUSTOMER_ERRORS.customer_not_found,
      MAPPING_ERRORS.mapping_not_found,
      MAPPING_ERRORS.mapping_ambiguous,
    ],
  })
  async delete(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Body() { id, UserID }: WhichMappingDto,
    @Req() request: Request,
  ): Promise<MappingDto> {
    requireSame(userId, UserID);
    return toMappingDto(await this.mappings.delete(caller, userId, toNumber(id), condition(request)));
  }
}

function toNumber(id: number | string | undefined): number | undefined {
  return id === undefined ? undefined : Number(id);
}

/** @throws RegisterError `validation_failed` if the body is about another customer than the path */
function requireSame(path: string, body: string | undefined): void {
  if (body === undefined || body.normalize('NFC') === path.normalize('NFC')) return;
  const message = 'must be the UserID of the path; to give an address to another customer, reassign it';
  throw validationFailed([{ field: 'UserID', message }]);
}
