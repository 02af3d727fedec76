import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { CustomerDto, toDto } from '../../customers/infrastructure/customer.dto.js';
import { MappingDto, toMappingDto } from '../../ip-mappings/infrastructure/ip-mapping.dto.js';
import { optional, textThat } from '../../shared/http/checks.js';
import { PageQueryDto, startOfFour, toCursor } from '../../shared/http/paging.js';
import { Checked } from '../../shared/http/validation.js';
import { formatMoment } from '../../shared/instant.js';
import type { ChangeMade } from '../../versions/domain/version.js';
import { CHANGES } from '../../versions/infrastructure/version.dto.js';
import { BEGINNING, type Place, type PlacedChange } from '../application/changes.service.js';

const MAX_WAIT = 60;

export class ChangesQueryDto extends PageQueryDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: MAX_WAIT,
    description: 'How many seconds to wait for a change if there is none yet',
  })
  @Checked(
    optional(
      textThat(
        (text) => /^\d{1,2}$/.test(text) && +text <= MAX_WAIT,
        `must be a whole number from 0 to ${MAX_WAIT}`,
      ),
    ),
  )
  wait?: string;
}

export class ChangeDto {
  @ApiProperty({ description: 'Send it as `after` to continue after this change' })
  cursor!: string;
  @ApiProperty({ example: '2026-11-24T08:48:06.123Z' })
  at!: string;
  @ApiProperty({ enum: CHANGES })
  change!: ChangeMade;
  @ApiPropertyOptional({ description: 'The state after the change; before it, for a deletion' })
  customer?: CustomerDto;
  @ApiPropertyOptional({ description: 'Likewise, if a mapping changed' })
  mapping?: MappingDto;
}

export function toChangeDto(change: PlacedChange): ChangeDto {
  return {
    cursor: toCursor(...numbersOf(change.place)),
    at: formatMoment(change.state.updatedAt),
    change: change.change,
    ...(change.kind === 'customer'
      ? { customer: toDto(change.state) }
      : { mapping: toMappingDto(change.state) }),
  };
}

/** A place in the feed, as the numbers of a cursor. */
export function numbersOf({ block, customer, mapping, check }: Place): [number, number, number, number] {
  return [block, customer, mapping, check];
}

/** The place of the client's cursor. @throws RegisterError `validation_failed` if it belongs to another list */
export function startOfFeed(query: ChangesQueryDto): Place {
  const numbers = startOfFour(query);
  if (numbers === undefined) return BEGINNING;
  const [block, customer, mapping, check] = numbers;
  return { block, customer, mapping, check };
}
