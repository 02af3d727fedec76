import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { RegisterError } from '../../shared/errors.js';
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
@Controller('api/admin')
export class AdminController {
  constructor(private readonly administration: AdministrationService) {}

  @Get('contexts')
  @Requires('admin:read')
  async listContexts(): Promise<ContextDto[]> {
    return (await this.administration.listContexts()).map(toContextDto);
  }

  @Post('contexts')
  @HttpCode(200)
  @Requires('admin:write')
  async createContext(@Body() { name, enabled = true }: NewContextDto): Promise<ContextDto> {
    return toContextDto(await this.administration.createContext(name, enabled));
  }

  @Get('users')
  @Requires('admin:read')
  async listUsers(): Promise<UserDto[]> {
    return (await this.administration.listUsers()).map(toUserDto);
  }

  @Post('users')
  @HttpCode(200)
  @Requires('admin:write')
  async createUser(@Body() { name, role, contexts = [], enabled = true }: NewUserDto): Promise<UserDto> {
    const user = { name, role, contexts: [...new Set(contexts)], enabled };
    return toUserDto(await this.administration.createUser(user));
  }

  @Get('tokens')
  @Requires('admin:read')
  async listTokens(): Promise<TokenDto[]> {
    return (await this.administration.listTokens()).map(toTokenDto);
  }

  @Post('tokens')
  @HttpCode(200)
  @Requires('admin:write')
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
  async revokeToken(@Param('id') id: string): Promise<TokenDto> {
    if (!/^\d{1,9}$/.test(id)) throw new RegisterError('token_not_found', 'No token has this id');
    return toTokenDto(await this.administration.revokeToken(Number(id)));
  }
}
