import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { optional, textThat } from '../../shared/http/checks.js';
import { PageQueryDto, startOfFour, toCursor } from '../../shared/http/paging.js';
import { Checked } from '../../shared/http/validation.js';
import { CHANGES, toVersionDto, VersionDto } from '../../shared/http/version.dto.js';
import { formatMoment } from '../../shared/instant.js';
import type { ChangeMade, RecordedVersion } from '../../shared/version.js';
import { MappingDto, toMappingDto } from '../../ip-mappings/infrastructure/ip-mapping.dto.js';
import { BEGINNING, type Change, type FeedPlace } from '../application/customer-history.service.js';
import type { Customer } from '../domain/customer.js';
import { CustomerDto, toDto, WIRE_NAMES } from './customer.dto.js';
import { FIELDS } from './customer.entity.js';

const MEMBERS = FIELDS.map((field) => WIRE_NAMES[field]);
const MAX_WAIT = 60;

export class FieldChangeDto {
  @ApiProperty({ example: 'Address' })
  field!: string;
  @ApiProperty({ type: String, nullable: true, example: 'Chennai' })
  from!: string | null;
  @ApiProperty({ type: String, nullable: true, example: 'Partially Updated' })
  to!: string | null;
}

/** A version of a customer. */
export class CustomerVersionDto extends VersionDto {
  @ApiProperty({ type: [FieldChangeDto], description: 'What changed; nothing on creation and deletion' })
  changes!: FieldChangeDto[];
  @ApiProperty({ description: 'As it was from then on; of a deletion, as it was until then' })
  customer!: CustomerDto;
}

export function toCustomerVersionDto(version: RecordedVersion<Customer>): CustomerVersionDto {
  return toVersionDto(version, 'customer', toDto, MEMBERS);
}

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

export function toChangeDto(change: Change): ChangeDto {
  const { updatedAt } = 'customer' in change ? change.customer : change.mapping;
  return {
    cursor: toCursor(...numbersOf(change.place)),
    at: formatMoment(updatedAt),
    change: change.change,
    ...('customer' in change
      ? { customer: toDto(change.customer) }
      : { mapping: toMappingDto(change.mapping) }),
  };
}

/** A place in the feed, as the numbers of a cursor. */
export function numbersOf({ block, customer, mapping, check }: FeedPlace): [number, number, number, number] {
  return [block, customer, mapping, check];
}

/** Where the client has come to. @throws RegisterError `validation_failed` if the cursor is one of another list */
export function startOfFeed(query: ChangesQueryDto): FeedPlace {
  const numbers = startOfFour(query);
  if (numbers === undefined) return BEGINNING;
  const [block, customer, mapping, check] = numbers;
  return { block, customer, mapping, check };
}
