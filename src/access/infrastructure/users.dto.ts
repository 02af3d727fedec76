import { ApiProperty, ApiPropertyOptional, OmitType, PartialType } from '@nestjs/swagger';
import { flag, list, oneOf, optional, textThat } from '../../shared/http/checks.js';
import { Checked } from '../../shared/http/validation.js';
import { formatInstant } from '../../shared/instant.js';
import type { User } from '../application/access.repositories.js';
import { isPrintable } from '../domain/printable.js';
import { ROLES, type Role } from '../../identity/domain/rights.js';

const isUserName = (text: string): boolean =>
  isPrintable(text, 64) &&
  !['', '.', '..'].includes(text) &&
  text.trim() === text &&
  text.normalize('NFC') === text;

export class NewUserDto {
  @ApiProperty({
    example: 'crm',
    minLength: 1,
    maxLength: 64,
    description: 'In Unicode NFC, without control characters or spaces at the ends',
  })
  @Checked(
    textThat(
      isUserName,
      'must have 1 to 64 characters in Unicode NFC, no control characters, no space at the ends, and not be . or ..',
    ),
  )
  name!: string;

  @ApiProperty({ enum: ROLES })
  @Checked(oneOf(ROLES))
  role!: Role;

  @ApiPropertyOptional({
    type: [String],
    example: ['default'],
    description: 'The contexts granted; an admin may use every context',
  })
  @Checked(optional(list(() => true, 'must be a list of context names')))
  contexts?: string[];

  @ApiPropertyOptional({ default: true })
  @Checked(optional(flag))
  enabled?: boolean;
}

export class ChangeUserDto extends PartialType(OmitType(NewUserDto, ['name']), {
  skipNullProperties: false,
}) {}

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

/** Fills in the defaults: enabled, no contexts. */
export function toNewUser(dto: NewUserDto): Omit<User, 'createdAt'> {
  const { name, role, contexts = [], enabled = true } = dto;
  return { name, role, contexts, enabled };
}

export function toUserDto({ name, role, contexts, enabled, createdAt }: User): UserDto {
  return { name, role, contexts, enabled, created_at: formatInstant(createdAt) };
}
