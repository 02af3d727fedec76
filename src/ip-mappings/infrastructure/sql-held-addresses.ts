import { Injectable } from '@nestjs/common';
import type { ContextId } from '../../identity/domain/principal.js';
import { BATCH, batches } from '../../shared/database/batches.js';
import { Database, type SqlValue } from '../../shared/database/database.js';
import { HeldAddresses } from '../application/held-addresses.js';
import type { Moment, RecordedMapping } from '../domain/ip-mapping.js';
import type { IpAddress, IpNetwork } from '../domain/ip-network.js';
import type { Validity } from '../domain/validity.js';
import { OVERLAPPING_IN_TIME, startingAt } from './held-addresses.sql.js';
import { endOf, pastColumns, presentColumns, toMapping, type MappingRow } from './ip-mapping.entity.js';

/** A place after all mappings with the same first address, in the order of the index. */
const AFTER_ALL = [Buffer.alloc(16, 0xff), ...Array<number>(3).fill(Number.MAX_SAFE_INTEGER)];
const PRESENT = presentColumns('m');
const PAST = pastColumns('m');

/** The most moments in one statement. */
const MOMENTS_PER_QUERY = 256;

/** A possible first address of a covering network, with the seconds to look at: `START_COLUMNS`. */
interface Start {
  /** Unix seconds, both inclusive. */
  earliest: number;
  latest: number;
  /** The mappings found, by their last address: one network may have thousands. */
  readonly found: Map<string, RecordedMapping[]>;
}

const START_COLUMNS = { start: 'hex', earliest: 'integer', latest: 'integer' } as const;
/** Finds the mappings of each start by an index probe. */
const AT_START = `m.context_id = ? AND m.first_address = q.start AND m.last_address >= ?
  AND m.valid_from <= q.latest AND m.valid_to > q.earliest`;

@Injectable()
export class SqlHeldAddresses extends HeldAddresses {
  constructor(private readonly database: Database) {
    super();
  }

  async holding(
    context: ContextId,
    moments: readonly Moment[],
    recordedAt?: number,
  ): Promise<RecordedMapping[][]> {
    if (moments.length === 0) return [];
    if (moments.length <= MOMENTS_PER_QUERY)
      return this.holdingInOneQuery(this.database, context, moments, recordedAt);
    const found: RecordedMapping[][] = [];
    // Sort by address, so that each statement reads the covering networks of neighbours once.
    const inOrder = [...moments.entries()].sort(
      ([, a], [, b]) => a.address.bytes.compare(b.address.bytes) || a.second - b.second,
    );
    const snapshot = await this.database.snapshot();
    try {
      for (let start = 0; start < inOrder.length; start += MOMENTS_PER_QUERY) {
        const some = inOrder.slice(start, start + MOMENTS_PER_QUERY);
        const batch = some.map(([, moment]) => moment);
        const answers = await this.holdingInOneQuery(snapshot, context, batch, recordedAt);
        for (const [n, [place]] of some.entries()) found[place] = answers[n] ?? [];
      }
    } finally {
      await snapshot.close();
    }
    return found;
  }

  /** Reads the mappings at all starts at once, then picks those that hold each address at its second. */
  private async holdingInOneQuery(
    from: Pick<Database, 'query'>,
    context: ContextId,
    moments: readonly Moment[],
    recordedAt: number | undefined,
  ): Promise<RecordedMapping[][]> {
    const starts = new Map<string, Start>();
    const startsOf = moments.map(({ address, second }) =>
      address.coveringStarts().map((bytes) => {
        const key = keyOf(bytes);
        let start = starts.get(key);
        if (start === undefined)
          starts.set(key, (start = { earliest: second, latest: second, found: new Map() }));
        start.earliest = Math.min(start.earliest, second);
        start.latest = Math.max(start.latest, second);
        return start;
      }),
    );
    const probes = [...starts].map(([key, { earliest, latest }]) => [key, earliest, latest]);
    const lowest = moments.map(({ address }) => address.bytes).reduce(lowerOf);
    const sql =
      recordedAt === undefined ? this.present(AT_START, this.probes) : this.past(AT_START, this.probes);
    const instants = recordedAt === undefined ? [] : [recordedAt, recordedAt];
    const rows = await from.query<MappingRow>(sql, [JSON.stringify(probes), context, lowest, ...instants]);
    for (const mapping of rows.map(toMapping)) {
      const { first, last } = mapping.network;
      const found = starts.get(keyOf(first))?.found;
      const same = found?.get(keyOf(last));
      if (same === undefined) found?.set(keyOf(last), [mapping]);
      else same.push(mapping);
    }
    return moments.map(({ address, second }, n) =>
      (startsOf[n] ?? [])
        .flatMap(({ found }) => [...found.values()])
        .filter(([one]) => one?.network.holds(address))
        .flatMap((same) => same.filter(({ validity }) => validity.holds(second))),
    );
  }

  async historyOf(context: ContextId, address: IpAddress, period: Validity): Promise<RecordedMapping[]> {
    const starts = address.coveringStarts();
    const sql = `${this.present(`${startingAt(starts)} AND ${OVERLAPPING_IN_TIME}`)} ORDER BY m.valid_from, m.id`;
    const parameters = [context, ...starts, address.bytes, endOf(period), period.from];
    return (await this.database.query<MappingRow>(sql, parameters)).map(toMapping);
  }

  async *within(context: ContextId, network: IpNetwork, period: Validity): AsyncGenerator<RecordedMapping[]> {
    const snapshot = await this.database.snapshot();
    try {
      const starts = network.coveringStarts();
      const time = [endOf(period), period.from];
      const around = this.present(`${startingAt(starts)} AND ${OVERLAPPING_IN_TIME}`);
      const wider = await snapshot.query<MappingRow>(`${around} ORDER BY m.first_address`, [
        context,
        ...starts,
        network.first,
        ...time,
      ]);
      if (wider.length > 0) yield wider.map(toMapping);
      const inside = `${this.present(`m.context_id = ? AND m.first_address >= ? AND m.first_address <= ?
        AND (m.first_address > ? OR (m.last_address, m.valid_from, m.valid_to, m.customer_id) > (?, ?, ?, ?))
        AND ${OVERLAPPING_IN_TIME}`)}
        ORDER BY m.first_address, m.last_address, m.valid_from, m.valid_to, m.customer_id LIMIT ?`;
      yield* batches<RecordedMapping>(async (last) => {
        const start = last?.network.first ?? network.first;
        const place = last === undefined ? AFTER_ALL : placeOf(last);
        const parameters = [context, start, network.last, start, ...place, ...time, BATCH];
        return (await snapshot.query<MappingRow>(inside, parameters)).map(toMapping);
      });
    } finally {
      await snapshot.close();
    }
  }

  async holdersAmong(
    context: ContextId,
    first: number,
    last: number,
    period: Validity,
  ): Promise<Set<number>> {
    const sql = `SELECT DISTINCT m.customer_id AS id FROM ip_mappings m${this.database.useIndex('ip_mappings_customer')}
      WHERE m.context_id = ? AND m.customer_id BETWEEN ? AND ? AND ${OVERLAPPING_IN_TIME}`;
    const parameters = [context, first, last, endOf(period), period.from];
    return new Set((await this.database.query<{ id: number }>(sql, parameters)).map(({ id }) => id));
  }

  /** The starts as a table to join before `ip_mappings`. */
  private get probes(): string {
    return `${this.database.jsonTable(START_COLUMNS)} q ${this.database.thenJoin} `;
  }

  private present(where: string, before = ''): string {
    const index = this.database.useIndex('ip_mappings_network');
    return `SELECT ${PRESENT} FROM ${before}ip_mappings m${index} WHERE ${where}`;
  }

  /** Requires the instant as two more parameters. */
  private past(where: string, before: string): string {
    const index = this.database.useIndex('ip_mapping_versions_network');
    return `SELECT ${PAST} FROM ${before}ip_mapping_versions m${index} WHERE ${where}
      AND m.recorded_at <= ? AND m.change_made <> 'deleted' AND NOT EXISTS (
        SELECT 1 FROM ip_mapping_versions n
        WHERE n.mapping_id = m.mapping_id AND n.recorded_at > m.recorded_at AND n.recorded_at <= ?)`;
  }
}

/** An address as the key of a Map, and in JSON. */
function keyOf(address: Buffer): string {
  return address.toString('hex');
}

function lowerOf(one: Buffer, other: Buffer): Buffer {
  return one.compare(other) <= 0 ? one : other;
}

/** The place of a mapping among those with the same first address. */
function placeOf({ network, validity, customerId }: RecordedMapping): SqlValue[] {
  return [network.last, validity.from, endOf(validity), customerId];
}
