import { applyDecorators, type Type } from '@nestjs/common';
import {
  ApiExtension,
  ApiExtraModels,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import { COMMON_ERRORS, type ErrorCode } from '../errors.js';
import { CSV } from './send-rows.js';

export class FieldErrorDto {
  @ApiProperty({ example: 'Name' })
  field!: string;
  @ApiProperty({ example: 'is required' })
  message!: string;
}

export const REQUEST_ID = {
  'X-Request-Id': {
    schema: { type: 'string' },
    description: "The request's own id, or a generated one; also in the log of the service",
  },
} as const;
const LINK = { schema: { type: 'string' }, description: 'The next page: `rel="next"`' } as const;

const REPLAYED = {
  schema: { type: 'string', example: 'true' },
  description: 'Present if this repeats the answer to an earlier request with the same Idempotency-Key',
} as const;
const ETAG = { schema: { type: 'string' }, description: 'The version of the resource' } as const;

const NOT_MODIFIED = 'If-None-Match has the current version';

/** The request headers apart from credentials. */
const HEADERS = {
  ifMatch: {
    name: 'If-Match',
    description: 'The ETag of the version to change; 412 if it is not the current one',
  },
  ifNoneMatch: {
    name: 'If-None-Match',
    description: 'The ETag of the version that the client has; 304 without a body if it is the current one',
  },
  idempotencyKey: {
    name: 'Idempotency-Key',
    description:
      'Up to 255 characters that the client chooses, different for each write. If the request is repeated within ' +
      '24 hours, the service does not run it again but repeats its answer, with `Idempotent-Replayed: true`. A ' +
      'request that failed changed nothing and runs again. Only the token that sent the request first can read an ' +
      'answer with a token again',
  },
} as const;

interface Documentation {
  readonly summary: string;
  readonly description?: string;
  /** `METHOD /path`, and the members of the body without the credentials. Becomes a `curl` command. */
  readonly example: readonly [request: string, members?: object];
  /** Whose token the example needs. */
  readonly as?: 'user' | 'admin';
  /** The DTO of the response; `[Dto]` = an array of them. */
  readonly answers: Type | readonly [Type];
  /** An alternative DTO. */
  readonly orElse?: Type;
  /** Additional media types, with one line per object. */
  readonly alsoAs?: readonly string[];
  /** The media type if it is not JSON, with one line per object. */
  readonly onlyAs?: string;
  /** Whether the Link header leads to a next page. */
  readonly isPaged?: boolean;
  /** Whether a POST changes nothing. */
  readonly isRead?: boolean;
  /** Whether the response is a resource with an ETag. */
  readonly isVersioned?: boolean;
  /** Whether the route takes If-Match or If-None-Match; left out = if it is versioned and not a POST. */
  readonly isConditional?: boolean;
  /** The errors of this route besides those of all routes. */
  readonly errors?: readonly ErrorCode[];
}

/** The extension with the errors of an operation, which openapi.ts replaces by responses. */
export const ROUTE_ERRORS = 'x-route-errors';

export interface RouteErrors {
  readonly isWrite: boolean;
  /** The errors of this route besides those of all routes. */
  readonly own: readonly ErrorCode[];
}

/** Describes a route in the OpenAPI document. */
export function Documented(route: Documentation): MethodDecorator {
  const [request, members = {}] = route.example;
  const method = request.split(' ', 1)[0];
  const example = `\`\`\`bash\n${curl(request, members, route.as ?? 'user')}\n\`\`\``;
  const isWrite = method !== 'GET' && route.isRead !== true;
  const isConditional = route.isConditional ?? (route.isVersioned === true && method !== 'POST');
  const errors: RouteErrors = {
    isWrite,
    own: [...(isConditional ? versionErrors(isWrite) : []), ...(route.errors ?? [])],
  };
  const condition = isWrite ? HEADERS.ifMatch : HEADERS.ifNoneMatch;
  const headers = [...(isConditional ? [condition] : []), ...(isWrite ? [HEADERS.idempotencyKey] : [])];
  const model = Array.isArray(route.answers) ? (route.answers as [Type])[0] : (route.answers as Type);
  const one = { $ref: getSchemaPath(model) };
  const orElse = route.orElse === undefined ? one : { oneOf: [one, { $ref: getSchemaPath(route.orElse) }] };
  const schema = Array.isArray(route.answers) ? { type: 'array', items: one } : orElse;
  const schemas: Record<string, object> = { 'application/json': schema, [CSV]: { type: 'string' } };
  const types = [route.onlyAs ?? 'application/json', ...(route.alsoAs ?? [])];
  return applyDecorators(
    ApiExtraModels(model),
    ApiOperation({ summary: route.summary, description: `${route.description ?? ''}\n\n${example}`.trim() }),
    ApiOkResponse({
      description: 'Done',
      headers: {
        ...REQUEST_ID,
        ...(isWrite ? { 'Idempotent-Replayed': REPLAYED } : {}),
        ...(route.isPaged ? { Link: LINK } : {}),
        ...(route.isVersioned && method !== 'DELETE' ? { ETag: ETAG } : {}),
      },
      content: Object.fromEntries(types.map((type) => [type, { schema: schemas[type] ?? one }])),
    }),
    ...headers.map((header) => ApiHeader({ ...header, required: false })),
    ...(isConditional && !isWrite
      ? [ApiResponse({ status: 304, description: NOT_MODIFIED, headers: REQUEST_ID })]
      : []),
    ApiExtension(ROUTE_ERRORS, errors),
  );
}

function versionErrors(isWrite: boolean): ErrorCode[] {
  const { etag_malformed, precondition_failed } = COMMON_ERRORS;
  return isWrite ? [etag_malformed, precondition_failed] : [etag_malformed];
}

/** A `curl` command like those of the reference document, with the token files of the first start. */
function curl(request: string, members: object, as: 'user' | 'admin'): string {
  const [method, path] = request.split(' ');
  const rest = JSON.stringify(members).slice(1, -1);
  const body = `{"api_token": "'$(cat data/${as}-token)'", "username": "${as}"${rest === '' ? '' : `, ${rest}`}}`;
  return `curl -X ${method} 'http://127.0.0.1:8000${path}' -H 'Content-Type: application/json' -d '${body}'`;
}
