import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Documented } from '../../shared/http/documented.js';
import { TokensService } from '../application/tokens.service.js';
import type { Principal } from '../../identity/domain/principal.js';
import { ShowsToken } from '../../idempotency/infrastructure/idempotency.decorators.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import {
  CreatedTokenDto,
  NewTokenDto,
  parseTokenId,
  RotateTokenDto,
  toCreatedTokenDto,
  toNewToken,
  TokenDto,
  toTokenDto,
} from './tokens.dto.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';

@ApiTags('Administration')
@Controller('api/admin/tokens')
export class TokensController {
  constructor(private readonly tokens: TokensService) {}

  @Get()
  @Requires('admin:read')
  @Documented({
    summary: 'List the tokens, never the secrets',
    example: ['GET /api/admin/tokens'],
    as: 'admin',
    answers: [TokenDto],
  })
  async list(): Promise<TokenDto[]> {
    return (await this.tokens.list()).map(toTokenDto);
  }

  @Post()
  @HttpCode(200)
  @ShowsToken()
  @Requires('admin:write')
  @Documented({
    summary: 'Create a token, or adopt one',
    description: 'Only this response shows the token.',
    example: ['POST /api/admin/tokens', { user: 'user', label: 'CRM of the Chennai office' }],
    as: 'admin',
    answers: CreatedTokenDto,
    errors: [ACCESS_ERRORS.token_exists],
  })
  async create(@Caller() caller: Principal, @Body() body: NewTokenDto): Promise<CreatedTokenDto> {
    return toCreatedTokenDto(await this.tokens.create(caller, toNewToken(body)));
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @ShowsToken()
  @Requires('admin:write')
  @Documented({
    summary: 'Replace a token with a new one of the same user, scope, addresses and expiry',
    description:
      'Both are valid for `grace_seconds`, so that the client can be reconfigured. ' +
      'Only this response shows the new token.',
    example: ['POST /api/admin/tokens/3/rotate', { grace_seconds: 3600 }],
    as: 'admin',
    answers: CreatedTokenDto,
    errors: [ACCESS_ERRORS.token_not_found, ACCESS_ERRORS.token_expired, ACCESS_ERRORS.token_replaced],
  })
  async rotate(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() { grace_seconds: seconds = 0 }: RotateTokenDto,
  ): Promise<CreatedTokenDto> {
    return toCreatedTokenDto(await this.tokens.rotate(caller, parseTokenId(id), seconds * 1000));
  }

  @Delete(':id')
  @Requires('admin:write')
  @Documented({
    summary: 'Revoke a token; its next request fails',
    example: ['DELETE /api/admin/tokens/3'],
    as: 'admin',
    answers: TokenDto,
    errors: [ACCESS_ERRORS.token_not_found],
  })
  async revoke(@Caller() caller: Principal, @Param('id') id: string): Promise<TokenDto> {
    return toTokenDto(await this.tokens.revoke(caller, parseTokenId(id)));
  }
}
