/** The kind of an error, which decides its HTTP status (error.filter.ts). */
export type ErrorKind =
  | 'malformed'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'not_acceptable'
  | 'timeout'
  | 'conflict'
  | 'precondition_failed'
  | 'too_large'
  | 'unsupported_type'
  | 'invalid'
  | 'too_many'
  | 'headers_too_large'
  | 'internal'
  | 'unavailable';

/** A stable, documented error code that clients see. */
export interface ErrorCode {
  readonly code: string;
  readonly kind: ErrorKind;
  /** When it occurs, for the documentation. */
  readonly when: string;
}

/** Declares the codes of a feature. `src/error-codes.ts` merges those of all features. */
export function errorCodes<Code extends string>(
  definitions: Readonly<Record<Code, Omit<ErrorCode, 'code'>>>,
): Readonly<Record<Code, ErrorCode>> {
  const codes = Object.entries<Omit<ErrorCode, 'code'>>(definitions);
  return Object.fromEntries(codes.map(([code, { kind, when }]) => [code, { code, kind, when }])) as Record<
    Code,
    ErrorCode
  >;
}

/** The error codes of all routes. */
export const COMMON_ERRORS = errorCodes({
  body_malformed: { kind: 'malformed', when: 'the body is not what the content type says, or not an object' },
  path_malformed: { kind: 'malformed', when: 'the path contains a malformed percent escape' },
  query_malformed: {
    kind: 'malformed',
    when: 'the query string contains a malformed percent escape or more than 1000 parameters',
  },
  request_malformed: { kind: 'malformed', when: 'the request is not valid HTTP' },
  request_timeout: { kind: 'timeout', when: 'the request did not arrive completely in time' },
  headers_too_large: {
    kind: 'headers_too_large',
    when: 'the URL and the headers are larger than 16 KiB together',
  },
  etag_malformed: {
    kind: 'malformed',
    when: 'If-Match or If-None-Match does not consist of ETags as sent by this service',
  },
  route_not_found: { kind: 'not_found', when: 'no route has this path' },
  method_not_allowed: {
    kind: 'method_not_allowed',
    when: 'the path exists, but not with this method; the Allow header lists its methods',
  },
  not_acceptable: {
    kind: 'not_acceptable',
    when: 'the Accept header excludes every media type of this route',
  },
  body_too_large: { kind: 'too_large', when: 'the body is larger than this route accepts' },
  content_type_unsupported: {
    kind: 'unsupported_type',
    when: 'this route does not accept the media type of the body',
  },
  precondition_failed: {
    kind: 'precondition_failed',
    when: 'the current version does not match If-Match or If-None-Match; nothing was changed',
  },
  validation_failed: {
    kind: 'invalid',
    when: 'a field is missing, unknown, of the wrong type, too long or malformed; `errors` has one entry for each',
  },
  internal_error: {
    kind: 'internal',
    when: 'the service failed; its log has the cause under the request_id',
  },
  outcome_unknown: {
    kind: 'internal',
    when: 'the connection to the database was lost during the commit; check whether the change was made before repeating it',
  },
  database_unavailable: {
    kind: 'unavailable',
    when: 'the database cannot be reached or is full; nothing was changed',
  },
  database_busy: {
    kind: 'unavailable',
    when: 'too many other requests are running; nothing was changed',
  },
});

/** What is wrong with a field, as the predicate of a sentence. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/** What an error discloses about a customer, which is audited like a read. */
export interface Disclosure {
  /** The action of the audit entry. */
  readonly action: `${string}.${string}`;
  readonly userId: string;
  readonly details: object;
}

/** An error for the client. Its message MUST NOT contain SQL, paths or tokens. */
export class RegisterError extends Error {
  override readonly name = 'RegisterError';
  readonly code: string;
  readonly kind: ErrorKind;
  readonly faults: readonly FieldFault[];
  /** Additional headers of the response, such as `Allow`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly discloses: Disclosure | undefined;

  constructor(
    { code, kind }: ErrorCode,
    message: string,
    more: {
      faults?: readonly FieldFault[];
      headers?: Record<string, string>;
      discloses?: Disclosure;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: more.cause });
    this.code = code;
    this.kind = kind;
    this.faults = more.faults ?? [];
    this.headers = more.headers ?? {};
    this.discloses = more.discloses;
  }
}

/** 422, with every faulty field. */
export function validationFailed(faults: readonly FieldFault[]): RegisterError {
  const fields = [...new Set(faults.map(({ field }) => field || '""'))].join(', ');
  return new RegisterError(
    COMMON_ERRORS.validation_failed,
    `The request was not accepted; see errors for: ${fields}`,
    {
      faults,
    },
  );
}
