import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SeedService } from './access/application/seed.service.js';
import { AppModule } from './app.module.js';
import { configureApp } from './configure-app.js';
import { greeting } from './greeting.js';
import type { Configuration } from './shared/config/configuration.js';
import type { TypeOrmDatabase } from './shared/database/typeorm-database.js';
import { FastExpressAdapter } from './shared/http/express.adapter.js';
import { createLogger, NestLog } from './shared/http/logging.js';
import { during } from './start-failure.js';

const DRAIN_MS = 25_000;
/** Exit anyway, for instance when the database does not answer. */
const EXIT_MS = 35_000;

/** Starts the service, which runs until a signal. @throws ConfigurationError if it can't listen, and others */
export async function serve(configuration: Configuration, database: TypeOrmDatabase): Promise<void> {
  const logger = createLogger(configuration.logLevel);
  const { host, port } = configuration;
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.with(configuration, database),
    new FastExpressAdapter(),
    {
      bodyParser: false,
      logger: false, // a failure of the start is reported in one line instead
      abortOnError: false,
      ...(configuration.tls === undefined ? {} : { httpsOptions: configuration.tls }),
    },
  );
  configureApp(app, configuration, logger);
  const isAdminTokenKnown = await app.get(SeedService).seed(configuration.adminApiToken);
  stopOnSignals(app);
  await during(`the service cannot listen on HOST and PORT, ${host}:${port}`, () => app.listen(port, host));
  app.useLogger(new NestLog(logger));
  process.stdout.write(greeting(configuration, await app.getUrl(), isAdminTokenKnown));
}

/** On a signal, stops listening, lets current requests finish, and exits; cuts off those that take too long. */
function stopOnSignals(app: NestExpressApplication): void {
  const server = app.getHttpServer();
  const signals = ['SIGTERM', 'SIGINT'];
  for (const signal of signals) {
    process.once(signal, () => {
      // Connections whose requests end later would be kept alive.
      setInterval(() => server.closeIdleConnections(), 100).unref();
      setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
      setTimeout(() => process.exit(1), EXIT_MS).unref();
    });
  }
  app.enableShutdownHooks(signals, { useProcessExit: true });
}
