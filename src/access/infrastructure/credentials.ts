import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Credentials } from '../../identity/domain/principal.js';
import { containsToken } from '../domain/token.js';
import { contextKey } from '../../shared/context-name.js';
import { queryOf } from '../../shared/http/query.js';
import { RegisterError, type FieldFault } from '../../shared/errors.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';

const MEMBERS = ['api_token', 'username', 'contextname', 'context'] as const;

/**
 * Removes the credentials from the body and the headers, so that validation and logs never see them.
 *
 * @throws RegisterError `credentials_conflict` if one is sent twice with different values
 */
export function takeCredentials(request: Request): Credentials {
  const body = request.body as Record<string, unknown>;
  const faults: FieldFault[] = [];
  const [token, userName, contextName, context] = MEMBERS.map((member) => {
    if (!Object.hasOwn(body, member)) return undefined;
    const value = body[member];
    delete body[member];
    if (typeof value === 'string') return value;
    faults.push({ field: member, message: 'must be a JSON string' });
    return undefined;
  });
  // Other schemes are addressed to a proxy.
  const bearer = headers(request, 'authorization').map((value) =>
    /^bearer +(\S.*)$/is.exec(value)?.[1]?.trimEnd(),
  );
  delete request.headers.authorization;
  return {
    token: requireSingle('api_token', token, ...bearer),
    userName: requireSingle('username', userName, ...headers(request, 'x-username')),
    contextName: requireSingle(
      'contextname',
      ...[contextName, context, ...headers(request, 'x-context')].map((name) => name && contextKey(name)),
    ),
    faults,
  };
}

/** Percent-decodes a URL, leaving malformed escapes for others to report. */
function decoded(url: string): string {
  return url.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(parseInt(code.slice(1), 16)));
}

/** Refuses a token in the URL, since URLs end up in logs, browser histories and proxies. */
export const refuseTokenInUrl: RequestHandler = (
  request: Request,
  _response: Response,
  next: NextFunction,
) => {
  const query = new URLSearchParams(queryOf(request));
  if ([...query.keys()].some((name) => /^api_token\b/i.test(name)) || containsToken(decoded(request.url))) {
    throw new RegisterError(
      ACCESS_ERRORS.credentials_in_url,
      'Send api_token in the JSON body or as Authorization: Bearer, never in the URL. ' +
        'This token may have been seen by others: replace it',
    );
  }
  next();
};

function requireSingle(member: string, ...values: (string | undefined)[]): string | undefined {
  const given = [...new Set(values.filter((value) => value !== undefined))];
  if (given.length > 1) {
    throw new RegisterError(
      ACCESS_ERRORS.credentials_conflict,
      `${member} is sent twice, with different values`,
    );
  }
  return given[0];
}

/** Every value of a header. Node reads them as Latin-1; names are sent in UTF-8. */
function headers(request: Request, name: string): string[] {
  if (request.headers[name] === undefined) return [];
  const values = request.headersDistinct[name] ?? [];
  return values.map((value) => Buffer.from(value, 'latin1').toString('utf8'));
}
