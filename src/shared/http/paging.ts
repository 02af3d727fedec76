import { ApiPropertyOptional } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { optional, textThat } from './checks.js';
import { Checked } from './validation.js';

const MAX_LIMIT = 10_000;

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
  @Checked(
    optional(
      textThat((text) => parseCursor(text) !== undefined, 'must be a cursor from the Link header of a page'),
    ),
  )
  after?: string;
}

/** The id that a page begins after; undefined = it is the first. */
export function startOf({ after }: PageQueryDto): number | undefined {
  return after === undefined ? undefined : parseCursor(after);
}

/** Tells in the answer's Link header where the page after `id` is; relative, since a proxy may serve it elsewhere. */
export function linkNext(request: Request, response: Response, id: number): void {
  const { pathname, searchParams } = new URL(request.originalUrl, 'http://localhost');
  searchParams.set('after', toCursor(id));
  response.setHeader('Link', `<${pathname}?${searchParams.toString()}>; rel="next"`);
}

/** Opaque to clients, so that what is behind it may change. */
function toCursor(id: number): string {
  return Buffer.from(`id:${id}`).toString('base64url');
}

/** @returns undefined = not a cursor of ours */
function parseCursor(cursor: string): number | undefined {
  const [, id] = /^id:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  return id === undefined ? undefined : Number(id);
}
