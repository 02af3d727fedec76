import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

/** The pages at `/api/docs` and the document at `/api/openapi.json`. */
export function setUpOpenApi(app: NestExpressApplication): void {
  const config = new DocumentBuilder().setTitle('IPDR customers').setVersion('1.0').build();
  SwaggerModule.setup('api/docs', app, () => SwaggerModule.createDocument(app, config), {
    jsonDocumentUrl: 'api/openapi.json',
  });
}
