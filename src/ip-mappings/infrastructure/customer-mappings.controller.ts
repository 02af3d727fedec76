import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { Produces } from '../../shared/http/accept.guard.js';
import { Documented } from '../../shared/http/documented.js';
import { condition, ifNoneMatch, sendVersion } from '../../shared/http/etag.js';
import { PageQueryDto } from '../../shared/http/paging.js';
import { NDJSON } from '../../shared/http/send-rows.js';
import { requireMembers } from '../../shared/http/validation.js';
import { versionOf } from '../../versions/domain/version.js';
import { IpMappingsService } from '../application/ip-mappings.service.js';
import { ReassignmentService } from '../application/reassignment.service.js';
import { MAPPING_ERRORS, mappingNotFound } from '../domain/ip-mapping.errors.js';
import {
  ChangeOwnMappingDto,
  CreateOwnMappingDto,
  MappingDto,
  ReassignDto,
  ReassignmentDto,
  ReassignQueryDto,
  toChangedFields,
  toMappingDto,
  toMappingFields,
  toReassignmentDto,
} from './ip-mapping.dto.js';
import { answerMapping, sendMappings } from './mapping-answers.js';
import { CUSTOMER_ERRORS } from '../../customers/domain/customer.errors.js';

/** The mappings of one customer, each with its own URL. */
@ApiTags('IP mappings')
@Controller('api/ipdrcustomers/:UserID/mappings')
export class CustomerMappingsController {
  constructor(
    private readonly mappings: IpMappingsService,
    private readonly reassignments: ReassignmentService,
  ) {}

  @Get()
  @Requires('read')
  @Produces('application/json', NDJSON)
  @Documented({
    summary: "List a customer's IP mappings",
    example: ['GET /api/ipdrcustomers/B68t19/mappings'],
    answers: [MappingDto],
    alsoAs: [NDJSON],
    isPaged: true,
    errors: [CUSTOMER_ERRORS.customer_not_found],
  })
  async list(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Query() query: PageQueryDto,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await sendMappings(this.mappings, caller, { userId, sent: query }, query, request, response);
  }

  @Post()
  @HttpCode(200)
  @Requires('write')
  @Documented({
    summary: 'Map an address or a subnet to the customer',
    example: [
      'POST /api/ipdrcustomers/B68t19/mappings',
      { ipsubnet: '203.0.113.7', starttime: 1735669800, terminalid: 'TERM12345' },
    ],
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
    @Param('UserID') userId: string,
    @Body() body: CreateOwnMappingDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<MappingDto> {
    return answerMapping(response, await this.mappings.create(caller, userId, toMappingFields(body)));
  }

  @Get(':id')
  @Requires('read')
  @Documented({
    summary: 'Read an IP mapping',
    example: ['GET /api/ipdrcustomers/B68t19/mappings/1'],
    answers: MappingDto,
    isVersioned: true,
    errors: [CUSTOMER_ERRORS.customer_not_found, MAPPING_ERRORS.mapping_not_found],
  })
  async get(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Param('id') id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const isKnown = ifNoneMatch(request);
    const mapping = await this.mappings.get(caller, userId, toMappingId(id));
    sendVersion(response, versionOf(mapping));
    if (isKnown(versionOf(mapping))) response.status(304).end();
    else response.json(toMappingDto(mapping));
  }

  @Patch(':id')
  @Requires('write')
  @Documented({
    summary: 'Change an IP mapping',
    description: 'Members left out keep their values; null or "" clears `endtime` and `terminalid`.',
    example: ['PATCH /api/ipdrcustomers/B68t19/mappings/1', { endtime: 1735669799 }],
    answers: MappingDto,
    isVersioned: true,
    errors: [
      CUSTOMER_ERRORS.customer_not_found,
      MAPPING_ERRORS.mapping_not_found,
      MAPPING_ERRORS.mapping_overlap,
      MAPPING_ERRORS.mapping_duplicate,
    ],
  })
  async change(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Param('id') id: string,
    @Body() body: ChangeOwnMappingDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<MappingDto> {
    const changed = toChangedFields(requireMembers(body));
    const mapping = await this.mappings.change(caller, userId, toMappingId(id), changed, condition(request));
    return answerMapping(response, mapping);
  }

  @Delete(':id')
  @Requires('write')
  @Documented({
    summary: 'Remove an IP mapping',
    description:
      'Withdraws the mapping, as if it had never existed. To end it, set its `endtime`. Answers the deleted mapping.',
    example: ['DELETE /api/ipdrcustomers/B68t19/mappings/1'],
    answers: MappingDto,
    isVersioned: true,
    errors: [CUSTOMER_ERRORS.customer_not_found, MAPPING_ERRORS.mapping_not_found],
  })
  async delete(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<MappingDto> {
    return toMappingDto(await this.mappings.delete(caller, userId, toMappingId(id), condition(request)));
  }

  @Post(':id/reassign')
  @HttpCode(200)
  @Requires('write')
  @Documented({
    summary: 'Reassign an address or a subnet to another customer',
    description:
      'In one transaction, ends the mapping one second before `starttime` and creates the new one, which ends when the old one ' +
      "would have. The new one has no `terminalid`, since that is the old holder's equipment. `dry_run=true` changes nothing: " +
      'the answer says which look-ups would change, or why the request would be refused.',
    example: [
      'POST /api/ipdrcustomers/B68t19/mappings/2/reassign',
      { UserID: 'U1002', starttime: 1767205800 },
    ],
    answers: ReassignmentDto,
    isConditional: true,
    errors: [
      CUSTOMER_ERRORS.customer_not_found,
      MAPPING_ERRORS.mapping_not_found,
      MAPPING_ERRORS.mapping_overlap,
      MAPPING_ERRORS.mapping_duplicate,
    ],
  })
  async reassign(
    @Caller() caller: Principal,
    @Param('UserID') userId: string,
    @Param('id') id: string,
    @Query() { dry_run: dryRun }: ReassignQueryDto,
    @Body() { UserID, starttime }: ReassignDto,
    @Req() request: Request,
  ): Promise<ReassignmentDto> {
    const reassignment = [
      caller,
      userId,
      toMappingId(id),
      UserID,
      Number(starttime),
      condition(request),
    ] as const;
    return dryRun === 'true'
      ? toReassignmentDto(await this.reassignments.dryRun(...reassignment), true)
      : toReassignmentDto(await this.reassignments.reassign(...reassignment), false);
  }
}

/** @throws RegisterError `mapping_not_found` unless it is an id */
function toMappingId(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw mappingNotFound();
  return Number(text);
}
