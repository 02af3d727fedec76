import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { plainAddress } from '../../shared/address-list.js';
import { oneOf, optional, text, textThat } from '../../shared/http/checks.js';
import { PeriodQueryDto, periodOf } from '../../shared/http/period.js';
import { Checked } from '../../shared/http/validation.js';
import { formatInstant } from '../../shared/instant.js';
import { SIGN_IN_FAILURES, type SignInEntry, type SignInFilter } from '../application/sign-in-log.js';

const OUTCOMES = ['success', 'failure'] as const;

export class SignInQueryDto extends PeriodQueryDto {
  @ApiPropertyOptional({ description: 'Only sign-ins as this user' })
  @Checked(optional(text(() => undefined)))
  user?: string;

  @ApiPropertyOptional({ description: 'Only sign-ins from this address' })
  @Checked(optional(textThat((address) => plainAddress(address) !== '', 'must be an IP address')))
  address?: string;

  @ApiPropertyOptional({ enum: OUTCOMES })
  @Checked(optional(oneOf(OUTCOMES)))
  outcome?: (typeof OUTCOMES)[number];
}

export class SignInDto {
  @ApiProperty({ type: 'integer' })
  id!: number;
  @ApiProperty({ example: '2026-11-24T08:48:06Z' })
  at!: string;
  @ApiProperty({ enum: OUTCOMES })
  outcome!: (typeof OUTCOMES)[number];
  @ApiProperty({
    enum: SIGN_IN_FAILURES,
    nullable: true,
    description: 'Why it failed; the client does not see it',
  })
  reason!: string | null;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The user; null if no user has the name sent',
  })
  user!: string | null;
  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'null if the register does not know the token',
  })
  token_id!: number | null;
  @ApiProperty({ example: '203.0.113.7', description: "The client's address" })
  address!: string;
}

export function toSignInFilter({ user, address, outcome, ...period }: SignInQueryDto): SignInFilter {
  return {
    userName: user,
    address: address === undefined ? undefined : plainAddress(address),
    failed: outcome === undefined ? undefined : outcome === 'failure',
    ...periodOf(period),
  };
}

export function toSignInDto({ id, at, address, userName, tokenId, failure }: SignInEntry): SignInDto {
  return {
    id,
    at: formatInstant(at),
    outcome: failure === null ? 'success' : 'failure',
    reason: failure,
    user: userName,
    token_id: tokenId,
    address,
  };
}
