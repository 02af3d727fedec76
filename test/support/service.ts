import 'reflect-metadata';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SeedService } from '../../src/access/application/seed.service.js';
import { AppModule } from '../../src/app.module.js';
import { configureApp } from '../../src/configure-app.js';
import { entities } from '../../src/entities.js';
import { BackgroundSealing } from '../../src/history/infrastructure/background-sealing.js';
import { loadConfiguration, type DatabaseConfiguration } from '../../src/shared/config/configuration.js';
import { openDatabase } from '../../src/shared/database/open-database.js';
import type { TypeOrmDatabase } from '../../src/shared/database/typeorm-database.js';
import { FastExpressAdapter } from '../../src/shared/http/express.adapter.js';
import { createLogger, NestLog } from '../../src/shared/http/logging.js';
import { Client, type Tokens } from './client.js';
import type { TestDatabase } from './databases.js';

export type { Answer, Call } from './client.js';

export interface ServiceOptions {
  /** Replaces providers, as `@nestjs/testing` does. */
  readonly adapt?: (builder: TestingModuleBuilder, database: TypeOrmDatabase) => TestingModuleBuilder;
  /** Environment variables besides the database. */
  readonly env?: Record<string, string>;
}

/** Turns the limits off, since tests send more bad requests than a client may. */
export const NO_LIMITS = { RATE_LIMIT: '0', SIGNIN_LIMIT: '0' };

/** Turns background sealing off, so that only requests query the database. */
export const withoutSealing = (builder: TestingModuleBuilder): TestingModuleBuilder =>
  builder.overrideProvider(BackgroundSealing).useValue({});

/** The service in this process, on a port of its own, with a real database. */
export class TestService extends Client {
  private constructor(
    readonly app: NestExpressApplication,
    url: string,
    readonly database: TypeOrmDatabase,
    tokens: Tokens,
    /** The lines of the log. */
    readonly log: string[],
    readonly dataDir: string,
  ) {
    super(url, tokens);
  }

  static async start(
    database: TestDatabase | DatabaseConfiguration,
    { adapt = (builder) => builder, env = {} }: ServiceOptions = {},
  ): Promise<TestService> {
    const dataDir = await mkdtemp(join(tmpdir(), 'ipdr-data-'));
    const configuration = {
      ...loadConfiguration({ DATA_DIR: dataDir, ...NO_LIMITS, ...env }),
      database: 'drop' in database ? database.configuration : database,
    };
    const log: string[] = [];
    const logger = createLogger('debug', { write: (line: string) => void log.push(line) });
    const open = await openDatabase(configuration.database, entities);
    const builder = Test.createTestingModule({ imports: [AppModule.with(configuration, open)] });
    const module = await adapt(builder, open).compile();
    const app = module.createNestApplication<NestExpressApplication>(new FastExpressAdapter(), {
      bodyParser: false,
      logger: new NestLog(logger),
    });
    configureApp(app, configuration, logger);
    await app.init();
    await app.get(SeedService).seed(configuration.adminApiToken);
    await app.listen(0, '127.0.0.1');
    return new TestService(app, await app.getUrl(), open, await readTokens(dataDir), log, dataDir);
  }

  async stop(): Promise<void> {
    await this.close();
    await this.app.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** The tokens that the first start wrote; '' = it did not write this one. */
export async function readTokens(dataDir: string): Promise<Tokens> {
  const read = (name: string): Promise<string> =>
    readFile(join(dataDir, name), 'utf8').then(
      (token) => token.trim(),
      () => '',
    );
  return { admin: await read('admin-token'), user: await read('user-token') };
}
