import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Documented } from '../../shared/http/documented.js';
import { requireMembers } from '../../shared/http/validation.js';
import { UsersService } from '../application/users.service.js';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { ChangeUserDto, NewUserDto, toNewUser, toUserDto, UserDto } from './users.dto.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';

@ApiTags('Administration')
@Controller('api/admin/users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Get()
  @Requires('admin:read')
  @Documented({
    summary: 'List the users',
    example: ['GET /api/admin/users'],
    as: 'admin',
    answers: [UserDto],
  })
  async list(): Promise<UserDto[]> {
    return (await this.users.list()).map(toUserDto);
  }

  @Post()
  @HttpCode(200)
  @Requires('admin:write')
  @Documented({
    summary: 'Create a user',
    example: ['POST /api/admin/users', { name: 'crm', role: 'operator', contexts: ['default'] }],
    as: 'admin',
    answers: UserDto,
    errors: [ACCESS_ERRORS.user_exists],
  })
  async create(@Caller() caller: Principal, @Body() newUser: NewUserDto): Promise<UserDto> {
    return toUserDto(await this.users.create(caller, toNewUser(newUser)));
  }

  @Patch(':name')
  @Requires('admin:write')
  @Documented({
    summary: "Change a user's role or contexts, disable or enable it",
    description: '`contexts` replaces all contexts granted. The change applies from the next request on.',
    example: ['PATCH /api/admin/users/crm', { role: 'reader' }],
    as: 'admin',
    answers: UserDto,
    errors: [ACCESS_ERRORS.user_not_found, ACCESS_ERRORS.last_admin],
  })
  async change(
    @Caller() caller: Principal,
    @Param('name') name: string,
    @Body() changes: ChangeUserDto,
  ): Promise<UserDto> {
    return toUserDto(await this.users.change(caller, name, requireMembers(changes)));
  }

  @Delete(':name')
  @Requires('admin:write')
  @Documented({
    summary: 'Delete a user and all its tokens',
    example: ['DELETE /api/admin/users/crm'],
    as: 'admin',
    answers: UserDto,
    errors: [ACCESS_ERRORS.user_not_found, ACCESS_ERRORS.last_admin],
  })
  async delete(@Caller() caller: Principal, @Param('name') name: string): Promise<UserDto> {
    return toUserDto(await this.users.delete(caller, name));
  }
}
