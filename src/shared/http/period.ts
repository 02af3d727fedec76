import { ApiPropertyOptional } from '@nestjs/swagger';
import { parseInstant } from '../instant.js';
import { instant, optional } from './checks.js';
import { PageQueryDto } from './paging.js';
import { Checked } from './validation.js';

/** The period and the page of a list of events. */
export class PeriodQueryDto extends PageQueryDto {
  @ApiPropertyOptional({ description: 'At this time or later: Unix seconds, or ISO 8601 with an offset' })
  @Checked(optional(instant))
  from?: string;

  @ApiPropertyOptional({ description: 'At this second or earlier' })
  @Checked(optional(instant))
  to?: string;
}

/** The period in Unix milliseconds; `to` is exclusive. */
export function periodOf({ from, to }: PeriodQueryDto): { from: number | undefined; to: number | undefined } {
  const end = parseInstant(to);
  return { from: parseInstant(from), to: end === undefined ? undefined : end + 1000 };
}
