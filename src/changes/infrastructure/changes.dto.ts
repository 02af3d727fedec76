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
    description: 'How many seconds to wait for the first change, if there is none yet',
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

/** A change, for those who follow along. */
export class ChangeDto {
  @ApiProperty({ description: 'To be sent as `after`, to go on behind this change' })
  cursor!: string;
  @ApiProperty({ example: '2026-11-24T08:48:06.123Z' })
  at!: string;
  @ApiProperty({ enum: CHANGES })
  change!: ChangeMade;
  @ApiPropertyOptional({ description: 'As it was from then on; of a deletion, as it was until then' })
  customer?: CustomerDto;
  @ApiPropertyOptional({ description: 'The same, where it is a mapping that was changed' })
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

/** Where the client has come to. @throws RegisterError `validation_failed` if the cursor is one of another list */
export function startOfFeed(query: ChangesQueryDto): Place {
  const numbers = startOfFour(query);
  if (numbers === undefined) return BEGINNING;
  const [block, customer, mapping, check] = numbers;
  return { block, customer, mapping, check };
}
