import {
  ApiProperty,
  ApiPropertyOptional,
  IntersectionType,
  OmitType,
  PartialType,
  PickType,
} from '@nestjs/swagger';
import { instant, optional, textThat } from '../../shared/http/checks.js';
import { PageQueryDto } from '../../shared/http/paging.js';
import { Checked, typeInWords } from '../../shared/http/validation.js';
import {
  faultOf,
  toUserId,
  type Customer,
  type CustomerDetails,
  type CustomerField,
} from '../domain/customer.js';
import { isSearchable, SEARCH_LENGTH } from './customer.entity.js';

/** The names that the API has for the fields of a customer, in the order of its answers. */
export const WIRE_NAMES = {
  name: 'Name',
  address: 'Address',
  email: 'Email',
  phoneNumber: 'PhoneNumber',
  altPhoneNumber: 'AltPhoneNumber',
  userId: 'UserID',
} as const satisfies Record<CustomerField, string>;

/** The names of a customer's members, in the order of answers. */
export const COLUMNS = ['id', ...Object.values(WIRE_NAMES)];

const FIELDS = Object.keys(WIRE_NAMES) as CustomerField[];

/** Checks a member by the domain's rule for `field`. */
function IsCustomerField(field: CustomerField): PropertyDecorator {
  return Checked((value) => {
    if (value === undefined) return 'is required';
    if (value !== null && typeof value !== 'string') return `must be a string, not ${typeInWords(value)}`;
    return faultOf(field, value);
  });
}

/** A full update: all six fields, changed or not. */
export class ReplaceCustomerDto {
  @ApiProperty({
    example: 'Trisul',
    minLength: 1,
    maxLength: 255,
    description: 'Not blank, no control characters',
  })
  @IsCustomerField('name')
  Name!: string;

  @ApiProperty({
    example: 'Chennai',
    type: String,
    nullable: true,
    maxLength: 1024,
    description: 'Line breaks are allowed',
  })
  @IsCustomerField('address')
  Address!: string | null;

  @ApiProperty({ example: 'demo@gmail.com', type: String, nullable: true, maxLength: 254 })
  @IsCustomerField('email')
  Email!: string | null;

  @ApiProperty({
    example: '1234567890',
    type: String,
    nullable: true,
    maxLength: 64,
    pattern: '^[\\d +\\-().,/;]*$',
  })
  @IsCustomerField('phoneNumber')
  PhoneNumber!: string | null;

  @ApiProperty({
    example: '9999999999',
    type: String,
    nullable: true,
    maxLength: 64,
    pattern: '^[\\d +\\-().,/;]*$',
  })
  @IsCustomerField('altPhoneNumber')
  AltPhoneNumber!: string | null;

  @ApiProperty({
    example: 'B68t19',
    minLength: 1,
    maxLength: 128,
    description:
      'Unique in the context, case-sensitive, compared in Unicode NFC; no control characters, ' +
      'no space at the beginning or the end',
  })
  @IsCustomerField('userId')
  UserID!: string;
}

/** A partial update: any of the fields, one at least. */
export class ChangeCustomerDto extends PartialType(ReplaceCustomerDto, { skipNullProperties: false }) {}

/** A new customer: UserID and Name, and what else is known. */
export class CreateCustomerDto extends IntersectionType(
  PickType(ReplaceCustomerDto, ['UserID', 'Name']),
  PartialType(OmitType(ReplaceCustomerDto, ['UserID', 'Name']), { skipNullProperties: false }),
) {}

/** Lists only the customers whose fields equal these. */
export class CustomerFilterDto extends PartialType(ReplaceCustomerDto, { skipNullProperties: false }) {}

/** What the query string of a list may hold. */
export class ListQueryDto extends IntersectionType(CustomerFilterDto, PageQueryDto) {
  @ApiPropertyOptional({
    maxLength: SEARCH_LENGTH,
    description: 'The start of UserID or PhoneNumber or, without regard to case, of Name or Email',
  })
  @Checked(
    optional(
      textThat((text) => text !== '' && isSearchable(text), `must have 1 to ${SEARCH_LENGTH} characters`),
    ),
  )
  search?: string;

  @ApiPropertyOptional({
    example: '2026-11-24T00:00:00+05:30',
    description: 'Created or changed at this time or later: Unix seconds, or ISO 8601 with an offset',
  })
  @Checked(optional(instant))
  updated_since?: string;
}

/** Which version of a customer is asked for. */
export class VersionQueryDto {
  @ApiPropertyOptional({
    example: '2026-11-24T00:00:00+05:30',
    description:
      'What the register said at this moment, deleted customers included: Unix seconds, or ISO 8601 with an offset',
  })
  @Checked(optional(instant))
  recorded_at?: string;
}

/** A customer as the API answers it. */
export class CustomerDto extends ReplaceCustomerDto {
  @ApiProperty({ type: 'integer', example: 5, description: 'Assigned by the register' })
  id!: number;
}

/** The fields that a request gave, under the names of the domain. */
export function toFields(dto: ChangeCustomerDto): Partial<CustomerDetails> {
  const given = FIELDS.filter((field) => dto[WIRE_NAMES[field]] !== undefined);
  const fields = Object.fromEntries(given.map((field) => [field, dto[WIRE_NAMES[field]]]));
  return dto.UserID === undefined ? fields : { ...fields, userId: toUserId(dto.UserID) };
}

/** A new customer's fields: what was not given is null. */
export function toDetails({ UserID, Name, ...dto }: CreateCustomerDto): CustomerDetails {
  return {
    userId: toUserId(UserID),
    name: Name,
    address: dto.Address ?? null,
    email: dto.Email ?? null,
    phoneNumber: dto.PhoneNumber ?? null,
    altPhoneNumber: dto.AltPhoneNumber ?? null,
  };
}

export function toDto(customer: Customer): CustomerDto {
  return {
    id: customer.id,
    Name: customer.name,
    Address: customer.address,
    Email: customer.email,
    PhoneNumber: customer.phoneNumber,
    AltPhoneNumber: customer.altPhoneNumber,
    UserID: customer.userId,
  };
}
