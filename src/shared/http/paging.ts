import { ApiPropertyOptional } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { optional, textThat } from './checks.js';
import { validationFailed } from '../errors.js';
import type { Page } from '../page.js';
import { Checked } from './validation.js';

const MAX_LIMIT = 10_000;
const NO_CURSOR = 'must be a cursor from the Link header or an item of this list';

/** The page of a list that a query string requests. */
export class PageQueryDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_LIMIT,
    description: 'The size of a page',
  })
  @Checked(
    optional(
      textThat(
        (text) => /^\d{1,5}$/.test(text) && +text >= 1 && +text <= MAX_LIMIT,
        `must be a whole number from 1 to ${MAX_LIMIT}`,
      ),
    ),
  )
  limit?: string;

  @ApiPropertyOptional({
    description: "The place after which the page begins, from the previous page's Link header",
  })
  @Checked(optional(textThat((text) => parseCursor(text) !== undefined, NO_CURSOR)))
  after?: string;
}

/** The id after which a page begins; undefined = the first page. @throws RegisterError `validation_failed` */
export function startOf(query: PageQueryDto): number | undefined {
  return placeIn<[number]>(query, 1)?.[0];
}

/** Like `startOf`, for lists sorted by two numbers. */
export function startOfPair(query: PageQueryDto): [number, number] | undefined {
  return placeIn(query, 2);
}

/** Like `startOf`, for lists sorted by four numbers. */
export function startOfFour(query: PageQueryDto): [number, number, number, number] | undefined {
  return placeIn(query, 4);
}

/** A list that is sent page by page or as a whole. */
export interface PagedList<Row> {
  page(limit: number): Promise<Page<Row>>;
  /** The whole list in batches. */
  all(): AsyncGenerator<Row[]>;
  /** The place after a row, as the numbers of a cursor. */
  placeOf(row: Row): number[];
}

/** The requested page, with a Link header to the next one; without a limit, the whole list. */
export async function* pageOrAll<Row>(
  list: PagedList<Row>,
  { limit }: PageQueryDto,
  request: Request,
  response: Response,
): AsyncGenerator<Row[]> {
  if (limit === undefined) {
    yield* list.all();
    return;
  }
  const { rows, next } = await list.page(Number(limit));
  if (next !== undefined) linkNext(request, response, ...list.placeOf(next));
  if (rows.length > 0) yield rows;
}

/** Sets the Link header to the next page, as a relative URL, since a proxy may serve it elsewhere. */
export function linkNext(request: Request, response: Response, ...place: number[]): void {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  searchParams.set('after', toCursor(...place));
  response.setHeader('Link', `<${pathname}?${searchParams.toString()}>; rel="next"`);
}

/** Encodes a place. Clients must treat cursors as opaque, so that the encoding can change. */
export function toCursor(...place: number[]): string {
  return Buffer.from(`id:${place.join('.')}`).toString('base64url');
}

/** @throws RegisterError `validation_failed` if the cursor belongs to another list */
function placeIn<Place extends number[]>(
  { after }: PageQueryDto,
  length: Place['length'],
): Place | undefined {
  if (after === undefined) return undefined;
  const place = parseCursor(after);
  if (place?.length !== length) throw validationFailed([{ field: 'after', message: NO_CURSOR }]);
  return place as Place;
}

/** @returns undefined = not a cursor */
function parseCursor(cursor: string): number[] | undefined {
  const [, numbers] =
    /^id:(\d{1,15}(?:\.\d{1,15}){0,3})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  return numbers?.split('.').map(Number);
}
