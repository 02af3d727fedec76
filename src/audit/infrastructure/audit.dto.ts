import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { contextKey } from '../../shared/context-name.js';
import { validationFailed } from '../../shared/errors.js';
import { oneOf, optional, text, textThat } from '../../shared/http/checks.js';
import { PeriodQueryDto, periodOf } from '../../shared/http/period.js';
import { Checked } from '../../shared/http/validation.js';
import { formatInstant, formatMoment } from '../../shared/instant.js';
import {
  FAULTS,
  type Block,
  type Fault,
  type Head,
  type Purge,
  type SealedBlock,
  type Verdict,
} from '../../history/domain/audit-chain.js';
import {
  ENTRY_MEMBERS,
  type Action,
  type AuditFilter,
  type RecordedEntry,
} from '../../history/domain/audit-entry.js';
import { ACTIONS } from '../domain/actions.js';

const HASH = /^[0-9a-f]{64}$/;

export class AuditQueryDto extends PeriodQueryDto {
  @ApiPropertyOptional({ description: 'Only what this user did' })
  @Checked(optional(text(() => undefined)))
  user?: string;

  @ApiPropertyOptional({ description: 'Only what was done in the context of this name' })
  @Checked(optional(text(() => undefined)))
  context?: string;

  @ApiPropertyOptional({ enum: ACTIONS })
  @Checked(optional(oneOf(ACTIONS)))
  action?: Action;

  @ApiPropertyOptional({ description: 'Only what was done about the customer that was called so' })
  @Checked(optional(text(() => undefined)))
  UserID?: string;
}

export class AuditEntryDto {
  @ApiProperty({ type: 'integer' })
  id!: number;
  @ApiProperty({ example: '2026-11-24T08:48:06.123Z' })
  at!: string;
  @ApiProperty({ enum: ACTIONS })
  action!: Action;
  @ApiProperty({
    type: String,
    nullable: true,
    description: "Who did it; the operating system's user, if it was done on the server itself",
  })
  user!: string | null;
  @ApiProperty({ type: 'integer', nullable: true, description: 'null = it was done on the server itself' })
  token_id!: number | null;
  @ApiProperty({ type: String, nullable: true, description: 'The label of the token, as it was' })
  token!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Where the client was', example: '203.0.113.7' })
  address!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'The name of the context, as it was' })
  context!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'The customer that it was about' })
  UserID!: string | null;
  @ApiProperty({ type: 'object', additionalProperties: true, description: 'What else is to be known' })
  details!: object;
  @ApiProperty({ type: 'integer', nullable: true, description: 'The block that it is sealed in' })
  block!: number | null;
}

export class HeadQueryDto {
  @ApiPropertyOptional({ type: 'integer', description: 'The number of a head that was kept' })
  @Checked(optional(textThat((number) => /^[1-9]\d{0,9}$/.test(number), 'must be the number of a block')))
  block?: string;

  @ApiPropertyOptional({ description: 'Its hash' })
  @Checked(optional(textThat((hash) => HASH.test(hash), 'must be 64 hexadecimal digits')))
  hash?: string;
}

export class HeadDto {
  @ApiProperty({ type: 'integer', description: 'How many blocks there are; 0 = none yet' })
  block!: number;
  @ApiProperty({ example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' })
  hash!: string;
  @ApiProperty({ type: String, nullable: true, example: '2026-11-24T08:48:06.123Z' })
  sealed_at!: string | null;
}

class FaultDto {
  @ApiProperty({ enum: FAULTS })
  fault!: Fault['fault'];
  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'null = what there is now, which no block holds',
  })
  block!: number | null;
  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'The id of the entry; of a removed one, of the entry before it; null = the message tells',
  })
  entry!: number | null;
  @ApiProperty()
  message!: string;
}

class PurgeOnRecordDto {
  @ApiProperty({ type: 'integer', description: 'The id of the entry that tells of it' })
  entry!: number;
  @ApiProperty({ example: '2024-11-24T08:48:06Z', description: 'What it removed is older' })
  before!: string;
  @ApiProperty({ type: 'integer', description: 'The last block that it may have removed something of' })
  through_block!: number;
  @ApiProperty({ type: 'integer', nullable: true, description: 'RETENTION_DAYS, as it was then' })
  retention_days!: number | null;
}

class UnsealedDto {
  @ApiProperty({ type: 'integer', description: 'How many entries and versions' })
  rows!: number;
  @ApiProperty({ type: String, nullable: true, description: 'Of when the first of them is' })
  since!: string | null;
}

export class VerdictDto {
  @ApiProperty({ description: 'Whether the record is what was sealed' })
  intact!: boolean;
  @ApiProperty({ type: FaultDto, nullable: true, description: 'The first place where it is not' })
  fault!: FaultDto | null;
  @ApiProperty({ type: 'integer' })
  blocks!: number;
  @ApiProperty({ type: 'integer', description: 'How many entries were looked at' })
  entries!: number;
  @ApiProperty({ type: 'integer', description: 'How many versions of customers and mappings were looked at' })
  versions!: number;
  @ApiProperty({
    type: 'integer',
    description:
      'The last block that was sealed before versions were: its versions may be changed unseen. 0 = none',
  })
  unsealed_versions_through!: number;
  @ApiProperty({ type: 'integer', description: 'The last block whose entries were purged; 0 = none' })
  purged!: number;
  @ApiProperty({
    type: PurgeOnRecordDto,
    nullable: true,
    description: 'The last purge on record: was it yours? What it may have removed is not missed',
  })
  purge!: PurgeOnRecordDto | null;
  @ApiProperty({ type: HeadDto, description: 'To be kept elsewhere' })
  head!: Pick<HeadDto, 'block' | 'hash'>;
  @ApiProperty({
    type: UnsealedDto,
    description: 'What waits to be sealed, and can be changed unseen until then: for seconds at most',
  })
  unsealed?: UnsealedDto;
}

/** A block with its entries, all that is needed to verify it elsewhere. */
export class SealedBlockDto {
  @ApiProperty({ type: 'integer' })
  block!: number;
  @ApiProperty({ type: 'integer', description: 'Unix milliseconds' })
  sealed_at!: number;
  @ApiProperty()
  hash!: string;
  @ApiProperty({ description: 'The SHA-256 of every entry, in hexadecimal, one after the other' })
  digests!: string;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The same of every version of a customer or mapping',
  })
  version_digests!: string | null;
  @ApiProperty({
    type: 'array',
    items: { type: 'object' },
    description: 'Those that were not purged, member by member as they are kept',
  })
  entries!: readonly RecordedEntry[];
}

export function toAuditFilter({ user, context, action, UserID, ...period }: AuditQueryDto): AuditFilter {
  return {
    userName: user,
    contextName: context === undefined ? undefined : contextKey(context),
    action,
    userId: UserID?.normalize('NFC'),
    ...periodOf(period),
  };
}

export function toAuditEntryDto(entry: RecordedEntry): AuditEntryDto {
  return {
    id: entry.id,
    at: readable(entry.at),
    action: entry.action,
    user: entry.userName,
    token_id: entry.tokenId,
    token: entry.tokenLabel,
    address: entry.address,
    context: entry.contextName,
    UserID: entry.userId,
    details: parseDetails(entry.details),
    block: entry.block,
  };
}

/** The names of an entry's members, in their order. */
export const AUDIT_COLUMNS = [
  ...(['id', 'at', 'action', 'user', 'token_id', 'token'] as const),
  ...(['address', 'context', 'UserID', 'details', 'block'] as const),
] satisfies (keyof AuditEntryDto)[];

/** What was tampered with is still to be shown. */
function readable(at: number): string;
function readable(at: number | undefined): string | null;
function readable(at: number | undefined): string | null {
  if (at === undefined) return null;
  return Number.isNaN(new Date(at).getTime()) ? String(at) : formatMoment(at);
}

function parseDetails(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    return { unreadable: text };
  }
}

export function toHeadDto(block: Block | undefined): HeadDto {
  return {
    block: block?.number ?? 0,
    hash: block?.hash ?? '',
    sealed_at: readable(block?.sealedAt),
  };
}

export function toVerdictDto({ fault, purge, head, unsealed, ...counts }: Verdict): VerdictDto {
  const { blocks, entries, versions, unsealedVersions, purged } = counts;
  return {
    intact: fault === undefined,
    fault: fault ?? null,
    blocks,
    entries,
    versions,
    unsealed_versions_through: unsealedVersions,
    purged,
    purge: toPurgeDto(purge),
    head: { block: head?.number ?? 0, hash: head?.hash ?? '' },
    ...(unsealed && { unsealed: { rows: unsealed.rows, since: readable(unsealed.since) } }),
  };
}

function toPurgeDto(purge: Purge | undefined): PurgeOnRecordDto | null {
  if (purge === undefined) return null;
  const { entry, before, throughBlock, retentionDays } = purge;
  return { entry, before: formatInstant(before), through_block: throughBlock, retention_days: retentionDays };
}

export function toSealedBlockDto({ block, entries }: Omit<SealedBlock, 'versions'>): SealedBlockDto {
  const { number, sealedAt, hash, digests, versionDigests } = block;
  return {
    ...{ block: number, sealed_at: sealedAt, hash, digests: digests.toString('hex') },
    version_digests: versionDigests?.toString('hex') ?? null,
    entries,
  };
}

const NOT_A_BLOCK = new Error('not a block');

/** The block that a line of an exported file holds. @throws Error if it holds none */
export function parseSealedBlock(line: string): Omit<SealedBlock, 'versions'> {
  const {
    block: number,
    sealed_at,
    hash,
    digests,
    version_digests,
    entries,
  } = JSON.parse(line) as SealedBlockDto;
  const texts = [digests, version_digests ?? ''];
  const isBlock =
    [number, sealed_at].every(Number.isInteger) &&
    texts.every((text) => /^([0-9a-f]{2})*$/.test(text)) &&
    entries.every((entry) => isOf(number, entry));
  if (!isBlock) throw NOT_A_BLOCK;
  // Files from before versions were sealed don't have the member.
  const versionDigests = typeof version_digests === 'string' ? Buffer.from(version_digests, 'hex') : null;
  const block = { number, sealedAt: sealed_at, hash, digests: Buffer.from(digests, 'hex'), versionDigests };
  return { block, entries };
}

/** What is in an entry besides would be believed by whoever reads the file, though nothing seals it. */
function isOf(block: number, entry: RecordedEntry): boolean {
  return entry.block === block && Object.keys(entry).every((member) => ENTRY_MEMBERS.has(member));
}

/** A head that was kept. @throws RegisterError `validation_failed` if half of it is missing */
export function toHead({ block, hash }: HeadQueryDto): Head | undefined {
  if (block === undefined && hash === undefined) return undefined;
  if (block !== undefined && hash !== undefined) return { number: Number(block), hash };
  const field = block === undefined ? 'block' : 'hash';
  throw validationFailed([{ field, message: 'is required: block and hash go together' }]);
}
