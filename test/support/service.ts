import 'reflect-metadata';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Agent, request, type Dispatcher } from 'undici';
import { SeedService } from '../../src/access/application/seed.service.js';
import { AppModule } from '../../src/app.module.js';
import { configureApp } from '../../src/configure-app.js';
import { entities } from '../../src/entities.js';
import { loadConfiguration, type DatabaseConfiguration } from '../../src/shared/config/configuration.js';
import { openDatabase } from '../../src/shared/database/open-database.js';
import type { TypeOrmDatabase } from '../../src/shared/database/typeorm-database.js';
import { createLogger, NestLog } from '../../src/shared/http/logging.js';
import type { TestDatabase } from './databases.js';

export interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly text: string;
  /** The body as JSON. */
  readonly json: unknown;
}

export interface Call {
  /** Members of the JSON body; merged with the caller's credentials unless those are left out. */
  readonly body?: object;
  /** A body as it is, without credentials. */
  readonly raw?: string | Buffer;
  readonly headers?: Record<string, string>;
}

type Credentials = Record<string, unknown>;

/** The service as it runs, on a port of its own, over a real database. */
export class TestService {
  private readonly agent = new Agent({ connections: 64 });

  private constructor(
    readonly app: NestExpressApplication,
    readonly url: string,
    readonly database: TypeOrmDatabase,
    readonly tokens: { readonly admin: string; readonly user: string },
    /** Every line that it logged. */
    readonly log: string[],
    private readonly dataDir: string,
  ) {}

  /**
   * @param adapt replaces providers, as `@nestjs/testing` does
   * @param env what the environment sets besides the database
   */
  static async start(
    database: TestDatabase | DatabaseConfiguration,
    {
      adapt = (builder) => builder,
      env = {},
    }: {
      adapt?: (builder: TestingModuleBuilder, database: TypeOrmDatabase) => TestingModuleBuilder;
      env?: Record<string, string>;
    } = {},
  ): Promise<TestService> {
    const dataDir = await mkdtemp(join(tmpdir(), 'ipdr-data-'));
    const configuration = {
      ...loadConfiguration({ DATA_DIR: dataDir, ...env }),
      database: 'drop' in database ? database.configuration : database,
    };
    const log: string[] = [];
    const logger = createLogger('debug', { write: (line: string) => void log.push(line) });
    const open = await openDatabase(configuration.database, entities);
    const builder = Test.createTestingModule({ imports: [AppModule.with(configuration, open)] });
    const module = await adapt(builder, open).compile();
    const app = module.createNestApplication<NestExpressApplication>({
      bodyParser: false,
      logger: new NestLog(logger),
    });
    configureApp(app, configuration, logger);
    await app.init();
    await app.get(SeedService).seed(configuration.adminApiToken);
    await app.listen(0, '127.0.0.1');
    const read = (name: string): Promise<string> =>
      readFile(join(dataDir, name), 'utf8').then(
        (token) => token.trim(),
        () => '',
      );
    const tokens = { admin: await read('admin-token'), user: await read('user-token') };
    return new TestService(app, await app.getUrl(), open, tokens, log, dataDir);
  }

  /** Sends a request as `user`, in the context `default`. */
  call(method: string, path: string, call: Call = {}): Promise<Answer> {
    return this.callAs(
      { api_token: this.tokens.user, username: 'user', contextname: 'default' },
      method,
      path,
      call,
    );
  }

  admin(method: string, path: string, call: Call = {}): Promise<Answer> {
    return this.callAs({ api_token: this.tokens.admin, username: 'admin' }, method, path, call);
  }

  async callAs(credentials: Credentials, method: string, path: string, call: Call = {}): Promise<Answer> {
    const body = call.raw ?? JSON.stringify({ ...credentials, ...call.body });
    const {
      statusCode,
      headers,
      body: answer,
    } = await request(`${this.url}${path}`, {
      dispatcher: this.agent,
      method: method as Dispatcher.HttpMethod,
      headers: { 'content-type': 'application/json', ...call.headers },
      body,
    });
    const text = await answer.text();
    return {
      status: statusCode,
      headers,
      text,
      get json() {
        return JSON.parse(text) as unknown;
      },
    };
  }

  async stop(): Promise<void> {
    await this.agent.close();
    await this.app.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
