import { ApiProperty } from '@nestjs/swagger';
import { toVersionDto, VersionDto } from '../../versions/infrastructure/version.dto.js';
import type { RecordedVersion } from '../../versions/domain/version.js';
import type { Customer } from '../domain/customer.js';
import { CustomerDto, toDto, WIRE_NAMES } from './customer.dto.js';
import { FIELDS } from './customer.entity.js';

const MEMBERS = FIELDS.map((field) => WIRE_NAMES[field]);

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
