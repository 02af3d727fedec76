import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { RegisterError } from '../../shared/errors.js';
import { Documented } from '../../shared/http/documented.js';
import { parseInstant } from '../../shared/instant.js';
import { AdministrationService } from '../application/administration.service.js';
import { Requires } from './access.decorators.js';
import {
  ContextDto,
  CreatedTokenDto,
  NewContextDto,
  NewTokenDto,
  NewUserDto,
  toContextDto,
  TokenDto,
  toTokenDto,
  toUserDto,
  UserDto,
} from './admin.dto.js';

/** `/api/admin`: contexts, users and tokens. */
@ApiTags('Administration')
@Controller('api/admin')
export class AdminController {
  constructor(private readonly administration: AdministrationService) {}

  @Get('contexts')
  @Requires('admin:read')
  @Documented({
    summary: 'List the contexts',
    example: ['GET /api/admin/contexts'],
    as: 'admin',
    answers: [ContextDto],
  })
  async listContexts(): Promise<ContextDto[]> {
    return (await this.administration.listContexts()).map(toContextDto);
  }

  @Post('contexts')
  @HttpCode(200)
  @Requires('admin:write')
  @Documented({
    summary: 'Create a context',
    example: ['POST /api/admin/contexts', { name: 'ipdr' }],
    as: 'admin',
    answers: ContextDto,
    errors: ['context_exists'],
  })
  async createContext(@Body() { name, enabled = true }: NewContextDto): Promise<ContextDto> {
    return toContextDto(await this.administration.createContext(name, enabled));
  }

  @Get('users')
  @Requires('admin:read')
  @Documented({
    summary: 'List the users',
    example: ['GET /api/admin/users'],
    as: 'admin',
    answers: [UserDto],
  })
  async listUsers(): Promise<UserDto[]> {
    return (await this.administration.listUsers()).map(toUserDto);
  }

  @Post('users')
  @HttpCode(200)
  @Requires('admin:write')
  @Documented({
    summary: 'Create a user',
    example: ['POST /api/admin/users', { name: 'crm', role: 'operator', contexts: ['default'] }],
    as: 'admin',
    answers: UserDto,
    errors: ['user_exists'],
  })
  async createUser(@Body() { name, role, contexts = [], enabled = true }: NewUserDto): Promise<UserDto> {
    const user = { name, role, contexts: [...new Set(contexts)], enabled };
    return toUserDto(await this.administration.createUser(user));
  }

  @Get('tokens')
  @Requires('admin:read')
  @Documented({
    summary: 'List the tokens, never the secrets',
    example: ['GET /api/admin/tokens'],
    as: 'admin',
    answers: [TokenDto],
  })
  async listTokens(): Promise<TokenDto[]> {
    return (await this.administration.listTokens()).map(toTokenDto);
  }

  @Post('tokens')
  @HttpCode(200)
  @Requires('admin:write')
  @Documented({
    summary: 'Create a token, or adopt one',
    description: 'The answer is the only one that ever shows the token.',
    example: ['POST /api/admin/tokens', { user: 'user', label: 'CRM of the Chennai office' }],
    as: 'admin',
    answers: CreatedTokenDto,
    errors: ['token_exists'],
  })
  async createToken(@Body() body: NewTokenDto): Promise<CreatedTokenDto> {
    const { user, label = '', scope = 'write', allowed_ips: allowedIps = [], token: adopted } = body;
    const expiresAt = parseInstant(body.expires_at) ?? null;
    const created = await this.administration.createToken({
      user,
      label,
      scope,
      expiresAt,
      allowedIps,
      token: adopted,
    });
    return { ...toTokenDto(created.record), token: created.token };
  }

  @Delete('tokens/:id')
  @Requires('admin:write')
  @Documented({
    summary: 'Revoke a token, from the very next request on',
    example: ['DELETE /api/admin/tokens/3'],
    as: 'admin',
    answers: TokenDto,
    errors: ['token_not_found'],
  })
  async revokeToken(@Param('id') id: string): Promise<TokenDto> {
    if (!/^\d{1,9}$/.test(id)) throw new RegisterError('token_not_found', 'No token has this id');
    return toTokenDto(await this.administration.revokeToken(Number(id)));
  }
}
