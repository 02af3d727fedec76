import type { Request, Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { sendVersion } from '../../shared/http/etag.js';
import { pageOrAll, startOf, type PagedList, type PageQueryDto } from '../../shared/http/paging.js';
import { sendRows } from '../../shared/http/send-rows.js';
import { versionOf } from '../../versions/domain/version.js';
import type { ListedMapping } from '../application/ip-mapping.repository.js';
import type { IpMappingsService, MappingFilter } from '../application/ip-mappings.service.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';
import { MappingDto, toListedDto, toMappingDto } from './ip-mapping.dto.js';

/** Answers a write with the mapping and its ETag. */
export function answerMapping(response: Response, mapping: RecordedMapping): MappingDto {
  sendVersion(response, versionOf(mapping));
  return toMappingDto(mapping);
}

/** Streams a list of mappings: a page if there is a limit, or else all. */
export async function sendMappings(
  mappings: IpMappingsService,
  caller: Principal,
  filter: MappingFilter,
  query: PageQueryDto,
  request: Request,
  response: Response,
): Promise<void> {
  const after = startOf(query) ?? 0;
  const list: PagedList<ListedMapping> = {
    page: (limit) => mappings.page(caller, filter, after, limit),
    all: () => mappings.all(caller, filter, after),
    placeOf: ({ id }) => [id],
  };
  const batches = pageOrAll(list, query, request, response);
  await sendRows(response, request.answerType, batches, toListedDto);
}
