import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Documented } from '../../shared/http/documented.js';
import { linkNext, startOf } from '../../shared/http/paging.js';
import type { Principal } from '../../identity/domain/principal.js';
import { SignInLog } from '../application/sign-in-log.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { SignInDto, SignInQueryDto, toSignInDto, toSignInFilter } from './sign-ins.dto.js';

const PAGE = 100;

@ApiTags('Administration')
@Controller('api/admin/signins')
export class SignInsController {
  constructor(private readonly log: SignInLog) {}

  @Get()
  @Requires('admin:read')
  @Documented({
    summary: 'List the sign-ins',
    description:
      'Newest first: every failure, and the first success of each token and address on a day. ' +
      `Without \`limit\`, a page has ${PAGE}. The Link header leads to the next page.`,
    example: ['GET /api/admin/signins?outcome=failure'],
    as: 'admin',
    answers: [SignInDto],
    isPaged: true,
  })
  async list(
    @Caller() caller: Principal,
    @Query() query: SignInQueryDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignInDto[]> {
    const limit = Number(query.limit ?? PAGE);
    const before = startOf(query) ?? Number.MAX_SAFE_INTEGER;
    const { rows, next } = await this.log.page(caller, toSignInFilter(query), query, before, limit);
    if (next !== undefined) linkNext(request, response, next.id);
    return rows.map(toSignInDto);
  }
}
