import { ApiProperty } from '@nestjs/swagger';
import { toVersionDto, VersionDto } from '../../versions/infrastructure/version.dto.js';
import type { RecordedVersion } from '../../versions/domain/version.js';
import type { Customer } from '../domain/customer.js';
import { CustomerDto, MEMBERS_BY_USER_ID, toDto } from './customer.dto.js';

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
  @ApiProperty({ type: [FieldChangeDto], description: 'What changed; empty for a creation or deletion' })
  changes!: FieldChangeDto[];
  @ApiProperty({ description: 'The customer after the change; before it, for a deletion' })
  customer!: CustomerDto;
}

export function toCustomerVersionDto(version: RecordedVersion<Customer>): CustomerVersionDto {
  return toVersionDto(version, 'customer', toDto, MEMBERS_BY_USER_ID);
}
