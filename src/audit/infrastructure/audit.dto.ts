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
  @ApiPropertyOptional({ description: 'Only entries of this user' })
  @Checked(optional(text(() => undefined)))
  user?: string;

  @ApiPropertyOptional({ description: 'Only entries of the context with this name' })
  @Checked(optional(text(() => undefined)))
  context?: string;

  @ApiPropertyOptional({ enum: ACTIONS })
  @Checked(optional(oneOf(ACTIONS)))
  action?: Action;

  @ApiPropertyOptional({ description: 'Only entries about the customer that had this UserID' })
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
    description: "The user; the operating system's user for the command line",
  })
  user!: string | null;
  @ApiProperty({ type: 'integer', nullable: true, description: 'null = the command line' })
  token_id!: number | null;
  @ApiProperty({ type: String, nullable: true, description: 'The label of the token at that time' })
  token!: string | null;
  @ApiProperty({ type: String, nullable: true, description: "The client's address", example: '203.0.113.7' })
  address!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'The name of the context at that time' })
  context!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'The customer concerned' })
  UserID!: string | null;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'Further details, depending on the action',
  })
  details!: object;
  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'The block that seals it; null = not sealed yet',
  })
  block!: number | null;
}

export class HeadQueryDto {
  @ApiPropertyOptional({ type: 'integer', description: 'The block number of a head stored earlier' })
  @Checked(optional(textThat((number) => /^[1-9]\d{0,9}$/.test(number), 'must be the number of a block')))
  block?: string;

  @ApiPropertyOptional({ description: 'The hash of that head' })
  @Checked(optional(textThat((hash) => HASH.test(hash), 'must be 64 hexadecimal digits')))
  hash?: string;
}

export class HeadDto {
  @ApiProperty({ type: 'integer', description: 'The number of blocks; 0 = none yet' })
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
    description: 'null = the fault is in the current customers and mappings, which no block contains',
  })
  block!: number | null;
  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'The id of the entry, or of the entry before a removed one; null = see the message',
  })
  entry!: number | null;
  @ApiProperty()
  message!: string;
}

class AuditedPurgeDto {
  @ApiProperty({ type: 'integer', description: 'The id of the audit entry about the purge' })
  entry!: number;
  @ApiProperty({ example: '2024-11-24T08:48:06Z', description: 'The purge removed data older than this' })
  before!: string;
  @ApiProperty({ type: 'integer', description: 'The last block from which it may have removed entries' })
  through_block!: number;
  @ApiProperty({ type: 'integer', nullable: true, description: 'RETENTION_DAYS at that time' })
  retention_days!: number | null;
}

class UnsealedDto {
  @ApiProperty({ type: 'integer', description: 'The number of entries and versions' })
  rows!: number;
  @ApiProperty({ type: String, nullable: true, description: 'The time of the first of them' })
  since!: string | null;
}

export class VerdictDto {
  @ApiProperty({ description: 'Whether everything is as it was sealed' })
  intact!: boolean;
  @ApiProperty({ type: FaultDto, nullable: true, description: 'The first fault found' })
  fault!: FaultDto | null;
  @ApiProperty({ type: 'integer' })
  blocks!: number;
  @ApiProperty({ type: 'integer', description: 'The number of entries checked' })
  entries!: number;
  @ApiProperty({ type: 'integer', description: 'The number of versions of customers and mappings checked' })
  versions!: number;
  @ApiProperty({
    type: 'integer',
    description:
      'The last block from before versions were sealed: changes to its versions go undetected. 0 = none',
  })
  unsealed_versions_through!: number;
  @ApiProperty({ type: 'integer', description: 'The last block whose entries were purged; 0 = none' })
  purged!: number;
  @ApiProperty({
    type: AuditedPurgeDto,
    nullable: true,
    description:
      'The last audited purge. Check that it was yours, since what it could remove is not reported missing',
  })
  purge!: AuditedPurgeDto | null;
  @ApiProperty({ type: HeadDto, description: 'The last block, to be stored elsewhere' })
  head!: Pick<HeadDto, 'block' | 'hash'>;
  @ApiProperty({
    type: UnsealedDto,
    description: 'What is not sealed yet. Changes to it go undetected, for a few seconds at most',
  })
  unsealed?: UnsealedDto;
}

/** A block with its entries: all that verification needs. */
export class SealedBlockDto {
  @ApiProperty({ type: 'integer' })
  block!: number;
  @ApiProperty({ type: 'integer', description: 'Unix milliseconds' })
  sealed_at!: number;
  @ApiProperty()
  hash!: string;
  @ApiProperty({ description: 'The SHA-256 digests of all entries, in hexadecimal, concatenated' })
  digests!: string;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The digests of all versions of customers and mappings, likewise',
  })
  version_digests!: string | null;
  @ApiProperty({
    type: 'array',
    items: { type: 'object' },
    description: 'The entries that were not purged, with all stored members',
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

export const AUDIT_COLUMNS = [
  'id',
  'at',
  'action',
  'user',
  'token_id',
  'token',
  'address',
  'context',
  'UserID',
  'details',
  'block',
] as const satisfies (keyof AuditEntryDto)[];

/** Formats an instant, or shows a tampered one as it is. */
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

function toPurgeDto(purge: Purge | undefined): AuditedPurgeDto | null {
  if (purge === undefined) return null;
  const { entry, before, throughBlock, retentionDays } = purge;
  return { entry, before: formatInstant(before), through_block: throughBlock, retention_days: retentionDays };
}

export function toSealedBlockDto({ block, entries }: Omit<SealedBlock, 'versions'>): SealedBlockDto {
  const { number, sealedAt, hash, digests, versionDigests } = block;
  return {
    block: number,
    sealed_at: sealedAt,
    hash,
    digests: digests.toString('hex'),
    version_digests: versionDigests?.toString('hex') ?? null,
    entries,
  };
}

const NOT_A_BLOCK = new Error('not a block');

/** Parses a line of an exported file. @throws Error if it is not a block */
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
    entries.every((entry) => isEntryOf(number, entry));
  if (!isBlock) throw NOT_A_BLOCK;
  // Files from before versions were sealed lack this member.
  const versionDigests = typeof version_digests === 'string' ? Buffer.from(version_digests, 'hex') : null;
  const block = { number, sealedAt: sealed_at, hash, digests: Buffer.from(digests, 'hex'), versionDigests };
  return { block, entries };
}

/** Rejects unknown members too: no digest covers them, yet readers of the file would trust them. */
function isEntryOf(block: number, entry: RecordedEntry): boolean {
  return entry.block === block && Object.keys(entry).every((member) => ENTRY_MEMBERS.has(member));
}

/** The head stored earlier. @throws RegisterError `validation_failed` if only one of block and hash is given */
export function toHead({ block, hash }: HeadQueryDto): Head | undefined {
  if (block === undefined && hash === undefined) return undefined;
  if (block !== undefined && hash !== undefined) return { number: Number(block), hash };
  const field = block === undefined ? 'block' : 'hash';
  throw validationFailed([{ field, message: 'is required: block and hash go together' }]);
}
