import {
  ApiExtraModels,
  ApiProperty,
  ApiPropertyOptional,
  getSchemaPath,
  IntersectionType,
  OmitType,
  PartialType,
} from '@nestjs/swagger';
import { CustomerDto, toDto } from '../../customers/infrastructure/customer.dto.js';
import { IpAddress } from '../../ip-mappings/domain/ip-network.js';
import { MappingDto, toMappingDto } from '../../ip-mappings/infrastructure/ip-mapping.dto.js';
import type { FieldFault } from '../../shared/errors.js';
import {
  accepted,
  INSTANT,
  instant,
  optional,
  text,
  textThat,
  type Check,
} from '../../shared/http/checks.js';
import { FieldErrorDto } from '../../shared/http/documented.js';
import { Checked, typeInWords, unknownMembers } from '../../shared/http/validation.js';
import { parseInstant } from '../../shared/instant.js';
import { toSecond } from '../../ip-mappings/infrastructure/period.dto.js';
import type { Held, Inquiry, Query } from '../application/lookup.service.js';

export const MAX_QUERIES = 10_000;
/** How many unknown members of one query are reported: there may be thousands of queries. */
const MAX_FAULTS = 5;

const address: Check = text((value) => accepted(() => IpAddress.parse(value)));

function freeText(max: number): Check {
  const fits = (value: string): boolean =>
    value.isWellFormed() && [...value].length <= max && !/[^\P{Cc}\t\r\n]/u.test(value);
  return optional(textThat(fits, `must be text of at most ${max} characters, without control characters`));
}

/** The members of a look-up besides its queries. */
export class InquiryDto {
  @ApiPropertyOptional({
    ...INSTANT,
    example: '2026-11-24T00:00:00+05:30',
    description:
      'Answer what the register said at this instant: Unix seconds (the beginning of that second), or ISO 8601 with an ' +
      'offset, to the millisecond; left out = now',
  })
  @Checked(optional(instant))
  recorded_at?: number | string;

  @ApiPropertyOptional({ example: 'FIR 123/2026', maxLength: 255, description: 'Kept in the audit trail' })
  @Checked(freeText(255))
  case_reference?: string;

  @ApiPropertyOptional({
    example: 'Request under section 94',
    maxLength: 1024,
    description: 'Kept in the audit trail',
  })
  @Checked(freeText(1024))
  purpose?: string;
}

class QueryDto {
  @ApiProperty({ example: '203.0.113.7', description: 'A single IPv4 or IPv6 address' })
  @Checked(address)
  ip!: string;

  @ApiPropertyOptional({
    ...INSTANT,
    example: 1735669800,
    description:
      'Unix seconds, or ISO 8601 with an offset; left out = now. The holder has the data of the end of that second',
  })
  @Checked(optional(instant))
  time?: number | string;
}

/** One address at one second; members of a GET may be in the query string or in the body. */
export class LookupDto extends IntersectionType(
  PartialType(QueryDto, { skipNullProperties: false }),
  InquiryDto,
) {}

const queries: Check = (value) => {
  if (!Array.isArray(value)) return `must be an array, not ${typeInWords(value)}`;
  return value.length > MAX_QUERIES ? `must contain at most ${MAX_QUERIES} queries` : undefined;
};

/** One address, or many. */
@ApiExtraModels(QueryDto)
export class LookupsDto extends LookupDto {
  @ApiPropertyOptional({
    type: 'array',
    items: { $ref: getSchemaPath(QueryDto) },
    maxItems: MAX_QUERIES,
    description: 'Many queries, instead of `ip` and `time`',
  })
  @Checked(optional(queries))
  queries?: unknown[];
}

export class LookupHistoryDto extends OmitType(InquiryDto, ['recorded_at']) {
  @ApiPropertyOptional({ example: '203.0.113.7' })
  @Checked(optional(address))
  ip?: string;

  @ApiPropertyOptional({
    ...INSTANT,
    example: 1735669800,
    description: 'From this second on; left out = from the beginning',
  })
  @Checked(optional(instant))
  from?: number | string;

  @ApiPropertyOptional({
    ...INSTANT,
    example: 1767205799,
    description: 'Through this second; left out = no end',
  })
  @Checked(optional(instant))
  to?: number | string;
}

/** A customer, with the data that it had at the time of the query. */
export class HolderDto extends CustomerDto {
  @ApiPropertyOptional({ enum: [true], description: 'Present if the customer was deleted since' })
  deleted?: true;
}

/** A holder and its mapping. */
export class HeldDto {
  @ApiProperty({
    type: HolderDto,
    nullable: true,
    description: 'With the data that it had then; null = nobody',
  })
  holder!: HolderDto | null;
  @ApiProperty({ type: MappingDto, nullable: true, description: 'The most specific one' })
  mapping!: MappingDto | null;
}

export class LookupAnswerDto extends HeldDto {
  @ApiProperty({ example: '203.0.113.7', description: 'As given' })
  ip!: string;
  @ApiProperty({ type: 'integer', example: 1735669800, description: 'Unix seconds' })
  time!: number;
}

class QueryErrorDto {
  @ApiProperty({ enum: ['ERROR'] })
  status!: string;
  @ApiProperty({ enum: ['validation_failed'] })
  code!: string;
  @ApiProperty({ example: 'ip must have four octets, such as 192.0.2.1' })
  message!: string;
  @ApiProperty({ type: [FieldErrorDto], description: 'One entry for each member at fault' })
  errors!: FieldFault[];
}

/** The answers to many queries, in the same order. */
@ApiExtraModels(LookupAnswerDto, QueryErrorDto)
export class LookupResultsDto {
  @ApiProperty({
    type: 'array',
    items: { oneOf: [{ $ref: getSchemaPath(LookupAnswerDto) }, { $ref: getSchemaPath(QueryErrorDto) }] },
    description: 'A bad query has its error in its place',
  })
  results!: (LookupAnswerDto | QueryErrorDto)[];
}

/** A query as sent, parsed or with its faults. */
export interface SentQuery {
  readonly ip: string;
  readonly time: string;
  readonly query: Query | undefined;
  readonly faults: readonly FieldFault[];
}

/** Parses one query of many. */
export function toSentQuery(sent: unknown): SentQuery {
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) {
    const message = `must be an object with ip and time, not ${typeInWords(sent)}`;
    return { ip: '', time: '', query: undefined, faults: [{ field: 'query', message }] };
  }
  const { ip, time, ...others } = sent as Record<string, unknown>;
  const checked = [
    { field: 'ip', message: address(ip) },
    { field: 'time', message: optional(instant)(time) },
  ];
  const faults = [
    ...checked.filter((each): each is FieldFault => each.message !== undefined),
    ...unknownMembers(Object.keys(others).slice(0, MAX_FAULTS)),
  ];
  const texts = { ip: toText(ip), time: toText(time) };
  return { ...texts, faults, query: faults.length === 0 ? toQuery(texts.ip, time) : undefined };
}

function toText(sent: unknown): string {
  return typeof sent === 'string' || typeof sent === 'number' ? String(sent) : '';
}

/** @param time accepted by `instant`; undefined = now */
export function toQuery(ip: string, time: unknown): Query {
  return { address: IpAddress.parse(ip), second: toSecond(time) };
}

export function toInquiry(dto: InquiryDto): Inquiry {
  return { recordedAt: parseInstant(dto.recorded_at), sent: dto };
}

export function toHeldDto(held: Held | undefined): HeldDto {
  if (held === undefined) return { holder: null, mapping: null };
  const { holder, mapping } = held;
  return {
    holder: { ...toDto(holder), ...(holder.isDeleted ? { deleted: true as const } : {}) },
    mapping: toMappingDto(mapping),
  };
}

export function toErrorDto(faults: readonly FieldFault[]): QueryErrorDto {
  const message = faults.map(({ field, message: fault }) => `${field} ${fault}`).join('; ');
  return { status: 'ERROR', code: 'validation_failed', message, errors: [...faults] };
}
