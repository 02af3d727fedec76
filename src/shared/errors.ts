/** What kind of thing went wrong: it decides the HTTP status (error.filter.ts). */
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

/** A stable, documented code of the errors that clients see. */
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

/** The codes that any route may answer with. */
export const COMMON_ERRORS = errorCodes({
  body_malformed: { kind: 'malformed', when: 'the body is not what the content type says, or not an object' },
  path_malformed: { kind: 'malformed', when: 'the path holds a broken percent escape' },
  query_malformed: { kind: 'malformed', when: 'the query string holds a broken percent escape' },
  request_malformed: { kind: 'malformed', when: 'the request is not valid HTTP' },
  request_timeout: { kind: 'timeout', when: 'the request did not come to its end in time' },
  headers_too_large: {
    kind: 'headers_too_large',
    when: 'the URL and the headers are larger than 16 KiB together',
  },
  etag_malformed: {
    kind: 'malformed',
    when: 'If-Match or If-None-Match does not hold ETags as they were answered',
  },
  route_not_found: { kind: 'not_found', when: 'nothing is served under this path' },
  method_not_allowed: {
    kind: 'method_not_allowed',
    when: 'the path exists, but not with this method; the Allow header names those that do',
  },
  not_acceptable: {
    kind: 'not_acceptable',
    when: 'the Accept header excludes every form that this route answers in',
  },
  body_too_large: { kind: 'too_large', when: 'the body is larger than this route takes' },
  content_type_unsupported: {
    kind: 'unsupported_type',
    when: 'the body is of a type that this route does not take',
  },
  precondition_failed: {
    kind: 'precondition_failed',
    when: 'what was to be changed is not in the version that If-Match names; nothing was changed',
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
    when: 'the database was lost while it was told to keep the change, and stayed away; read before you repeat',
  },
  database_unavailable: {
    kind: 'unavailable',
    when: 'the database cannot be reached or has no room; nothing was changed',
  },
  database_busy: {
    kind: 'unavailable',
    when: 'too much else is being done at once; nothing was changed',
  },
});

/** What is wrong with one field, in words that the sender of the request can act on. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/** What the message of an error discloses of a customer: audited like a read. */
export interface Disclosure {
  /** The action of the audit entry. */
  readonly action: `${string}.${string}`;
  readonly userId: string;
  readonly details: object;
}

/** An error that may be told to the client: its message never holds SQL, paths, tokens or a foreign record. */
export class RegisterError extends Error {
  override readonly name = 'RegisterError';
  readonly code: string;
  readonly kind: ErrorKind;
  readonly faults: readonly FieldFault[];
  /** Headers that the answer carries besides, such as `Allow`. */
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

/** 422: names every field at fault. */
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
