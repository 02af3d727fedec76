import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { addressList } from '../../shared/address-list.js';
import {
  INSTANT,
  instant,
  integer,
  list,
  oneOf,
  optional,
  text,
  textThat,
} from '../../shared/http/checks.js';
import { Checked } from '../../shared/http/validation.js';
import { formatInstant, parseInstant } from '../../shared/instant.js';
import type { Token } from '../application/access.repositories.js';
import type { CreatedToken, NewToken } from '../application/tokens.service.js';
import { isPrintable } from '../domain/printable.js';
import { SCOPES, type Scope } from '../../identity/domain/rights.js';
import { tokenFault } from '../domain/token.js';

const MAX_GRACE_SECONDS = 30 * 86_400;

function isAddressRange(value: string): boolean {
  try {
    addressList([value]);
    return true;
  } catch {
    return false;
  }
}

export class NewTokenDto {
  @ApiProperty({ example: 'user', description: 'The owner' })
  @Checked(text(() => undefined))
  user!: string;

  @ApiPropertyOptional({
    example: 'CRM of the Chennai office',
    maxLength: 128,
    default: '',
    description: 'No control characters',
  })
  @Checked(
    optional(
      textThat((label) => isPrintable(label, 128), 'must have at most 128 characters, no control characters'),
    ),
  )
  label?: string;

  @ApiPropertyOptional({ enum: SCOPES, default: 'write' })
  @Checked(optional(oneOf(SCOPES)))
  scope?: Scope;

  @ApiPropertyOptional({
    ...INSTANT,
    nullable: true,
    example: '2030-01-01T00:00:00Z',
    description: 'A future time: ISO 8601 with an offset, or Unix seconds; left out or null = never',
  })
  @Checked((value) => (value === null ? undefined : optional(instant)(value)))
  expires_at?: string | number | null;

  @ApiPropertyOptional({
    type: [String],
    example: ['203.0.113.0/24'],
    description: 'Addresses and CIDRs, at most 4000 characters in all; empty = any address',
  })
  @Checked(
    optional(
      (value) =>
        list(isAddressRange, 'must contain only IP addresses and CIDRs')(value) ??
        (String(value).length > 4000 ? 'must have at most 4000 characters in all' : undefined),
    ),
  )
  allowed_ips?: string[];

  @ApiPropertyOptional({
    minLength: 20,
    maxLength: 255,
    description:
      'An existing token to adopt, so that its client keeps working: printable ASCII without spaces; ' +
      'left out = generate one',
  })
  @Checked(optional(text(tokenFault)))
  token?: string;
}

export class RotateTokenDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: MAX_GRACE_SECONDS,
    default: 0,
    example: 3600,
    description: 'How long the old token stays valid; 0 = it expires at once',
  })
  @Checked(optional(integer(0, MAX_GRACE_SECONDS)))
  grace_seconds?: number;
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
  @ApiProperty({ description: 'The token itself, which is not shown again' })
  token!: string;
}

/** Fills in the defaults. */
export function toNewToken(dto: NewTokenDto): NewToken {
  const { user, label = '', scope = 'write', allowed_ips: allowedIps = [], token } = dto;
  return { user, label, scope, expiresAt: parseInstant(dto.expires_at) ?? null, allowedIps, token };
}

/** @returns 0, the id of no token, if `text` is not an id */
export function parseTokenId(text: string): number {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0;
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

export function toCreatedTokenDto({ record, token }: CreatedToken): CreatedTokenDto {
  return { ...toTokenDto(record), token };
}
