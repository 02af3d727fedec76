/**
 * What can go wrong, as clients see it. Every error that leaves the service has a code of this catalogue;
 * the code decides the kind, and the kind decides the HTTP status (error.filter.ts).
 */
export const ERROR_CODES = {
  body_malformed: { kind: 'malformed', when: 'the body is not what the content type says, or not an object' },
  path_malformed: { kind: 'malformed', when: 'the path holds a broken percent escape' },
  query_malformed: { kind: 'malformed', when: 'the query string holds a broken percent escape' },
  request_malformed: { kind: 'malformed', when: 'the request is not valid HTTP' },
  request_timeout: { kind: 'timeout', when: 'the request did not come to its end in time' },
  headers_too_large: {
    kind: 'headers_too_large',
    when: 'the URL and the headers are larger than 16 KiB together',
  },
  credentials_in_url: { kind: 'malformed', when: 'the URL holds a token' },
  credentials_conflict: { kind: 'malformed', when: 'a credential is given twice, with different values' },
  etag_malformed: {
    kind: 'malformed',
    when: 'If-Match or If-None-Match does not hold ETags as they were answered',
  },
  idempotency_key_malformed: {
    kind: 'malformed',
    when: 'the Idempotency-Key is empty, or longer than 255 characters',
  },
  invalid_token: {
    kind: 'unauthenticated',
    when: 'the token is missing, unknown, expired, revoked, of another user, of a disabled user, or used from an address that it does not allow',
  },
  context_not_found: { kind: 'not_found', when: 'no context has this name' },
  context_forbidden: { kind: 'forbidden', when: 'the user may not use this context, or it is disabled' },
  role_forbidden: { kind: 'forbidden', when: "the user's role does not allow this" },
  scope_forbidden: { kind: 'forbidden', when: "the token's scope does not allow this" },
  route_not_found: { kind: 'not_found', when: 'nothing is served under this path' },
  customer_not_found: { kind: 'not_found', when: 'no customer in this context has this UserID' },
  mapping_not_found: { kind: 'not_found', when: 'the customer has no such mapping, or none at all' },
  context_unknown: { kind: 'not_found', when: 'no context that could be administered has this name' },
  user_not_found: { kind: 'not_found', when: 'no user has this name' },
  token_not_found: { kind: 'not_found', when: 'no token has this id' },
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
  customer_exists: { kind: 'conflict', when: 'another customer of this context has this UserID' },
  mapping_overlap: {
    kind: 'conflict',
    when: 'another customer holds a part of the network for a part of the time; the message names that mapping',
  },
  mapping_duplicate: {
    kind: 'conflict',
    when: 'the customer has a mapping of this network for this very period already',
  },
  mapping_ambiguous: {
    kind: 'conflict',
    when: 'the customer has several mappings and the request does not say which; `errors` names the candidates',
  },
  cursor_unknown: {
    kind: 'conflict',
    when: 'the cursor is of a change that the register does not have (any more): it was restored from a backup, or is another one',
  },
  idempotency_key_reused: {
    kind: 'conflict',
    when: 'another request was made under this Idempotency-Key, or its answer is for the token that asked for it alone',
  },
  context_exists: { kind: 'conflict', when: 'another context answers to this name' },
  context_in_use: {
    kind: 'conflict',
    when: 'the context to be deleted is the one that the request is made in',
  },
  context_not_empty: {
    kind: 'conflict',
    when: 'the context to be deleted still has customers or IP mappings, or the history of some',
  },
  user_exists: { kind: 'conflict', when: 'another user has this name' },
  token_exists: { kind: 'conflict', when: 'this token is in the register already' },
  token_expired: { kind: 'conflict', when: 'the token to be rotated has expired' },
  token_replaced: { kind: 'conflict', when: 'another token took the place of the one to be rotated already' },
  last_admin: { kind: 'conflict', when: 'the change would leave no enabled admin' },
  precondition_failed: {
    kind: 'precondition_failed',
    when: 'what was to be changed is not in the version that If-Match names; nothing was changed',
  },
  too_many_failures: {
    kind: 'too_many',
    when: 'too many sign-ins from this address failed within a minute (SIGNIN_LIMIT)',
  },
  too_many_requests: {
    kind: 'too_many',
    when: 'too many requests came with this token within a minute (RATE_LIMIT)',
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
} as const satisfies Record<string, { kind: string; when: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
export type ErrorKind = (typeof ERROR_CODES)[ErrorCode]['kind'];

/** What is wrong with one field, in words that the sender of the request can act on. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/** What an error tells of a customer's mappings. */
export interface Disclosure {
  readonly userId: string;
  /** How many of them. */
  readonly records: number;
  /** The network that they were found by, as it was worded; left out = they were found by the customer alone. */
  readonly ipSubnet?: string;
}

/** An error that may be told to the client: its message never holds SQL, paths, tokens or a foreign record. */
export class RegisterError extends Error {
  override readonly name = 'RegisterError';
  readonly kind: ErrorKind;
  readonly faults: readonly FieldFault[];
  /** Headers that the answer carries besides, such as `Allow`. */
  readonly headers: Readonly<Record<string, string>>;
  /** What its message tells of a customer: that is put on record, as a read is. */
  readonly tells: Disclosure | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    more: {
      faults?: readonly FieldFault[];
      headers?: Record<string, string>;
      tells?: Disclosure;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: more.cause });
    this.kind = ERROR_CODES[code].kind;
    this.faults = more.faults ?? [];
    this.headers = more.headers ?? {};
    this.tells = more.tells;
  }
}

/** 422: names every field at fault. */
export function validationFailed(faults: readonly FieldFault[]): RegisterError {
  const fields = [...new Set(faults.map(({ field }) => field || '""'))].join(', ');
  return new RegisterError('validation_failed', `The request was not accepted; see errors for: ${fields}`, {
    faults,
  });
}
