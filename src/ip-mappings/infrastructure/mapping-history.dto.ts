import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { optional } from '../../shared/http/checks.js';
import { PageQueryDto } from '../../shared/http/paging.js';
import { Checked } from '../../shared/http/validation.js';
import { toVersionDto, VersionDto } from '../../versions/infrastructure/version.dto.js';
import type { RecordedVersion } from '../../versions/domain/version.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';
import { MappingDto, mappingId, toMappingDto } from './ip-mapping.dto.js';

/** The members that can change. The holder can't: a new holder gets a new mapping. */
const CHANGING = [
  'ipsubnet',
  'starttime',
  'endtime',
  'terminalid',
] as const satisfies readonly (keyof MappingDto)[];

const VALUE = { oneOf: [{ type: 'string' }, { type: 'integer' }, { type: 'null' }] };

class MappingFieldChangeDto {
  @ApiProperty({ enum: CHANGING })
  field!: string;
  @ApiProperty({ ...VALUE, example: null })
  from!: string | number | null;
  @ApiProperty({ ...VALUE, example: 1735669799 })
  to!: string | number | null;
}

/** A version of an IP mapping. */
export class MappingVersionDto extends VersionDto {
  @ApiProperty({
    type: [MappingFieldChangeDto],
    description: 'What changed; empty for a creation or deletion',
  })
  changes!: MappingFieldChangeDto[];
  @ApiProperty({ description: 'The mapping after the change; before it, for a deletion' })
  mapping!: MappingDto;
}

/** Narrows the history, and selects a page of it. */
export class MappingHistoryQueryDto extends PageQueryDto {
  @ApiPropertyOptional({ type: 'integer', example: 7, description: 'Only the versions of this mapping' })
  @Checked(optional(mappingId))
  id?: string;
}

export function toMappingVersionDto(version: RecordedVersion<RecordedMapping>): MappingVersionDto {
  return toVersionDto(version, 'mapping', toMappingDto, CHANGING);
}
