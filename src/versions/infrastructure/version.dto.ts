import { ApiProperty } from '@nestjs/swagger';
import { formatMoment } from '../../shared/instant.js';
import type { ChangeMade, RecordedVersion, Versioned } from '../domain/version.js';

/** The number of versions or changes in a page if the client sends no `limit`. */
export const DEFAULT_LIMIT = 1000;

export const CHANGES = ['created', 'updated', 'deleted'] as const satisfies readonly ChangeMade[];

/** The members that every version has. */
export abstract class VersionDto {
  @ApiProperty({
    example: '2026-11-24T08:48:06.123Z',
    description: 'When the register recorded this version',
  })
  recorded_at!: string;
  @ApiProperty({ enum: CHANGES })
  change!: ChangeMade;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'null = recorded before the register kept a history',
  })
  user!: string | null;
  @ApiProperty({ type: 'integer', nullable: true })
  token_id!: number | null;
  @ApiProperty({ type: String, nullable: true, description: 'The label of the token at that time' })
  token!: string | null;
  @ApiProperty({ type: String, nullable: true, description: "The client's address", example: '203.0.113.7' })
  address!: string | null;
}

interface MemberChange<Value> {
  readonly field: string;
  readonly from: Value;
  readonly to: Value;
}

/** A version with its state as a member of the given name. */
type VersionOf<Name extends string, Dto, Member extends keyof Dto> = VersionDto & {
  changes: MemberChange<Dto[Member]>[];
} & Record<Name, Dto>;

/**
 * @param name of the member with the state
 * @param members of the state that can change
 */
export function toVersionDto<
  Of extends Versioned,
  Dto,
  Name extends string,
  Member extends keyof Dto & string,
>(
  version: RecordedVersion<Of>,
  name: Name,
  toDto: (state: Of) => Dto,
  members: readonly Member[],
): VersionOf<Name, Dto, Member> {
  const { change, state, before } = version;
  const dto = toDto(state);
  const changes = before === undefined || change !== 'updated' ? [] : changesOf(toDto(before), dto, members);
  const versionDto: VersionDto & { changes: MemberChange<Dto[Member]>[] } = {
    recorded_at: formatMoment(state.updatedAt),
    change,
    user: version.userName,
    token_id: version.tokenId,
    token: version.tokenLabel,
    address: version.address,
    changes,
    [name]: dto,
  };
  return versionDto as VersionOf<Name, Dto, Member>;
}

function changesOf<Dto, Member extends keyof Dto & string>(
  from: Dto,
  to: Dto,
  members: readonly Member[],
): MemberChange<Dto[Member]>[] {
  return members
    .filter((member) => from[member] !== to[member])
    .map((member) => ({ field: member, from: from[member], to: to[member] }));
}
