import { Module, type DynamicModule } from '@nestjs/common';
import { ContextRepository, TokenRepository, UserRepository } from './application/access.repositories.js';
import { AdministrationService } from './application/administration.service.js';
import { AuthenticationService } from './application/authentication.service.js';
import { SeedService, TokenFiles } from './application/seed.service.js';
import { AdminController } from './infrastructure/admin.controller.js';
import { DataDirTokenFiles } from './infrastructure/token-files.js';
import {
  TypeOrmContextRepository,
  TypeOrmTokenRepository,
  TypeOrmUserRepository,
} from './infrastructure/typeorm-access.repositories.js';

@Module({})
export class AccessModule {
  /** @param dataDir where generated tokens are written */
  static over(dataDir: string): DynamicModule {
    return {
      module: AccessModule,
      controllers: [AdminController],
      providers: [
        AuthenticationService,
        AdministrationService,
        SeedService,
        { provide: TokenRepository, useClass: TypeOrmTokenRepository },
        { provide: UserRepository, useClass: TypeOrmUserRepository },
        { provide: ContextRepository, useClass: TypeOrmContextRepository },
        { provide: TokenFiles, useValue: new DataDirTokenFiles(dataDir) },
      ],
      exports: [AuthenticationService, SeedService],
    };
  }
}
