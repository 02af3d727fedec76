import { ApiProperty, ApiPropertyOptional, PartialType } from '@nestjs/swagger';
import { flag, list, optional, textThat } from '../../shared/http/checks.js';
import { Checked } from '../../shared/http/validation.js';
import { formatInstant } from '../../shared/instant.js';
import type { Context } from '../application/access.repositories.js';
import { CONTEXT_NAME, isContextName } from '../../shared/context-name.js';

const RULE =
  'have 1 to 64 of A-Z a-z 0-9 _ . - and not be context0, which is another name for default, nor . or ..';

export class NewContextDto {
  @ApiProperty({
    example: 'ipdr',
    pattern: CONTEXT_NAME.source,
    description: 'Not context0, which is another name for default, nor . or ..',
  })
  @Checked(textThat(isContextName, `must ${RULE}`))
  name!: string;

  @ApiPropertyOptional({ default: true })
  @Checked(optional(flag))
  enabled?: boolean;
}

export class ChangeContextDto extends PartialType(NewContextDto, { skipNullProperties: false }) {
  @ApiPropertyOptional({
    type: [String],
    example: ['default'],
    description: 'Replaces all aliases; those left out stop working',
  })
  @Checked(
    optional((value) =>
      Array.isArray(value) && value.length > 1000
        ? 'must contain at most 1000 names'
        : list(isContextName, `must be a list of names that ${RULE}`)(value),
    ),
  )
  aliases?: string[];
}

export class ContextDto {
  @ApiProperty({ example: 'default' })
  name!: string;
  @ApiProperty({ type: [String], description: 'Other names that work too' })
  aliases!: readonly string[];
  @ApiProperty()
  enabled!: boolean;
  @ApiProperty({ example: '2026-11-24T08:48:06Z' })
  created_at!: string;
}

export function toContextDto({ name, aliases, enabled, createdAt }: Context): ContextDto {
  return { name, aliases, enabled, created_at: formatInstant(createdAt) };
}
