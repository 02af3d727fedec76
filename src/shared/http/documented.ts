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
    description: 'The one that the request brought, or one made for it; also in the log of the service',
  },
} as const;
const LINK = { schema: { type: 'string' }, description: 'Where the next page is: `rel="next"`' } as const;

const REPLAYED = {
  schema: { type: 'string', example: 'true' },
  description: 'There if this is what the same request under the same Idempotency-Key was answered before',
} as const;
const ETAG = { schema: { type: 'string' }, description: 'Which version this is' } as const;

const NOT_MODIFIED = 'The client has this version already, as its If-None-Match says';

/** The request headers that are no credentials. */
const HEADERS = {
  ifMatch: {
    name: 'If-Match',
    description: 'The ETag of the version that is to be changed; if it is not the present one: 412',
  },
  ifNoneMatch: {
    name: 'If-None-Match',
    description: 'The ETag of the version that the client has; if it is the present one: 304, without a body',
  },
  idempotencyKey: {
    name: 'Idempotency-Key',
    description:
      "Up to 255 characters of the client's own choice, a new one for each write: repeated within 24 hours, the " +
      'request is not done again, but answered as it was, with `Idempotent-Replayed: true`. What was refused changed ' +
      'nothing, and is tried again. An answer that shows a token is repeated to the token that asked for it alone',
  },
} as const;

interface Documentation {
  readonly summary: string;
  readonly description?: string;
  /** `METHOD /path`, and the members of the body besides the credentials: becomes a request to paste. */
  readonly example: readonly [request: string, members?: object];
  /** Whose token the example needs. */
  readonly as?: 'user' | 'admin';
  /** What comes back; in an array = an array of it. */
  readonly answers: Type | readonly [Type];
  /** What may come back instead. */
  readonly orElse?: Type;
  /** Other media types that the same comes in, a line each. */
  readonly alsoAs?: readonly string[];
  /** The media type, if it is not JSON: a line of JSON for each. */
  readonly onlyAs?: string;
  /** Whether the Link header leads to a next page. */
  readonly isPaged?: boolean;
  /** Whether it changes nothing, whatever its method is; left out = a GET doesn't. */
  readonly isRead?: boolean;
  /** Whether it answers a single resource that has versions: ETag. */
  readonly isVersioned?: boolean;
  /** Whether it takes If-Match, or If-None-Match; left out = as a resource with versions that is not new does. */
  readonly isConditional?: boolean;
  /** The errors of this route besides those that any route may answer. */
  readonly errors?: readonly ErrorCode[];
}

/** Where an operation says which errors it may answer; openapi.ts adds those that any route may, and removes it. */
export const ROUTE_ERRORS = 'x-route-errors';

export interface RouteErrors {
  readonly isWrite: boolean;
  /** The errors of this route besides those that any route may answer. */
  readonly own: readonly ErrorCode[];
}

/** Documents a route in the OpenAPI document. */
export function Documented(route: Documentation): MethodDecorator {
  const [request, members = {}] = route.example;
  const method = request.split(' ', 1)[0];
  const example = `\`\`\`bash\n${curl(request, members, route.as ?? 'user')}\n\`\`\``;
  const isWrite = method !== 'GET' && route.isRead !== true;
  const isConditional = route.isConditional ?? (route.isVersioned === true && method !== 'POST');
  const errors: RouteErrors = {
    isWrite,
    own: [...(isConditional ? versioning(isWrite) : []), ...(route.errors ?? [])],
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

function versioning(isWrite: boolean): ErrorCode[] {
  const { etag_malformed, precondition_failed } = COMMON_ERRORS;
  return isWrite ? [etag_malformed, precondition_failed] : [etag_malformed];
}

/** A request in the form of the reference document, with the tokens that the first start wrote. */
function curl(request: string, members: object, as: 'user' | 'admin'): string {
  const [method, path] = request.split(' ');
  const rest = JSON.stringify(members).slice(1, -1);
  const body = `{"api_token": "'$(cat data/${as}-token)'", "username": "${as}"${rest === '' ? '' : `, ${rest}`}}`;
  return `curl -X ${method} 'http://127.0.0.1:8000${path}' -H 'Content-Type: application/json' -d '${body}'`;
}
