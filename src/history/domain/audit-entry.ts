import { createHash } from 'node:crypto';

/** The kind of an audited action. Each feature declares its own. */
export type Action = `${string}.${string}`;

/** The actions on the audit trail itself. */
export const HISTORY_ACTIONS = {
  read: 'audit.read',
  purgeStarted: 'purge.started',
  purgeFinished: 'purge.finished',
} as const satisfies Readonly<Record<string, Action>>;

/** One audited action. */
export interface AuditEntry {
  /** Unix milliseconds. */
  readonly at: number;
  readonly action: Action;
  /** The user, or the operating system's user for the command line. */
  readonly userName: string | null;
  /** null = the command line. */
  readonly tokenId: number | null;
  /** The token's label. */
  readonly tokenLabel: string | null;
  /** The client's IP address. */
  readonly address: string | null;
  readonly contextName: string | null;
  /** The UserID of the customer concerned. */
  readonly userId: string | null;
  /** Further details, as a JSON object. */
  readonly details: string;
  /** Random, so that nobody can guess an erased entry and confirm it by its digest. */
  readonly nonce: string;
}

/** A stored entry. */
export interface RecordedEntry extends AuditEntry {
  readonly id: number;
  /** The block that seals it; null = not sealed yet. */
  readonly block: number | null;
}

/** Conditions that every listed entry meets. Times are Unix milliseconds. */
export interface AuditFilter {
  readonly userName?: string | undefined;
  readonly contextName?: string | undefined;
  readonly action?: Action | undefined;
  readonly userId?: string | undefined;
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
}

/** A place in the list of entries, which is sorted by descending time and id. */
export type EntryPlace = Pick<RecordedEntry, 'at' | 'id'>;

/** The members that a digest covers. To change them or their order would break every existing chain. */
const DIGEST_MEMBERS = [
  'at',
  'action',
  'userName',
  'tokenId',
  'tokenLabel',
  'address',
  'contextName',
  'userId',
  'details',
  'nonce',
] as const satisfies (keyof AuditEntry)[];

/** The members of a recorded entry. */
export const ENTRY_MEMBERS: ReadonlySet<string> = new Set<keyof RecordedEntry>([
  'id',
  'block',
  ...DIGEST_MEMBERS,
]);

/** SHA-256 of an entry's members, in a fixed order. */
export function digestOf(entry: AuditEntry): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(DIGEST_MEMBERS.map((member) => entry[member])))
    .digest();
}
