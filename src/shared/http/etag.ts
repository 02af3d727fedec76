import type { Request, Response } from 'express';
import { COMMON_ERRORS, RegisterError } from '../errors.js';

const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/;
const TAGS = new RegExp(`^(?:\\*|${TAG.source}(?:[ \\t]*,[ \\t]*${TAG.source})*)$`);

/** Sets the ETag of the response. */
export function sendVersion(response: Response, version: string): void {
  response.setHeader('ETag', toTag(version));
}

type OfVersion = (version: string) => boolean;

/**
 * Whether the request's If-Match and If-None-Match allow a version to be changed.
 *
 * @throws RegisterError `etag_malformed`
 */
export function condition(request: Request): OfVersion {
  const isExpected = matches(tagsOf(request, 'if-match') ?? ['*']);
  const isKnown = ifNoneMatch(request);
  return (version) => isExpected(version) && !isKnown(version);
}

/**
 * Whether the request's If-None-Match includes a version.
 *
 * @throws RegisterError `etag_malformed`
 */
export function ifNoneMatch(request: Request): OfVersion {
  return matches(tagsOf(request, 'if-none-match') ?? []);
}

/**
 * Compares weakly, in If-Match too, against RFC 9110, section 13.1.1: only a proxy that compresses answers makes our
 * tags weak, and the version is the same one.
 */
function matches(tags: readonly string[]): OfVersion {
  return (version) => tags.includes('*') || tags.some((tag) => tag.replace(/^W\//, '') === toTag(version));
}

function toTag(version: string): string {
  return `"${version}"`;
}

function tagsOf(request: Request, header: 'if-match' | 'if-none-match'): string[] | undefined {
  const text = request.headers[header]?.trim();
  if (text === undefined) return undefined;
  if (!TAGS.test(text)) {
    const name = header === 'if-match' ? 'If-Match' : 'If-None-Match';
    throw new RegisterError(
      COMMON_ERRORS.etag_malformed,
      `${name} must be * or ETags as sent by this service, quotes included`,
    );
  }
  return text === '*' ? ['*'] : (text.match(new RegExp(TAG, 'g')) ?? []);
}
