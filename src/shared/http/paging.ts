import { ApiPropertyOptional } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { optional, textThat } from './checks.js';
import { validationFailed } from '../errors.js';
import type { Page } from '../page.js';
import { Checked } from './validation.js';

const MAX_LIMIT = 10_000;
const NO_CURSOR = 'must be a cursor of this list, as its Link header or an item of it has it';

/** The part of a list that a query string asks for. */
export class PageQueryDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_LIMIT,
    description: 'How many there are in a page',
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

  @ApiPropertyOptional({ description: 'Where a page begins: from the Link header of the page before' })
  @Checked(optional(textThat((text) => parseCursor(text) !== undefined, NO_CURSOR)))
  after?: string;
}

/** The id that a page begins after; undefined = it is the first. */
export function startOf(query: PageQueryDto): number | undefined {
  return placeIn<[number]>(query, 1)?.[0];
}

/** The same for lists whose order is by two numbers. */
export function startOfPair(query: PageQueryDto): [number, number] | undefined {
  return placeIn(query, 2);
}

/** The same for lists whose order is by four numbers. */
export function startOfFour(query: PageQueryDto): [number, number, number, number] | undefined {
  return placeIn(query, 4);
}

/** A list that is answered page by page or whole. */
export interface PagedList<Row> {
  page(limit: number): Promise<Page<Row>>;
  /** A batch at a time. */
  all(): AsyncGenerator<Row[]>;
  /** The numbers of the cursor that a page after this row begins with. */
  placeOf(row: Row): number[];
}

/** The page that the query asks for, with the Link header of the next one; without a limit, the whole list. */
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

/** Tells in the answer's Link header where the next page is; relative, since a proxy may serve it elsewhere. */
export function linkNext(request: Request, response: Response, ...place: number[]): void {
  const { pathname, searchParams } = new URL(request.originalUrl, 'http://localhost');
  searchParams.set('after', toCursor(...place));
  response.setHeader('Link', `<${pathname}?${searchParams.toString()}>; rel="next"`);
}

/** Opaque to clients, so that what is behind it may change. */
export function toCursor(...place: number[]): string {
  return Buffer.from(`id:${place.join('.')}`).toString('base64url');
}

/** @throws RegisterError `validation_failed` if the cursor is one of another list */
function placeIn<Place extends number[]>(
  { after }: PageQueryDto,
  length: Place['length'],
): Place | undefined {
  if (after === undefined) return undefined;
  const place = parseCursor(after);
  if (place?.length !== length) throw validationFailed([{ field: 'after', message: NO_CURSOR }]);
  return place as Place;
}

/** @returns undefined = not a cursor of ours */
function parseCursor(cursor: string): number[] | undefined {
  const [, numbers] =
    /^id:(\d{1,15}(?:\.\d{1,15}){0,3})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  return numbers?.split('.').map(Number);
}
