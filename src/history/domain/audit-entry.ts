import { createHash } from 'node:crypto';

/** What the audit trail tells of. */
export const ACTIONS = [
  'customer.created',
  'customer.updated',
  'customer.unchanged', // an update that changed nothing
  'customer.deleted',
  'customer.read',
  'customer.history_read',
  'customers.listed',
  'customers.changes_read',
  'mapping.created',
  'mapping.updated',
  'mapping.unchanged', // an update that changed nothing
  'mapping.deleted',
  'mapping.reassignment_tried',
  'mapping.read',
  'mapping.history_read',
  'mapping.refused', // with words that tell of a mapping
  'mappings.listed',
  'holder.looked_up',
  'holders.looked_up', // in bulk
  'holder.history_read',
  'coverage.read',
  'answer.repeated', // under an Idempotency-Key
  'context.created',
  'context.changed',
  'context.deleted',
  'user.created',
  'user.changed',
  'user.deleted',
  'token.created',
  'token.rotated',
  'token.revoked',
  'token.reset', // all of a user
  'audit.read',
  'signins.listed',
  'purge.started',
  'purge.finished',
] as const;
export type Action = (typeof ACTIONS)[number];

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
