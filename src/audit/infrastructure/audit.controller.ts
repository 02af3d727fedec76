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

const VERIFY_TIMEOUT_MS = 3_600_000;

@ApiTags('Audit')
@Controller('api/admin/audit')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @Requires('admin:read')
  @Produces('application/json', NDJSON, CSV)
  @Documented({
    summary: 'List the audit entries, newest first',
    description:
      'Every write, every administrative change and every read of personal data is one entry. Streamed; with ' +
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
      'Store it elsewhere every day: with it, `verify` detects that earlier blocks were rewritten or cut off.',
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
    summary: 'Recompute the hash chain of the audit trail',
    description:
      'Reports the first entry that was edited, removed, inserted, reordered or cut off after it was sealed, the first ' +
      'customer or mapping that differs from its last version, and entries with a false time. Seals cover the order of ' +
      'entries, not their ids. `block` and `hash` are a head stored earlier. A million entries take about ten seconds; ' +
      'the request times out after an hour, the command line does not.',
    example: ['GET /api/admin/audit/verify'],
    as: 'admin',
    answers: VerdictDto,
  })
  async verify(
    @Query() query: HeadQueryDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<VerdictDto> {
    response.setTimeout(VERIFY_TIMEOUT_MS); // nothing is sent until the verdict
    return toVerdictDto(await this.audit.verify(toHead(query)));
  }

  @Get('export')
  @Requires('admin:read')
  @Produces(NDJSON)
  @Documented({
    summary: 'Export the whole audit trail',
    description:
      'One line per block. `ipdr-customers audit verify FILE` verifies it without the service and its database.',
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
