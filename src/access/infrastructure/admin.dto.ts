import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { addressList } from '../../shared/address-list.js';
import { Checked, typeInWords } from '../../shared/http/validation.js';
import { formatInstant, parseInstant } from '../../shared/instant.js';
import type { Context, Token, User } from '../application/access.repositories.js';
import { CONTEXT_NAME } from '../domain/context-name.js';
import { ROLES, SCOPES, type Role, type Scope } from '../domain/rights.js';

type Check = (value: unknown) => string | undefined;

/** A member that may be left out. */
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);

const text =
  (accepts: (text: string) => boolean, fault: string): Check =>
  (value) => {
    if (value === undefined) return 'is required';
    if (typeof value !== 'string') return `must be a string, not ${typeInWords(value)}`;
    return accepts(value) ? undefined : fault;
  };

const oneOf = (values: readonly string[]): Check =>
  text((value) => values.includes(value), `must be one of ${values.join(', ')}`);

const flag: Check = (value) =>
  typeof value === 'boolean' ? undefined : `must be true or false, not ${typeInWords(value)}`;

const list =
  (accepts: (text: string) => boolean, fault: string): Check =>
  (value) => {
    if (!Array.isArray(value)) return `must be an array, not ${typeInWords(value)}`;
    return value.every((each) => typeof each === 'string' && accepts(each)) ? undefined : fault;
  };

/** Printable, so that it can be typed, logged in an audit trail and sent in a header. */
const isPrintable = (value: string, max: number): boolean =>
  value.isWellFormed() && [...value].length <= max && !/[\u0000-\u001f\u007f]/.test(value);

const isUserName = (value: string): boolean =>
  isPrintable(value, 64) && value !== '' && value.trim() === value && value.normalize('NFC') === value;

function isAddressRange(value: string): boolean {
  try {
    addressList([value]);
    return true;
  } catch {
    return false;
  }
}

export class NewContextDto {
  @ApiProperty({ example: 'ipdr', pattern: CONTEXT_NAME.source })
  @Checked(
    text(
      (name) => CONTEXT_NAME.test(name) && name !== 'context0',
      'must have 1 to 64 of A-Z a-z 0-9 _ . - and not be context0, which is another name for default',
    ),
  )
  name!: string;

  @ApiPropertyOptional({ default: true })
  @Checked(optional(flag))
  enabled?: boolean;
}

export class NewUserDto {
  @ApiProperty({ example: 'crm', minLength: 1, maxLength: 64 })
  @Checked(
    text(
      isUserName,
      'must have 1 to 64 characters in Unicode NFC, no control characters, no space at the ends',
    ),
  )
  name!: string;

  @ApiProperty({ enum: ROLES })
  @Checked(oneOf(ROLES))
  role!: Role;

  @ApiPropertyOptional({
    type: [String],
    example: ['default'],
    description: 'The contexts granted; an admin may use all',
  })
  @Checked(optional(list(() => true, 'must hold names of contexts only')))
  contexts?: string[];

  @ApiPropertyOptional({ default: true })
  @Checked(optional(flag))
  enabled?: boolean;
}

export class NewTokenDto {
  @ApiProperty({ example: 'user', description: 'Whose token it is' })
  @Checked(text(() => true, ''))
  user!: string;

  @ApiPropertyOptional({ example: 'CRM of the Chennai office', maxLength: 128, default: '' })
  @Checked(
    optional(
      text((label) => isPrintable(label, 128), 'must have at most 128 characters, no control characters'),
    ),
  )
  label?: string;

  @ApiPropertyOptional({ enum: SCOPES, default: 'write' })
  @Checked(optional(oneOf(SCOPES)))
  scope?: Scope;

  @ApiPropertyOptional({
    oneOf: [{ type: 'string' }, { type: 'integer' }],
    nullable: true,
    example: '2030-01-01T00:00:00Z',
    description: 'ISO 8601 with an offset, or Unix seconds; left out or null = never',
  })
  @Checked((value) =>
    value === undefined || value === null || parseInstant(value) !== undefined
      ? undefined
      : 'must be Unix seconds, or ISO 8601 with an offset',
  )
  expires_at?: string | number | null;

  @ApiPropertyOptional({
    type: [String],
    example: ['203.0.113.0/24'],
    description: 'Addresses and CIDRs; none = from anywhere',
  })
  @Checked(
    optional(
      (value) =>
        list(isAddressRange, 'must hold IP addresses and CIDRs only')(value) ??
        (String(value).length > 4000 ? 'must have at most 4000 characters in all' : undefined),
    ),
  )
  allowed_ips?: string[];

  @ApiPropertyOptional({
    minLength: 20,
    maxLength: 255,
    description:
      'An existing token to adopt, so that its user need not be touched; left out = a new one is generated',
  })
  @Checked(
    optional(
      text(
        (token) => /^[\x21-\x7e]{20,255}$/.test(token),
        'must have 20 to 255 printable ASCII characters without spaces',
      ),
    ),
  )
  token?: string;
}

export class ContextDto {
  @ApiProperty({ example: 'default' })
  name!: string;
  @ApiProperty()
  enabled!: boolean;
  @ApiProperty({ example: '2026-11-24T08:48:06Z' })
  created_at!: string;
}

export class UserDto {
  @ApiProperty({ example: 'user' })
  name!: string;
  @ApiProperty({ enum: ROLES })
  role!: Role;
  @ApiProperty({ type: [String], example: ['default'] })
  contexts!: readonly string[];
  @ApiProperty()
  enabled!: boolean;
  @ApiProperty({ example: '2026-11-24T08:48:06Z' })
  created_at!: string;
}

export class TokenDto {
  @ApiProperty({ type: 'integer', example: 3 })
  id!: number;
  @ApiProperty({ example: 'user' })
  user!: string;
  @ApiProperty({ example: 'CRM of the Chennai office' })
  label!: string;
  @ApiProperty({ enum: SCOPES })
  scope!: Scope;
  @ApiProperty({ type: String, nullable: true, example: '2030-01-01T00:00:00Z' })
  expires_at!: string | null;
  @ApiProperty({ type: [String], example: ['203.0.113.0/24'] })
  allowed_ips!: readonly string[];
  @ApiProperty({ example: '2026-11-24T08:48:06Z' })
  created_at!: string;
  @ApiProperty({ type: String, nullable: true, description: 'To the minute' })
  last_used_at!: string | null;
}

export class CreatedTokenDto extends TokenDto {
  @ApiProperty({ description: 'The token itself; it is not shown again' })
  token!: string;
}

export function toContextDto({ name, enabled, createdAt }: Context): ContextDto {
  return { name, enabled, created_at: formatInstant(createdAt) };
}

export function toUserDto({ name, role, contexts, enabled, createdAt }: User): UserDto {
  return { name, role, contexts, enabled, created_at: formatInstant(createdAt) };
}

export function toTokenDto(token: Token): TokenDto {
  return {
    id: token.id,
    user: token.user,
    label: token.label,
    scope: token.scope,
    expires_at: token.expiresAt === null ? null : formatInstant(token.expiresAt),
    allowed_ips: token.allowedIps,
    created_at: formatInstant(token.createdAt),
    last_used_at: token.lastUsedAt === null ? null : formatInstant(token.lastUsedAt),
  };
}
