import { Module, type DynamicModule } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { ContextRepository, TokenRepository, UserRepository } from './application/access.repositories.js';
import { AuthenticationService } from './application/authentication.service.js';
import { Authority } from './application/authority.js';
import { Throttle, type Limits } from './application/throttle.js';
import { ContextsService } from './application/contexts.service.js';
import { SeedService, TokenFiles } from './application/seed.service.js';
import { SignInLog, SignInRepository } from './application/sign-in-log.js';
import { SignInPurge } from './application/sign-in-purge.js';
import { TokensService } from './application/tokens.service.js';
import { UsersService } from './application/users.service.js';
import { ContextsController } from './infrastructure/contexts.controller.js';
import { SignInsController } from './infrastructure/sign-ins.controller.js';
import { DataDirTokenFiles } from './infrastructure/token-files.js';
import { TokensController } from './infrastructure/tokens.controller.js';
import { TypeOrmContextRepository } from './infrastructure/typeorm-context.repository.js';
import { TypeOrmSignInRepository } from './infrastructure/typeorm-sign-in.repository.js';
import { TypeOrmTokenRepository } from './infrastructure/typeorm-token.repository.js';
import { TypeOrmUserRepository } from './infrastructure/typeorm-user.repository.js';
import { UsersController } from './infrastructure/users.controller.js';

@Module({})
export class AccessModule {
  /** @param dataDir directory for generated tokens */
  static over(dataDir: string, limits: Limits): DynamicModule {
    return {
      module: AccessModule,
      imports: [IdempotencyModule],
      controllers: [ContextsController, UsersController, TokensController, SignInsController],
      providers: [
        AuthenticationService,
        Authority,
        ContextsService,
        UsersService,
        TokensService,
        SignInLog,
        SignInPurge,
        SeedService,
        { provide: Throttle, useValue: new Throttle(limits) },
        { provide: TokenRepository, useClass: TypeOrmTokenRepository },
        { provide: UserRepository, useClass: TypeOrmUserRepository },
        { provide: ContextRepository, useClass: TypeOrmContextRepository },
        { provide: SignInRepository, useClass: TypeOrmSignInRepository },
        { provide: TokenFiles, useValue: new DataDirTokenFiles(dataDir) },
      ],
      exports: [AuthenticationService, Authority, SeedService, SignInPurge],
    };
  }
}
