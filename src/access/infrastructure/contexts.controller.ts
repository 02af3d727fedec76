import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Documented } from '../../shared/http/documented.js';
import { requireMembers } from '../../shared/http/validation.js';
import { ContextsService } from '../application/contexts.service.js';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { ChangeContextDto, ContextDto, NewContextDto, toContextDto } from './contexts.dto.js';
import { ACCESS_ERRORS } from '../domain/access.errors.js';

@ApiTags('Administration')
@Controller('api/admin/contexts')
export class ContextsController {
  constructor(private readonly contexts: ContextsService) {}

  @Get()
  @Requires('admin:read')
  @Documented({
    summary: 'List the contexts',
    example: ['GET /api/admin/contexts'],
    as: 'admin',
    answers: [ContextDto],
  })
  async list(): Promise<ContextDto[]> {
    return (await this.contexts.list()).map(toContextDto);
  }

  @Post()
  @HttpCode(200)
  @Requires('admin:write')
  @Documented({
    summary: 'Create a context',
    example: ['POST /api/admin/contexts', { name: 'ipdr' }],
    as: 'admin',
    answers: ContextDto,
    errors: [ACCESS_ERRORS.context_exists],
  })
  async create(
    @Caller() caller: Principal,
    @Body() { name, enabled = true }: NewContextDto,
  ): Promise<ContextDto> {
    return toContextDto(await this.contexts.create(caller, name, enabled));
  }

  @Patch(':name')
  @Requires('admin:write')
  @Documented({
    summary: 'Rename, disable or enable a context',
    description:
      'After a rename the old name still works, as an alias; `aliases` replaces all aliases. ' +
      'A disabled context refuses everything but its administration.',
    example: ['PATCH /api/admin/contexts/ipdr', { name: 'chennai' }],
    as: 'admin',
    answers: ContextDto,
    errors: [ACCESS_ERRORS.context_unknown, ACCESS_ERRORS.context_exists],
  })
  async change(
    @Caller() caller: Principal,
    @Param('name') name: string,
    @Body() changes: ChangeContextDto,
  ): Promise<ContextDto> {
    return toContextDto(await this.contexts.change(caller, name, requireMembers(changes)));
  }

  @Delete(':name')
  @Requires('admin:write')
  @Documented({
    summary: 'Delete a context that has no customers',
    description: 'It must not be the context of the request itself.',
    example: ['DELETE /api/admin/contexts/chennai'],
    as: 'admin',
    answers: ContextDto,
    errors: [ACCESS_ERRORS.context_unknown, ACCESS_ERRORS.context_in_use, ACCESS_ERRORS.context_not_empty],
  })
  async delete(@Caller() caller: Principal, @Param('name') name: string): Promise<ContextDto> {
    return toContextDto(await this.contexts.delete(caller, name));
  }
}
