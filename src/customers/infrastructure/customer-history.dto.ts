import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { optional, textThat } from '../../shared/http/checks.js';
import { PageQueryDto, startOfFour, toCursor } from '../../shared/http/paging.js';
import { Checked } from '../../shared/http/validation.js';
import { formatMoment } from '../../shared/instant.js';
import { MappingDto, toMappingDto } from '../../ip-mappings/infrastructure/ip-mapping.dto.js';
import { BEGINNING, type Change, type FeedPlace } from '../application/customer-history.service.js';
import type { ChangeMade, CustomerVersion } from '../application/customer-version.repository.js';
import { changedFields } from '../domain/customer.js';
import { CustomerDto, toDto, WIRE_NAMES } from './customer.dto.js';

const CHANGES = ['created', 'updated', 'deleted'] as const satisfies readonly ChangeMade[];
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
export class CustomerVersionDto {
  @ApiProperty({ example: '2026-11-24T08:48:06.123Z', description: 'From when on it was in the register' })
  recorded_at!: string;
  @ApiProperty({ enum: CHANGES })
  change!: ChangeMade;
  @ApiProperty({ type: String, nullable: true, description: 'null = from before there was a history' })
  user!: string | null;
  @ApiProperty({ type: 'integer', nullable: true })
  token_id!: number | null;
  @ApiProperty({ type: String, nullable: true, description: 'The label of the token, as it was' })
  token!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Where the client was', example: '203.0.113.7' })
  address!: string | null;
  @ApiProperty({ type: [FieldChangeDto], description: 'What changed; nothing on creation and deletion' })
  changes!: FieldChangeDto[];
  @ApiProperty({ description: 'As it was from then on; of a deletion, as it was until then' })
  customer!: CustomerDto;
}

export function toVersionDto(version: CustomerVersion): CustomerVersionDto {
  const { change, customer, before, userName, tokenId, tokenLabel, address } = version;
  const fields = before === undefined || change !== 'updated' ? [] : changedFields(before, customer);
  return {
    recorded_at: formatMoment(customer.updatedAt),
    change,
    user: userName,
    token_id: tokenId,
    token: tokenLabel,
    address,
    changes: fields.map((field) => ({
      field: WIRE_NAMES[field],
      from: before?.[field] ?? null,
      to: customer[field],
    })),
    customer: toDto(customer),
  };
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
