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
The register of an internet provider's customers: create, read, update and delete those who stand behind IP
Detail Records.

**Who is calling.** Every request says so, GET and DELETE included, by members of the JSON body: \`api_token\`,
\`username\` and \`contextname\` (alias \`context\`; left out = \`default\`, \`context0\` is the same). Clients that
can't send a body with GET or DELETE, these pages among them, send headers instead: \`Authorization: Bearer
<token>\`, \`X-Username\`, \`X-Context\`. A token in the URL is refused.

**Answers.** Success is status 200 with the bare object or array. An error has its true status and one shape,
with a stable \`code\`. Every answer carries \`X-Request-Id\`. Members that a route does not know are an error.

**Repeating and contending.** A write with an \`Idempotency-Key\` of the client's choice can be sent again for 24
hours, and is done once. An \`ETag\` names the version of what was answered: with it as \`If-Match\`, a change is made to
that version or not at all.

**On record.** Every write, every act of administration and every read of personal data is on record, with user,
token and address, before it is answered.

The examples can be pasted as they are on a service started by \`npm start\`, as long as there is what they name:
the customers B68t19 and U1002, and their mappings.`;

type Responses = NonNullable<OpenAPIObject['paths'][string]['get']>['responses'];

class ErrorDto {
  @ApiProperty({ enum: ['ERROR'] })
  status!: string;
  @ApiProperty({ enum: Object.keys(ERROR_CODES) })
  code!: string;
  @ApiProperty({ description: 'For people; only the code is stable' })
  message!: string;
  @ApiProperty({ description: 'Also in the X-Request-Id header and in the log of the service' })
  request_id!: string;
  @ApiPropertyOptional({ type: [FieldErrorDto], description: 'There when single fields are at fault' })
  errors?: FieldErrorDto[];
}

const RETRY_AFTER = { schema: { type: 'integer' }, description: 'Seconds to wait' } as const;

/** What any route that requires a token may answer. */
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

/** The pages at `/api/docs` and the document at `/api/openapi.json`. */
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
  // Made when first asked for: it is no part of starting.
  const create = (): OpenAPIObject => SwaggerModule.createDocument(app, config, { extraModels: [ErrorDto] });
  SwaggerModule.setup('api/docs', app, () => fitForPages(withErrors(create())), {
    jsonDocumentUrl: 'api/openapi.json',
    raw: ['json'],
    customSiteTitle: 'IPDR customers',
  });
}

/** Adds the error responses of each operation: its own and those that any route may answer. */
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

/** A browser sends no body with GET or DELETE, and fills every example of a parameter into the form. */
function fitForPages(document: OpenAPIObject): OpenAPIObject {
  for (const { get, post, delete: remove } of Object.values(document.paths)) {
    delete get?.requestBody;
    delete remove?.requestBody;
    for (const operation of [get, post]) {
      for (const parameter of operation?.parameters ?? []) {
        if (!('in' in parameter) || parameter.in !== 'query' || !parameter.schema) continue;
        if ('example' in parameter.schema) delete parameter.schema.example;
        // Of a union, decorators are told no more than that it is an Object.
        if ('oneOf' in parameter.schema) delete parameter.schema.allOf;
      }
    }
  }
  delete document.components?.schemas?.['Object'];
  return document;
}
