import type { Server } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { refuseTokenInUrl } from './access/infrastructure/credentials.js';
import { setUpOpenApi } from './openapi.js';
import { holds } from './shared/address-list.js';
import type { Configuration } from './shared/config/configuration.js';
import { ErrorFilter } from './shared/http/error.filter.js';
import type { Logger } from './shared/http/logging.js';
import { Metrics } from './shared/http/metrics.js';
import { answerNonHttp, requireHost, requireSoundQuery } from './shared/http/non-http.js';
import { observe } from './shared/http/observe.middleware.js';

/** Everything between the socket and the controllers, the same for the service and for the tests. */
export function configureApp(
  app: NestExpressApplication,
  configuration: Configuration,
  logger: Logger,
): void {
  const { trustProxy } = configuration;
  app.set('trust proxy', (address: string) => holds(trustProxy, address));
  app.disable('x-powered-by');
  app.disable('etag'); // a hash of the body is not a version; those come from the register
  app.useGlobalFilters(new ErrorFilter(logger));
  app.use(observe(logger, app.get(Metrics)));
  // The pages must work on plain HTTP too, for a first try.
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }));
  app.use(requireHost);
  app.use(refuseTokenInUrl);
  app.use(requireSoundQuery);
  setUpOpenApi(app);
  app.getHttpServer().on('clientError', answerNonHttp(logger));
  setTimeouts(app.getHttpServer());
}

/** Slow or silent clients must not hold connections; nothing here bounds how long an answer may take to make. */
function setTimeouts(server: Server): void {
  server.headersTimeout = 15_000;
  server.requestTimeout = 120_000; // to receive a request, its body included
  server.keepAliveTimeout = 65_000; // longer than the idle time of common proxies
  server.timeout = 120_000; // without a byte either way
}
