import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Documented } from '../../shared/http/documented.js';
import { parseInstant } from '../../shared/instant.js';
import { TokensService } from '../application/tokens.service.js';
import type { Principal } from '../application/principal.js';
import { Caller, Requires, ShowsToken } from './access.decorators.js';
import {
  CreatedTokenDto,
  NewTokenDto,
  RotateTokenDto,
  toCreatedTokenDto,
  TokenDto,
  toTokenDto,
} from './tokens.dto.js';

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
    description: 'The answer is the only one that ever shows the token.',
    example: ['POST /api/admin/tokens', { user: 'user', label: 'CRM of the Chennai office' }],
    as: 'admin',
    answers: CreatedTokenDto,
    errors: ['token_exists'],
  })
  async create(@Caller() caller: Principal | undefined, @Body() body: NewTokenDto): Promise<CreatedTokenDto> {
    const { user, label = '', scope = 'write', allowed_ips: allowedIps = [], token } = body;
    const expiresAt = parseInstant(body.expires_at) ?? null;
    return toCreatedTokenDto(
      await this.tokens.create(caller, { user, label, scope, expiresAt, allowedIps, token }),
    );
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @ShowsToken()
  @Requires('admin:write')
  @Documented({
    summary: 'Replace a token by a new one of the same user, scope, addresses and expiry',
    description:
      'Both are good until `grace_seconds` have passed: time to change the client. ' +
      'The answer is the only one that ever shows the new token.',
    example: ['POST /api/admin/tokens/3/rotate', { grace_seconds: 3600 }],
    as: 'admin',
    answers: CreatedTokenDto,
    errors: ['token_not_found', 'token_expired', 'token_replaced'],
  })
  async rotate(
    @Caller() caller: Principal | undefined,
    @Param('id') id: string,
    @Body() { grace_seconds: seconds = 0 }: RotateTokenDto,
  ): Promise<CreatedTokenDto> {
    return toCreatedTokenDto(await this.tokens.rotate(caller, parseId(id), seconds * 1000));
  }

  @Delete(':id')
  @Requires('admin:write')
  @Documented({
    summary: 'Revoke a token, from the very next request on',
    example: ['DELETE /api/admin/tokens/3'],
    as: 'admin',
    answers: TokenDto,
    errors: ['token_not_found'],
  })
  async revoke(@Caller() caller: Principal | undefined, @Param('id') id: string): Promise<TokenDto> {
    return toTokenDto(await this.tokens.revoke(caller, parseId(id)));
  }
}

/** @returns 0, which no token has, for what is not an id */
function parseId(text: string): number {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0;
}
