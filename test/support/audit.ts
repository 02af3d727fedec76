import type { RecordedEntry } from '../../src/history/domain/audit-entry.js';
import { AuditRepository } from '../../src/history/application/audit.repository.js';
import { Sealer } from '../../src/history/application/sealer.js';
import type { Client } from './client.js';
import type { TestService } from './service.js';
import { until } from './until.js';

/** An audit entry, as the API returns it. */
export interface Entry {
  readonly id: number;
  readonly at: string;
  readonly action: string;
  readonly user: string | null;
  readonly token_id: number | null;
  readonly token: string | null;
  readonly address: string | null;
  readonly context: string | null;
  readonly UserID: string | null;
  readonly details: Record<string, unknown>;
  readonly block: number | null;
}

export interface Verdict {
  readonly intact: boolean;
  readonly fault: {
    readonly fault: string;
    readonly block: number | null;
    readonly entry: number | null;
    readonly message: string;
  } | null;
  readonly blocks: number;
  readonly entries: number;
  readonly versions: number;
  readonly unsealed_versions_through: number;
  readonly purged: number;
  readonly purge: {
    readonly entry: number;
    readonly before: string;
    readonly through_block: number;
    readonly retention_days: number | null;
  } | null;
  readonly head: { readonly block: number; readonly hash: string };
  readonly unsealed: { readonly rows: number; readonly since: string | null };
}

/** A line of an exported audit trail. */
export interface ExportedBlock {
  readonly block: number;
  readonly sealed_at: number;
  readonly hash: string;
  readonly digests: string;
  readonly version_digests: string | null;
  readonly entries: readonly RecordedEntry[];
}

/** The audit entries that match a query, newest first. This request is audited too, but not in its own answer. */
export async function auditTrail(service: Client, query = ''): Promise<Entry[]> {
  const answer = await service.admin('GET', `/api/admin/audit?${query}`);
  if (answer.status !== 200) throw new Error(`could not read the audit trail: ${answer.text}`);
  return answer.json as Entry[];
}

export async function verify(service: Client, query = ''): Promise<Verdict> {
  const answer = await service.admin('GET', `/api/admin/audit/verify?${query}`);
  if (answer.status !== 200) throw new Error(`could not verify the audit trail: ${answer.text}`);
  return answer.json as Verdict;
}

export async function exportTrail(service: Client): Promise<ExportedBlock[]> {
  const { text } = await service.admin('GET', '/api/admin/audit/export');
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as ExportedBlock);
}

/** Waits until the background sealer has sealed everything. */
export async function untilSealed({ app }: TestService): Promise<void> {
  await until(async () => !(await app.get(AuditRepository).hasUnsealed()));
}

/** Seals everything at once. */
export function sealNow({ app }: TestService): Promise<void> {
  return app.get(Sealer).sealAll();
}
