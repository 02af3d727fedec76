import { createHash } from 'node:crypto';

/** What somebody did: each feature declares its own actions. */
export type Action = `${string}.${string}`;

/** What the audit trail records of itself. */
export const HISTORY_ACTIONS = {
  read: 'audit.read',
  purgeStarted: 'purge.started',
  purgeFinished: 'purge.finished',
} as const satisfies Readonly<Record<string, Action>>;

/** One thing that somebody did. */
export interface AuditEntry {
  /** Unix milliseconds. */
  readonly at: number;
  readonly action: Action;
  /** The name of the user; of the operating system's user, if it was done on the server itself. */
  readonly userName: string | null;
  /** null = no token was needed: it was done on the server itself. */
  readonly tokenId: number | null;
  /** The token's label. */
  readonly tokenLabel: string | null;
  /** Where the client was. */
  readonly address: string | null;
  readonly contextName: string | null;
  /** The UserID of the customer that it was about. */
  readonly userId: string | null;
  /** A JSON object: what else is to be known. */
  readonly details: string;
  /** Random: without it, a digest would tell those who guess what an erased entry held. */
  readonly nonce: string;
}

/** An entry that is in the register, and so in an order: by ascending id. */
export interface RecordedEntry extends AuditEntry {
  readonly id: number;
  /** The block that it is sealed in; null = not yet. */
  readonly block: number | null;
}

/** Which entries a list holds: those to which every condition applies. Times are Unix milliseconds. */
export interface AuditFilter {
  readonly userName?: string | undefined;
  readonly contextName?: string | undefined;
  readonly action?: Action | undefined;
  readonly userId?: string | undefined;
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
}

/** A place in the list of entries, which is by descending time and id. */
export type EntryPlace = Pick<RecordedEntry, 'at' | 'id'>;

/** All that an entry tells. Neither the members nor their order can change without breaking every chain there is. */
const TOLD = [
  ...(['at', 'action', 'userName', 'tokenId', 'tokenLabel'] as const),
  ...(['address', 'contextName', 'userId', 'details', 'nonce'] as const),
];

/** What a recorded entry has, and nothing else. */
export const ENTRY_MEMBERS: ReadonlySet<string> = new Set<keyof RecordedEntry>(['id', 'block', ...TOLD]);

/** SHA-256 of all that an entry tells. */
export function digestOf(entry: AuditEntry): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(TOLD.map((member) => entry[member])))
    .digest();
}
