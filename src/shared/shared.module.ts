import { Global, Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { Clock, SystemClock } from './clock.js';
import { Database } from './database/database.js';
import { Metrics } from './http/metrics.js';
import { Transactions } from './transactions.js';

/** Global, since all features need it. Closes the database after the last request. */
@Global()
@Module({})
export class SharedModule implements OnApplicationShutdown {
  constructor(@Inject(Database) private readonly database: Database) {}

  static over(database: Database & Transactions): DynamicModule {
    return {
      module: SharedModule,
      providers: [
        { provide: Database, useValue: database },
        { provide: Transactions, useValue: database },
        { provide: Clock, useClass: SystemClock },
        { provide: Metrics, useValue: new Metrics(database) },
      ],
      exports: [Database, Transactions, Clock, Metrics],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}
