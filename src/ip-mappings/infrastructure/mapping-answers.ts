import type { Request, Response } from 'express';
import type { Principal } from '../../access/application/principal.js';
import { sendVersion } from '../../shared/http/etag.js';
import { linkNext, startOf, type PageQueryDto } from '../../shared/http/paging.js';
import { sendRows } from '../../shared/http/send-rows.js';
import { versionOf } from '../../shared/version.js';
import type { ListedMapping, RecordedMapping } from '../application/ip-mapping.repository.js';
import type { IpMappingsService, MappingFilter } from '../application/ip-mappings.service.js';
import { MappingDto, toListedDto, toMappingDto } from './ip-mapping.dto.js';

/** The answer to a write: the mapping, and in the ETag which version that is. */
export function answer(response: Response, mapping: RecordedMapping): MappingDto {
  sendVersion(response, versionOf(mapping));
  return toMappingDto(mapping);
}

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
