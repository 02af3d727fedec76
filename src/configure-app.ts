import type { Server } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { refuseTokenInUrl } from './access/infrastructure/credentials.js';
import { setUpOpenApi } from './openapi.js';
import { includesAddress } from './shared/address-list.js';
import type { Configuration } from './shared/config/configuration.js';
import { ErrorFilter } from './shared/http/error.filter.js';
import type { Logger } from './shared/http/logging.js';
import { Metrics } from './shared/http/metrics.js';
import { answerNonHttp, requireHost } from './shared/http/non-http.js';
import { observe } from './shared/http/observe.middleware.js';
import { dropCacheBuster, requireReadableQuery } from './shared/http/query.js';

/** Sets up everything between the socket and the controllers, for the service and for tests. */
export function configureApp(
  app: NestExpressApplication,
  configuration: Configuration,
  logger: Logger,
): void {
  const { trustProxy } = configuration;
  app.set('trust proxy', (address: string) => includesAddress(trustProxy, address));
  app.disable('x-powered-by');
  app.disable('etag'); // ETags are versions of the register, not hashes of bodies
  app.useGlobalFilters(new ErrorFilter(logger));
  app.use(observe(logger, app.get(Metrics)));
  // Let the API pages work on plain HTTP too.
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }));
  app.use(requireHost);
  app.use(refuseTokenInUrl);
  app.use(requireReadableQuery);
  app.use(dropCacheBuster);
  setUpOpenApi(app);
  app.getHttpServer().on('clientError', answerNonHttp(logger));
  setTimeouts(app.getHttpServer());
}

/** Disconnects slow and silent clients. Does not limit how long a response takes. */
function setTimeouts(server: Server): void {
  server.headersTimeout = 15_000;
  server.requestTimeout = 120_000; // to receive a request with its body
  server.keepAliveTimeout = 65_000; // longer than that of common proxies
  server.timeout = 120_000; // without traffic in either direction
}
