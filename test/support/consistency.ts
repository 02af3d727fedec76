import { COLUMN_OF } from '../../src/customers/infrastructure/customer.entity.js';
import type { DatabaseConfiguration } from '../../src/shared/config/configuration.js';
import { withDataSource } from './with-data-source.js';

const FIELDS = ['context_id', ...Object.values(COLUMN_OF)];

type Row = Record<string, string | number | null>;

/** The parts of the database that must be consistent with each other. */
export interface Kept {
  /** Where two parts disagree: only half of a write was stored. */
  readonly contradictions: string[];
  /** Every version, as the customer's id and the time. */
  readonly versions: string[];
  /** The number of unsealed versions and audit entries. */
  readonly unsealed: number;
}

/** Reads, directly from the database, everything that each write stores in several places. */
export function readKept(configuration: DatabaseConfiguration): Promise<Kept> {
  return withDataSource(configuration, async (dataSource) => {
    const read = (table: string): Promise<Row[]> => dataSource.query(`SELECT * FROM ${table} ORDER BY id`);
    const versions = await read('customer_versions');
    const entries = (await read('audit_entries')).filter(({ action }) =>
      /^customer\.(created|updated|deleted)$/.test(String(action)),
    );
    const keys = await read('idempotency_keys');
    return {
      contradictions: [
        ...betweenStates(await read('customers'), versions),
        ...betweenRecords(versions, entries),
        ...keys.filter(({ answer }) => answer === null).map(({ id }) => `key ${id} has no answer`),
      ],
      versions: versions.map(
        (row) => `${row['customer_id']} ${new Date(Number(row['recorded_at'])).toISOString()}`,
      ),
      unsealed: [...versions, ...entries].filter(({ block }) => block === null).length,
    };
  });
}

/** The newest version of every customer must be its current state, or its deletion if it no longer exists. */
function betweenStates(customers: readonly Row[], versions: readonly Row[]): string[] {
  const newest = new Map<unknown, Row>();
  for (const version of versions) {
    const known = newest.get(version['customer_id']);
    if (known === undefined || Number(known['recorded_at']) < Number(version['recorded_at'])) {
      newest.set(version['customer_id'], version);
    }
  }
  const now = new Map(customers.map((customer) => [customer['id'], customer]));
  const wrong = customers.filter((customer) => {
    const version = newest.get(customer['id']);
    const isSame = FIELDS.every((field) => version?.[field] === customer[field]);
    return (
      !isSame || version?.['change_made'] === 'deleted' || version?.['recorded_at'] !== customer['updated_at']
    );
  });
  const lost = [...newest.values()].filter(
    (version) => !now.has(version['customer_id']) && version['change_made'] !== 'deleted',
  );
  return [
    ...wrong.map(({ id }) => `customer ${id} differs from its newest version`),
    ...lost.map(
      (version) => `customer ${version['customer_id']} is missing without a version of its deletion`,
    ),
  ];
}

/** Every version must have one audit entry, and every entry a version. */
function betweenRecords(versions: readonly Row[], entries: readonly Row[]): string[] {
  const balance = new Map<string, number>();
  const add = (what: string, count: number): unknown => balance.set(what, (balance.get(what) ?? 0) + count);
  for (const version of versions) {
    add(`customer.${version['change_made']} of ${version['customer_id']}`, 1);
  }
  for (const { action, details } of entries) {
    add(`${action} of ${(JSON.parse(String(details)) as { id: number }).id}`, -1);
  }
  return [...balance]
    .filter(([, count]) => count !== 0)
    .map(
      ([what, count]) => `${what}: ${Math.abs(count)} too few ${count > 0 ? 'audit entries' : 'versions'}`,
    );
}
