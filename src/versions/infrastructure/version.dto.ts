import { ApiProperty } from '@nestjs/swagger';
import { formatMoment } from '../../shared/instant.js';
import type { ChangeMade, RecordedVersion, Versioned } from '../domain/version.js';

/** How many versions, or changes, there are in a page whose limit the client leaves open. */
export const DEFAULT_LIMIT = 1000;

export const CHANGES = ['created', 'updated', 'deleted'] as const satisfies readonly ChangeMade[];

/** What every version tells besides what changed, and what it is a version of. */
export abstract class VersionDto {
  @ApiProperty({ example: '2026-11-24T08:48:06.123Z', description: 'From when on it was in the register' })
  recorded_at!: string;
  @ApiProperty({ enum: CHANGES })
  change!: ChangeMade;
  @ApiProperty({ type: String, nullable: true, description: 'null = from before there was a history' })
  user!: string | null;
  @ApiProperty({ type: 'integer', nullable: true })
  token_id!: number | null;
  @ApiProperty({ type: String, nullable: true, description: 'The label of the token, as it was' })
  token!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Where the client was', example: '203.0.113.7' })
  address!: string | null;
}

/** From what to what a member changed. */
interface MemberChange<Value> {
  readonly field: string;
  readonly from: Value;
  readonly to: Value;
}

/** A version that has what it is of under a name of its own. */
type VersionOf<Name extends string, Dto, Member extends keyof Dto> = VersionDto & {
  changes: MemberChange<Dto[Member]>[];
} & Record<Name, Dto>;

/**
 * @param name of the member that holds what it is a version of
 * @param members of that member which may change
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
  const told: VersionDto & { changes: MemberChange<Dto[Member]>[] } = {
    recorded_at: formatMoment(state.updatedAt),
    change,
    user: version.userName,
    token_id: version.tokenId,
    token: version.tokenLabel,
    address: version.address,
    changes,
    [name]: dto,
  };
  return told as VersionOf<Name, Dto, Member>;
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
