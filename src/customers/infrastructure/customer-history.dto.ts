import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { optional, textThat } from '../../shared/http/checks.js';
import { PageQueryDto, toCursor } from '../../shared/http/paging.js';
import { Checked } from '../../shared/http/validation.js';
import { formatMoment } from '../../shared/instant.js';
import type { Change, CustomerChange, CustomerVersion } from '../application/customer-version.repository.js';
import { changedFields } from '../domain/customer.js';
import { CustomerDto, toDto, WIRE_NAMES } from './customer.dto.js';

const CHANGES = ['created', 'updated', 'deleted'] as const satisfies readonly Change[];
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
  change!: Change;
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
export class CustomerChangeDto {
  @ApiProperty({ description: 'To be sent as `after`, to go on behind this change' })
  cursor!: string;
  @ApiProperty({ example: '2026-11-24T08:48:06.123Z' })
  at!: string;
  @ApiProperty({ enum: CHANGES })
  change!: Change;
  @ApiProperty({ description: 'As it was from then on; of a deletion, as it was until then' })
  customer!: CustomerDto;
}

export function toChangeDto({ block, id, change, customer }: CustomerChange): CustomerChangeDto {
  return {
    cursor: toCursor(block, id),
    at: formatMoment(customer.updatedAt),
    change,
    customer: toDto(customer),
  };
}
