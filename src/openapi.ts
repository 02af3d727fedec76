import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

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
  SwaggerModule.setup('api/docs', app, () => fitForPages(SwaggerModule.createDocument(app, config)), {
    jsonDocumentUrl: 'api/openapi.json',
    raw: ['json'],
    customSiteTitle: 'IPDR customers',
  });
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
