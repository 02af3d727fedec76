import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SeedService } from './access/application/seed.service.js';
import { AppModule } from './app.module.js';
import { configureApp } from './configure-app.js';
import { entities } from './entities.js';
import { greeting } from './greeting.js';
import { ConfigurationError, loadConfiguration } from './shared/config/configuration.js';
import { driverFailure } from './shared/database/driver-errors.js';
import { openDatabase } from './shared/database/open-database.js';
import { FastExpressAdapter } from './shared/http/express.adapter.js';
import { createLogger, describeError, NestLog } from './shared/http/logging.js';

const DRAIN_MS = 25_000;

async function main(): Promise<void> {
  process.umask(0o077); // what is written here is personal data and tokens
  const configuration = loadConfiguration(process.env);
  const logger = createLogger(configuration.logLevel);
  const database = await openDatabase(configuration.database, entities);
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.with(configuration, database),
    new FastExpressAdapter(),
    {
      bodyParser: false,
      logger: new NestLog(logger),
      abortOnError: false,
      ...(configuration.tls === undefined ? {} : { httpsOptions: configuration.tls }),
    },
  );
  configureApp(app, configuration, logger);
  await app.get(SeedService).seed(configuration.adminApiToken);
  stopOnSignals(app);
  await app.listen(configuration.port, configuration.host);
  process.stdout.write(greeting(configuration, await app.getUrl()));
}

/** Stops listening, lets the requests under way finish, and ends; cuts off what takes too long. */
function stopOnSignals(app: NestExpressApplication): void {
  const server = app.getHttpServer();
  const signals = ['SIGTERM', 'SIGINT'];
  for (const signal of signals) {
    process.once(signal, () => {
      // A connection whose request ends only now would be kept alive for the next one.
      setInterval(() => server.closeIdleConnections(), 100).unref();
      setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
    });
  }
  app.enableShutdownHooks(signals, { useProcessExit: true });
}

main().catch((error: unknown) => {
  process.stderr.write(`ipdr-customers: ${reason(error)}\n`);
  process.exit(1);
});

/** One line for the operator. */
function reason(error: unknown): string {
  if (error instanceof ConfigurationError) return error.message;
  const { code = '' } = error as { code?: string };
  if (driverFailure(error) !== undefined || code.startsWith('ER_') || code.startsWith('SQLITE_')) {
    return `the database of DATABASE_URL cannot be used (${code})`;
  }
  if (code === 'EADDRINUSE' || code === 'EACCES') return `HOST and PORT cannot be listened on (${code})`;
  return `cannot start: ${JSON.stringify(describeError(error))}`;
}
