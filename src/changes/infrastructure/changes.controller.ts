import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { Documented } from '../../shared/http/documented.js';
import { linkNext } from '../../shared/http/paging.js';
import { DEFAULT_LIMIT } from '../../versions/infrastructure/version.dto.js';
import { ChangesService } from '../application/changes.service.js';
import { ChangeDto, ChangesQueryDto, numbersOf, startOfFeed, toChangeDto } from './changes.dto.js';
import { CHANGES_ERRORS } from '../domain/changes.errors.js';

/** The change feed of a context. */
@ApiTags('History')
@Controller('api/ipdrcustomers_changes')
export class ChangesController {
  constructor(private readonly feed: ChangesService) {}

  @Get()
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
    errors: [CHANGES_ERRORS.cursor_unknown],
  })
  async list(
    @Caller() caller: Principal,
    @Query() query: ChangesQueryDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ChangeDto[]> {
    const after = startOfFeed(query);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const limit = Number(query.limit ?? DEFAULT_LIMIT);
    const changes = await this.feed.after(caller, query, after, limit, {
      ms: Number(query.wait ?? 0) * 1000,
      gone: gone.signal,
      confirm: () => request.authenticate(),
    });
    linkNext(request, response, ...numbersOf(changes.at(-1)?.place ?? after));
    return changes.map(toChangeDto);
  }
}
