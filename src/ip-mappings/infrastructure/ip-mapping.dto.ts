import {
  ApiProperty,
  ApiPropertyOptional,
  IntersectionType,
  OmitType,
  PartialType,
  PickType,
} from '@nestjs/swagger';
import { accepted, optional, text, type Check } from '../../shared/http/checks.js';
import { PageQueryDto } from '../../shared/http/paging.js';
import { Checked, typeInWords } from '../../shared/http/validation.js';
import type { ListedMapping } from '../application/ip-mapping.repository.js';
import type { MappingFields } from '../application/ip-mappings.service.js';
import type { Reassignment } from '../application/reassignment.service.js';
import { toTerminalId, type RecordedMapping } from '../domain/ip-mapping.js';
import { IpNetwork } from '../domain/ip-network.js';
import { parseWireTime } from '../domain/validity.js';

const TIME = { oneOf: [{ type: 'integer' }, { type: 'string', pattern: '^\\d*$' }] };

const network = text((value) => accepted(() => IpNetwork.parse(value)));
const time: Check = (value) => accepted(() => parseWireTime(value));
/** A required time: null and '' count as missing. */
const requiredTime: Check = (value) =>
  value === undefined || value === null || value === '' ? 'is required; 0 = always' : time(value);
const terminalId: Check = (value) =>
  value === null ? undefined : text((given) => accepted(() => toTerminalId(given)))(value);
export const mappingId: Check = (value) => {
  const isText = typeof value === 'string';
  if (!isText && typeof value !== 'number') return `must be a whole number, not ${typeInWords(value)}`;
  return /^\d{1,15}$/.test(String(value)) ? undefined : 'must be a whole number';
};

const userId = text((value) => (value === '' ? 'must not be empty' : undefined));

class MappingFieldsDto {
  @ApiProperty({
    example: '192.168.1.25/16',
    maxLength: 64,
    description:
      'An IPv4 or IPv6 address, or CIDR. Host bits may be set: the network counts, and the text comes back as given. ' +
      'No octets with leading zeros, no zone ids, no /0',
  })
  @Checked(network)
  ipsubnet!: string;

  @ApiProperty({
    ...TIME,
    example: 1723431899,
    description: 'The first second: Unix seconds, as an integer or in digits; 0 = always',
  })
  @Checked(requiredTime)
  starttime!: number | string;

  @ApiProperty({
    oneOf: [...TIME.oneOf, { type: 'null' }],
    example: 1723444899,
    description: 'The last second, inclusive; null or "" = still open',
  })
  @Checked(optional(time))
  endtime?: number | string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'TERM12345',
    maxLength: 64,
    description: 'The provider\'s name for the equipment; null or "" = none',
  })
  @Checked(optional(terminalId))
  terminalid?: string | null;
}

/** A new mapping of the customer in the path. */
export class CreateOwnMappingDto extends IntersectionType(
  PickType(MappingFieldsDto, ['ipsubnet', 'starttime']),
  PartialType(OmitType(MappingFieldsDto, ['ipsubnet', 'starttime']), { skipNullProperties: false }),
) {}

/** A new mapping. */
export class CreateMappingDto extends CreateOwnMappingDto {
  @ApiProperty({ example: 'U1001', description: 'The customer that holds it' })
  @Checked(userId)
  UserID!: string;
}

/** Changes of a mapping: at least one of the members. */
export class ChangeOwnMappingDto extends PartialType(MappingFieldsDto, { skipNullProperties: false }) {}

/** Selects one of the customer's mappings. */
export class WhichMappingDto {
  @ApiPropertyOptional({
    type: 'integer',
    example: 7,
    description: 'The mapping; required if the customer has several',
  })
  @Checked(optional(mappingId))
  id?: number | string;

  @ApiPropertyOptional({ example: 'U1001', description: 'As in the path; may be left out' })
  @Checked(optional(userId))
  UserID?: string;
}

export class ChangeMappingDto extends IntersectionType(ChangeOwnMappingDto, WhichMappingDto) {}

/** Narrows a list of mappings. */
export class MappingFilterDto {
  @ApiPropertyOptional({ example: 'U1001', description: 'Only the mappings of this customer' })
  @Checked(optional(userId))
  UserID?: string;
}

export class ListMappingsQueryDto extends IntersectionType(MappingFilterDto, PageQueryDto) {}

/** The new holder of a network, and since when. */
export class ReassignDto {
  @ApiProperty({ example: 'U1002', description: 'The new holder' })
  @Checked(userId)
  UserID!: string;

  @ApiProperty({ ...TIME, example: 1735669800, description: "The new holder's first second" })
  @Checked(requiredTime)
  starttime!: number | string;
}

export class ReassignQueryDto {
  @ApiPropertyOptional({
    enum: ['true', 'false'],
    description: 'true = answer what would change, but change nothing',
  })
  @Checked(optional((value) => (value === 'true' || value === 'false' ? undefined : 'must be true or false')))
  dry_run?: string;
}

/** A mapping as the API answers it. */
export class MappingDto {
  @ApiProperty({ type: 'integer', example: 7, description: 'Assigned by the register' })
  id!: number;
  @ApiProperty({ type: 'integer', example: 5, description: 'The id of the customer that holds it' })
  ipdr_customer_id!: number;
  @ApiProperty({ example: '192.168.1.25/16', description: 'As given' })
  ipsubnet!: string;
  @ApiProperty({ type: 'integer', example: 1723431899, description: 'Unix seconds; 0 = always' })
  starttime!: number;
  @ApiProperty({
    type: 'integer',
    nullable: true,
    example: 1723444899,
    description: 'Unix seconds, inclusive; null = still open',
  })
  endtime!: number | null;
  @ApiProperty({ example: 'TERM12345' })
  terminalid!: string;
}

class AnswerChangeDto {
  @ApiProperty({ example: '192.168.1.25/16' })
  ipsubnet!: string;
  @ApiProperty({ type: 'integer', example: 1735669800, description: 'From this second' })
  starttime!: number;
  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Through this second; null = no end',
  })
  endtime!: number | null;
  @ApiProperty({ example: 'U1001', description: 'The UserID that look-ups answered before' })
  from!: string;
  @ApiProperty({ example: 'U1002', description: 'The UserID that they answer now' })
  to!: string;
}

/** What a reassignment did, or would do. */
export class ReassignmentDto {
  @ApiProperty()
  dry_run!: boolean;
  @ApiProperty({ description: "The old holder's mapping, as it ends" })
  ended!: MappingDto;
  @ApiProperty({ description: "The new holder's mapping; its id is 0 in a dry run" })
  created!: MappingDto;
  @ApiProperty({
    type: [AnswerChangeDto],
    description: 'The addresses and periods for which look-ups now answer another holder',
  })
  changes!: AnswerChangeDto[];
}

/** The fields in a request. */
export function toChangedFields(dto: ChangeOwnMappingDto): Partial<MappingFields> {
  const { ipsubnet, starttime, endtime, terminalid } = dto;
  return {
    ...(ipsubnet === undefined ? {} : { network: IpNetwork.parse(ipsubnet) }),
    ...(starttime === undefined ? {} : { starttime: parseWireTime(starttime) ?? 0 }),
    ...(endtime === undefined ? {} : { endtime: parseWireTime(endtime) }),
    ...(terminalid === undefined ? {} : { terminalId: toTerminalId(terminalid ?? '') }),
  };
}

/** The fields of a new mapping; without `endtime`, it is open. */
export function toMappingFields(dto: CreateOwnMappingDto): MappingFields {
  return {
    network: IpNetwork.parse(dto.ipsubnet),
    starttime: parseWireTime(dto.starttime) ?? 0,
    endtime: parseWireTime(dto.endtime),
    terminalId: toTerminalId(dto.terminalid ?? ''),
  };
}

export function toListedDto(mapping: ListedMapping): MappingDto {
  const { id, customerId, ipSubnet, from, to, terminalId } = mapping;
  return {
    id,
    ipdr_customer_id: customerId,
    ipsubnet: ipSubnet,
    starttime: from,
    endtime: to === null ? null : to - 1,
    terminalid: terminalId,
  };
}

export function toMappingDto({ id, customerId, network, validity, terminalId }: RecordedMapping): MappingDto {
  return toListedDto({
    id,
    customerId,
    ipSubnet: network.text,
    from: validity.from,
    to: validity.to,
    terminalId,
  });
}

export function toReassignmentDto(
  { ended, next, holder, nextHolder }: Reassignment,
  isDryRun: boolean,
): ReassignmentDto {
  const { id, ipdr_customer_id, ...created } = toMappingDto(next);
  const { ipsubnet, starttime, endtime } = created;
  return {
    dry_run: isDryRun,
    ended: toMappingDto(ended),
    created: { id: isDryRun ? 0 : id, ipdr_customer_id, ...created },
    changes: [{ ipsubnet, starttime, endtime, from: holder, to: nextHolder }],
  };
}
