import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { Produces } from '../../shared/http/accept.guard.js';
import { Documented } from '../../shared/http/documented.js';
import { pageOrAll, startOfPair, type PagedList } from '../../shared/http/paging.js';
import { CSV, NDJSON, sendRows } from '../../shared/http/send-rows.js';
import { AuditService } from '../../history/application/audit.service.js';
import type { RecordedEntry } from '../../history/domain/audit-entry.js';
import {
  AUDIT_COLUMNS,
  AuditEntryDto,
  AuditQueryDto,
  HeadDto,
  HeadQueryDto,
  SealedBlockDto,
  toAuditEntryDto,
  toAuditFilter,
  toHead,
  toHeadDto,
  toSealedBlockDto,
  toVerdictDto,
  VerdictDto,
} from './audit.dto.js';

const MAX_VERIFYING_MS = 3_600_000;

@ApiTags('Audit')
@Controller('api/admin/audit')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @Requires('admin:read')
  @Produces('application/json', NDJSON, CSV)
  @Documented({
    summary: 'Who did what, the newest first',
    description:
      'Every write, every act of administration and every read of personal data is one entry. Streamed; with ' +
      '`limit`, the Link header leads to the next page.',
    example: ['GET /api/admin/audit?limit=100'],
    as: 'admin',
    answers: [AuditEntryDto],
    alsoAs: [NDJSON, CSV],
    isPaged: true,
  })
  async list(
    @Caller() caller: Principal,
    @Query() query: AuditQueryDto,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const [at, id] = startOfPair(query) ?? [];
    const before = at === undefined || id === undefined ? undefined : { at, id };
    const filter = toAuditFilter(query);
    const list: PagedList<RecordedEntry> = {
      page: (limit) => this.audit.page(caller, filter, query, before, limit),
      all: () => this.audit.all(caller, filter, query, before),
      placeOf: (entry) => [entry.at, entry.id],
    };
    const entries = pageOrAll(list, query, request, response);
    await sendRows(response, request.answerType, entries, toAuditEntryDto, AUDIT_COLUMNS);
  }

  @Get('head')
  @Requires('admin:read')
  @Documented({
    summary: 'The last block of the audit trail',
    description:
      'Keep it elsewhere, every day: with it, `verify` finds out whether what came before was rewritten or cut off.',
    example: ['GET /api/admin/audit/head'],
    as: 'admin',
    answers: HeadDto,
  })
  async head(): Promise<HeadDto> {
    return toHeadDto(await this.audit.head());
  }

  @Get('verify')
  @Requires('admin:read')
  @Documented({
    summary: 'Recompute the chain that the audit trail hangs on',
    description:
      'Names the first entry that was edited, removed, inserted, reordered or cut off since it was sealed; the first ' +
      'customer or mapping that is not what its last version says; and what is of a time at which it was not recorded. ' +
      'Ids of entries are not sealed, only their order. `block` and `hash` are a head that was kept. A million entries ' +
      'take some ten seconds, an answer an hour at most: the command line has more patience.',
    example: ['GET /api/admin/audit/verify'],
    as: 'admin',
    answers: VerdictDto,
  })
  async verify(
    @Query() query: HeadQueryDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<VerdictDto> {
    response.setTimeout(MAX_VERIFYING_MS); // until then, nothing is sent
    return toVerdictDto(await this.audit.verify(toHead(query)));
  }

  @Get('export')
  @Requires('admin:read')
  @Produces(NDJSON)
  @Documented({
    summary: 'The whole audit trail, block by block',
    description:
      'A line for each block. `ipdr-customers audit verify FILE` verifies it without the service and its database.',
    example: ['GET /api/admin/audit/export'],
    as: 'admin',
    answers: SealedBlockDto,
    onlyAs: NDJSON,
  })
  async export(
    @Caller() caller: Principal,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await sendRows(response, request.answerType, this.audit.export(caller), toSealedBlockDto);
  }
}
