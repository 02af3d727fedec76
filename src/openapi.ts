import type { NestExpressApplication } from '@nestjs/platform-express';
import {
  ApiProperty,
  ApiPropertyOptional,
  DocumentBuilder,
  getSchemaPath,
  SwaggerModule,
  type OpenAPIObject,
} from '@nestjs/swagger';
import { ACCESS_ERRORS } from './access/domain/access.errors.js';
import { ERROR_CODES } from './error-codes.js';
import { IDEMPOTENCY_ERRORS } from './idempotency/domain/idempotency.errors.js';
import { COMMON_ERRORS, type ErrorCode } from './shared/errors.js';
import { FieldErrorDto, REQUEST_ID, ROUTE_ERRORS, type RouteErrors } from './shared/http/documented.js';
import { STATUS_OF } from './shared/http/error.filter.js';

const DESCRIPTION = `
The customer register of an internet provider, for IP Detail Records: who the customers are, and who held which IP
address when.

**Credentials.** Every request, GET and DELETE included, has credentials in the JSON body: \`api_token\`, \`username\`
and \`contextname\` (or \`context\`). Without \`contextname\`, the context is \`default\`, which \`context0\` means too. Clients that can't send a body
with GET or DELETE, such as these pages, send headers instead: \`Authorization: Bearer <token>\`, \`X-Username\`,
\`X-Context\`. A token in the URL is refused.

**Responses.** Success is status 200 with the bare object or array. All errors have the same shape, with a stable
\`code\` and a matching HTTP status. Every response has an \`X-Request-Id\`. Unknown members are an error.

**Retries and concurrent changes.** A client may send a write with an \`Idempotency-Key\` of its choice: repeated within 24
hours, the write runs only once. An \`ETag\` identifies the version of a resource. Send it as \`If-Match\` to make a write
fail if the resource has changed since.

**Audit trail.** Every write, every administrative change and every read of personal data is audited with user, token and
address before the response is sent.

The examples work unchanged on a service started by \`npm start\`, if the customers B68t19 and U1002 and their mappings
exist.`;

type Responses = NonNullable<OpenAPIObject['paths'][string]['get']>['responses'];

class ErrorDto {
  @ApiProperty({ enum: ['ERROR'] })
  status!: string;
  @ApiProperty({ enum: Object.keys(ERROR_CODES) })
  code!: string;
  @ApiProperty({ description: 'For humans; only `code` is stable' })
  message!: string;
  @ApiProperty({ description: 'Also in the X-Request-Id header and in the log of the service' })
  request_id!: string;
  @ApiPropertyOptional({ type: [FieldErrorDto], description: 'One entry for each faulty field' })
  errors?: FieldErrorDto[];
}

const RETRY_AFTER = { schema: { type: 'integer' }, description: 'Seconds to wait' } as const;

/** The errors of all routes that require a token. */
const OF_ANY_ROUTE: readonly ErrorCode[] = [
  COMMON_ERRORS.body_malformed,
  COMMON_ERRORS.path_malformed,
  COMMON_ERRORS.query_malformed,
  ACCESS_ERRORS.credentials_in_url,
  ACCESS_ERRORS.credentials_conflict,
  ACCESS_ERRORS.invalid_token,
  ACCESS_ERRORS.context_not_found,
  ACCESS_ERRORS.context_forbidden,
  ACCESS_ERRORS.role_forbidden,
  ACCESS_ERRORS.too_many_failures,
  ACCESS_ERRORS.too_many_requests,
  COMMON_ERRORS.not_acceptable,
  COMMON_ERRORS.body_too_large,
  COMMON_ERRORS.content_type_unsupported,
  COMMON_ERRORS.validation_failed,
  COMMON_ERRORS.internal_error,
  COMMON_ERRORS.database_unavailable,
  COMMON_ERRORS.database_busy,
];
const OF_ANY_WRITE: readonly ErrorCode[] = [
  ACCESS_ERRORS.scope_forbidden,
  IDEMPOTENCY_ERRORS.idempotency_key_malformed,
  IDEMPOTENCY_ERRORS.idempotency_key_reused,
  COMMON_ERRORS.outcome_unknown,
];

/** Serves the pages at `/api/docs` and the document at `/api/openapi.json`. */
export function setUpOpenApi(app: NestExpressApplication): void {
  const config = new DocumentBuilder()
    .setTitle('IPDR customers')
    .setDescription(DESCRIPTION)
    .setVersion('1.0')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addSecurity('token', { type: 'http', scheme: 'bearer', description: 'api_token' })
    .addSecurity('username', { type: 'apiKey', in: 'header', name: 'X-Username' })
    .addSecurity('context', { type: 'apiKey', in: 'header', name: 'X-Context' })
    .addSecurityRequirements({ token: [], username: [] })
    .addSecurityRequirements({ token: [], username: [], context: [] })
    .build();
  // Create the document at the first request, to keep the start fast.
  const create = (): OpenAPIObject => SwaggerModule.createDocument(app, config, { extraModels: [ErrorDto] });
  SwaggerModule.setup('api/docs', app, () => fitForPages(withErrors(create())), {
    jsonDocumentUrl: 'api/openapi.json',
    raw: ['json'],
    customSiteTitle: 'IPDR customers',
  });
}

/** Adds the error responses of each operation: its own and those of all routes. */
function withErrors(document: OpenAPIObject): OpenAPIObject {
  for (const path of Object.values(document.paths)) {
    for (const operation of [path.get, path.post, path.put, path.patch, path.delete]) {
      const extensions = operation as { [ROUTE_ERRORS]?: RouteErrors } | undefined;
      const errors = extensions?.[ROUTE_ERRORS];
      if (operation === undefined || errors === undefined) continue;
      delete extensions?.[ROUTE_ERRORS];
      const codes = [...OF_ANY_ROUTE, ...(errors.isWrite ? OF_ANY_WRITE : []), ...errors.own];
      Object.assign(operation.responses, responsesOf(codes));
    }
  }
  return document;
}

function responsesOf(codes: readonly ErrorCode[]): Responses {
  const statuses = [...new Set(codes.map(statusOf))].sort();
  return Object.fromEntries(statuses.map((status) => [status, responseOf(status, codes)]));
}

function responseOf(status: number, codes: readonly ErrorCode[]): Responses[string] {
  return {
    description: codes
      .filter((code) => statusOf(code) === status)
      .map(({ code, when }) => `\`${code}\`: ${when}`)
      .join('\n\n'),
    headers: [429, 503].includes(status) ? { ...REQUEST_ID, 'Retry-After': RETRY_AFTER } : REQUEST_ID,
    content: { 'application/json': { schema: { $ref: getSchemaPath(ErrorDto) } } },
  };
}

function statusOf({ kind }: ErrorCode): number {
  return STATUS_OF[kind];
}

/** Adapts the document to browsers, which can't send a body with GET or DELETE and fill in every example. */
function fitForPages(document: OpenAPIObject): OpenAPIObject {
  for (const { get, post, delete: remove } of Object.values(document.paths)) {
    delete get?.requestBody;
    delete remove?.requestBody;
    for (const operation of [get, post]) {
      for (const parameter of operation?.parameters ?? []) {
        if (!('in' in parameter) || parameter.in !== 'query' || !parameter.schema) continue;
        if ('example' in parameter.schema) delete parameter.schema.example;
        // Decorator metadata describe a union only as Object.
        if ('oneOf' in parameter.schema) delete parameter.schema.allOf;
      }
    }
  }
  delete document.components?.schemas?.['Object'];
  return document;
}
