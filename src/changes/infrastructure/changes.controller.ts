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

@ApiTags('History')
@Controller('api/ipdrcustomers_changes')
export class ChangesController {
  constructor(private readonly feed: ChangesService) {}

  @Get()
  @Requires('read')
  @Documented({
    summary: 'List the changes of all customers and IP mappings, in a final order',
    description:
      'To follow the changes, send the `cursor` of the last change received as `after`: none is missed or repeated. ' +
      'Each change has a `customer` or a `mapping`. The changes of one customer or mapping are in order, and a mapping ' +
      "appears between its customer's creation and deletion, unless a deletion ends hundreds of mappings. The Link " +
      'header leads to the next page, even if that is still empty. A change appears within two seconds. A register restored ' +
      'from a backup answers 409 to cursors from after that backup: then read everything again. ' +
      `Without \`limit\`, a page has ${DEFAULT_LIMIT} changes.`,
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
    const disconnected = new AbortController();
    response.once('close', () => disconnected.abort());
    const limit = Number(query.limit ?? DEFAULT_LIMIT);
    const changes = await this.feed.after(caller, query, after, limit, {
      ms: Number(query.wait ?? 0) * 1000,
      disconnected: disconnected.signal,
      authenticate: () => request.authenticate(),
    });
    linkNext(request, response, ...numbersOf(changes.at(-1)?.place ?? after));
    return changes.map(toChangeDto);
  }
}
