import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { INSTANT, instant, optional } from '../../shared/http/checks.js';
import { Checked } from '../../shared/http/validation.js';
import { formatInstant } from '../../shared/instant.js';
import type { Purged } from '../application/retention.service.js';

export class PurgeDto {
  @ApiPropertyOptional({
    ...INSTANT,
    example: '2020-01-01T00:00:00+05:30',
    description:
      'Remove only what is older: Unix seconds, or ISO 8601 with an offset. Left out = RETENTION_DAYS ago',
  })
  @Checked(optional(instant))
  before?: string | number;
}

export class PurgedDto {
  @ApiProperty({ example: '2024-11-24T08:48:06Z', description: 'Everything removed is older' })
  before!: string;
  @ApiProperty({
    type: 'integer',
    description: 'Customers deleted before then, with all their versions and mappings',
  })
  customers!: number;
  @ApiProperty({ type: 'integer', description: 'Mappings deleted before then, with all their versions' })
  mappings!: number;
  @ApiProperty({ type: 'integer' })
  audit_entries!: number;
  @ApiProperty({ type: 'integer' })
  sign_ins!: number;
}

export function toPurgedDto({ before, counts }: Purged): PurgedDto {
  const { customers = 0, mappings = 0, audit_entries = 0, sign_ins = 0 } = counts;
  return { before: formatInstant(before), customers, mappings, audit_entries, sign_ins };
}
