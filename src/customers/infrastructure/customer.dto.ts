import type { Type } from '@nestjs/common';
import {
  ApiProperty,
  ApiPropertyOptional,
  IntersectionType,
  OmitType,
  PartialType,
  PickType,
  type ApiPropertyOptions,
} from '@nestjs/swagger';
import { instant, optional, textThat } from '../../shared/http/checks.js';
import { PageQueryDto } from '../../shared/http/paging.js';
import { Checked, typeInWords } from '../../shared/http/validation.js';
import {
  CUSTOMER_FIELDS,
  faultOf,
  FIELDS,
  type CustomerField,
  type FieldDescriptor,
  type FieldValue,
} from '../domain/customer-fields.js';
import { toUserId, type Customer, type CustomerFields } from '../domain/customer.js';
import { isSearchable, SEARCH_LENGTH } from './customer.entity.js';

type Descriptors = typeof CUSTOMER_FIELDS;
type WireNames = { readonly [Field in CustomerField]: Descriptors[Field]['wireName'] };
type Members = { [Field in CustomerField as WireNames[Field]]: FieldValue<Field> };

/** The API's names of a customer's fields, in the order of its answers. */
export const WIRE_NAMES = Object.fromEntries(
  FIELDS.map((field) => [field, CUSTOMER_FIELDS[field].wireName]),
) as WireNames;

const MEMBERS = Object.values(WIRE_NAMES);

/** The same names, but with UserID first. */
export const MEMBERS_BY_USER_ID = ['UserID', ...MEMBERS.filter((name) => name !== 'UserID')] as const;

/** The names of a customer's members, in the order of answers. */
export const COLUMNS = ['id', ...MEMBERS];

/** A customer for the examples of the OpenAPI document. */
export const EXAMPLE = Object.fromEntries(
  FIELDS.map((field) => [WIRE_NAMES[field], CUSTOMER_FIELDS[field].example]),
);

/** Checks a member by the domain's rule for `field`. */
function IsCustomerField(field: CustomerField): PropertyDecorator {
  return Checked((value) => {
    if (value === undefined) return 'is required';
    if (value !== null && typeof value !== 'string') return `must be a string, not ${typeInWords(value)}`;
    return faultOf(field, value);
  });
}

function documentationOf(field: CustomerField): ApiPropertyOptions {
  const { example, isRequired, maxLength, kind, description }: FieldDescriptor = CUSTOMER_FIELDS[field];
  return {
    example,
    type: String,
    ...(isRequired ? { minLength: 1 } : { nullable: true }),
    maxLength,
    ...(kind.pattern !== undefined && { pattern: kind.pattern }),
    ...(description !== undefined && { description }),
  };
}

/** A DTO with every field of a customer, documented and checked. */
const CustomerMembers = class {} as Type<Members>;

for (const field of FIELDS) {
  const member = [CustomerMembers.prototype as object, WIRE_NAMES[field]] as const;
  ApiProperty(documentationOf(field))(...member);
  IsCustomerField(field)(...member);
}

/** The same, but only the `required` fields must be present. */
function membersOf(required: (descriptor: FieldDescriptor) => boolean): Type<Partial<Members>> {
  const names = FIELDS.filter((field) => required(CUSTOMER_FIELDS[field])).map((field) => WIRE_NAMES[field]);
  return IntersectionType(
    PickType(CustomerMembers, names),
    PartialType(OmitType(CustomerMembers, names), { skipNullProperties: false }),
  );
}

/** A full update: requires the six fields of the reference. A field added since keeps its value if left out. */
export class ReplaceCustomerDto extends membersOf(({ isInReference }) => isInReference) {}

/** A partial update: any of the fields. */
export class ChangeCustomerDto extends membersOf(() => false) {}

/** A new customer: only UserID and Name are required. */
export class CreateCustomerDto extends membersOf(({ isRequired }) => isRequired) {}

/** Lists only the customers whose fields equal these. */
export class CustomerFilterDto extends membersOf(() => false) {}

/** The query string of a list. */
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

/** The version of a customer to read. */
export class VersionQueryDto {
  @ApiPropertyOptional({
    example: '2026-11-24T00:00:00+05:30',
    description:
      'Answer what the register said at this moment, even of a customer deleted since: Unix seconds, or ISO 8601 with an offset',
  })
  @Checked(optional(instant))
  recorded_at?: string;
}

/** A customer as the API answers it. */
export class CustomerDto extends CustomerMembers {
  @ApiProperty({ type: 'integer', example: 5, description: 'Assigned by the register' })
  id!: number;
}

/** The fields in a request, with the domain's names. */
export function toFields(dto: Partial<Members>): Partial<CustomerFields> {
  const given = FIELDS.filter((field) => dto[WIRE_NAMES[field]] !== undefined);
  const fields = Object.fromEntries(given.map((field) => [field, dto[WIRE_NAMES[field]]]));
  return dto.UserID === undefined ? fields : { ...fields, userId: toUserId(dto.UserID) };
}

const ALL_NULL = Object.fromEntries(FIELDS.map((field) => [field, null]));

/** The fields of a new customer; null for what the request left out. */
export function toNewFields(dto: CreateCustomerDto): CustomerFields {
  return { ...ALL_NULL, ...toFields(dto) } as CustomerFields;
}

const LITERAL = FIELDS.map((field) => `${WIRE_NAMES[field]}: customer.${field}`).join(', ');

/** Compiled once, since lists call it for each row: JavaScript makes a literal faster than a loop sets members. */
// eslint-disable-next-line @typescript-eslint/no-implied-eval -- the text holds nothing but names from CUSTOMER_FIELDS
export const toDto = new Function('customer', `return { id: customer.id, ${LITERAL} }`) as (
  customer: Customer,
) => CustomerDto;
