import type { Request, Response } from 'express';
import type { Principal } from '../../access/application/principal.js';
import { linkNext, startOf, type PageQueryDto } from '../../shared/http/paging.js';
import { sendRows } from '../../shared/http/send-rows.js';
import type { ListedMapping } from '../application/ip-mapping.repository.js';
import type { IpMappingsService, MappingFilter } from '../application/ip-mappings.service.js';
import { toListedDto } from './ip-mapping.dto.js';

/** Answers a list of mappings: a page of it if there is a limit, else all of it. */
export async function sendMappings(
  mappings: IpMappingsService,
  caller: Principal,
  filter: MappingFilter,
  query: PageQueryDto,
  request: Request,
  response: Response,
): Promise<void> {
  const after = startOf(query) ?? 0;
  const batches =
    query.limit === undefined
      ? mappings.all(caller, filter, after)
      : page(mappings, caller, filter, after, Number(query.limit), request, response);
  await sendRows(response, request.answerType, batches, toListedDto);
}

async function* page(
  mappings: IpMappingsService,
  caller: Principal,
  filter: MappingFilter,
  after: number,
  limit: number,
  request: Request,
  response: Response,
): AsyncGenerator<ListedMapping[]> {
  const { rows, next } = await mappings.page(caller, filter, after, limit);
  if (next !== undefined) linkNext(request, response, next.id);
  if (rows.length > 0) yield rows;
}
