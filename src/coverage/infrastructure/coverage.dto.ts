import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { WIRE_NAMES } from '../../customers/infrastructure/customer.dto.js';
import { IpNetwork } from '../../ip-mappings/domain/ip-network.js';
import { accepted, instant, optional, text } from '../../shared/http/checks.js';
import { Checked } from '../../shared/http/validation.js';
import { toAddressText } from '../../shared/ip-address.js';
import type { DoubtfulCustomer } from '../application/coverage.service.js';
import { NEEDED, NUMBERS } from '../domain/doubts.js';
import type { Gap } from '../domain/gaps.js';

export class CoverageQueryDto {
  @ApiProperty({ example: '203.0.113.0/24', description: 'A network of the provider: an address or CIDR' })
  @Checked(text((value) => accepted(() => IpNetwork.parse(value))))
  prefix!: string;

  @ApiPropertyOptional({
    example: 1735669800,
    description: 'The first second: Unix seconds, or ISO 8601 with an offset; left out = `to`',
  })
  @Checked(optional(instant))
  from?: string;

  @ApiPropertyOptional({ example: 1767205799, description: 'The last second, inclusive; left out = now' })
  @Checked(optional(instant))
  to?: string;
}

class DoubtfulCustomerDto {
  @ApiProperty({ type: 'integer' })
  id!: number;
  @ApiProperty()
  UserID!: string;
  @ApiProperty({
    isArray: true,
    enum: ['ipsubnet', ...NEEDED.map((field) => WIRE_NAMES[field])],
    description: 'Missing data; `ipsubnet` = the customer held no address during the period',
  })
  missing!: string[];
  @ApiProperty({
    isArray: true,
    enum: NUMBERS.map((field) => WIRE_NAMES[field]),
    description: "Numbers that can't be real, such as 9999999999",
  })
  placeholders!: string[];
}

class GapDto {
  @ApiProperty({ example: '203.0.113.0' })
  first!: string;
  @ApiProperty({ example: '203.0.113.6' })
  last!: string;
  @ApiProperty({ type: 'integer', description: 'The first second' })
  starttime!: number;
  @ApiProperty({ type: 'integer', description: 'The last second, inclusive' })
  endtime!: number | null;
}

/** What the register can't answer. */
export class CoverageDto {
  @ApiProperty({ example: '203.0.113.0/24', description: 'The network in canonical form' })
  prefix!: string;
  @ApiProperty({ type: 'integer', description: 'Unix seconds' })
  from!: number;
  @ApiProperty({ type: 'integer', description: 'Unix seconds, inclusive' })
  to!: number;
  @ApiProperty({
    type: [DoubtfulCustomerDto],
    description:
      'The customers who held no address of any prefix during the period, or whose current data is incomplete; by id',
  })
  customers!: DoubtfulCustomerDto[];
  @ApiProperty({ type: [GapDto], description: 'Addresses that nobody held, in ascending order' })
  gaps!: GapDto[];
}

export function toDoubtDto(doubtful: DoubtfulCustomer): DoubtfulCustomerDto {
  const { customer, isMapped, missing, placeholders } = doubtful;
  return {
    id: customer.id,
    UserID: customer.userId,
    missing: [...(isMapped ? [] : ['ipsubnet']), ...missing.map((field) => WIRE_NAMES[field])],
    placeholders: placeholders.map((field) => WIRE_NAMES[field]),
  };
}

/** One object per period. */
export function toGapDtos({ first, last, periods }: Gap): GapDto[] {
  const range = { first: toAddressText(first), last: toAddressText(last) };
  return periods.map((period) => ({ ...range, ...period.toWire() }));
}
