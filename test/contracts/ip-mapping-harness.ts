import { expect } from '@jest/globals';
import type { ContextId } from '../../src/identity/domain/principal.js';
import { seal } from '../../src/history/domain/audit-chain.js';
import type { ListedMapping, NewMapping } from '../../src/ip-mappings/application/ip-mapping.repository.js';
import {
  NO_TERMINAL,
  type RecordedMapping,
  type TerminalId,
} from '../../src/ip-mappings/domain/ip-mapping.js';
import { IpAddress, IpNetwork } from '../../src/ip-mappings/domain/ip-network.js';
import { Validity } from '../../src/ip-mappings/domain/validity.js';
import type { ChangeMade } from '../../src/versions/domain/version.js';
import { principal } from '../support/principal.js';
import { newContext, type Register } from '../support/register.js';

/** When a mapping is recorded unless a test says otherwise, in Unix milliseconds. */
export const T = 1_764_000_000_000;
/** The first second of the year 10000, the end of all validities. */
export const END = 253_402_300_800;
/** Greater than every block number and id. */
export const NEWEST = Number.MAX_SAFE_INTEGER;
/** A terminal that naive escaping would break; the domain refuses its control character. */
export const ODD = ` O'Brien "Óscar" \\ \\0 100 %_ 😀 end ` as TerminalId;

export type Fields = Partial<Omit<RecordedMapping, 'id' | 'network' | 'validity'>>;
/** Half-open, in Unix seconds; `to` is null while a mapping is open. */
export type Period = readonly [from: number, to: number | null];

/** A mapping of customer 1, valid at all times unless the test says otherwise. */
export function aMapping(network: string, [from, to]: Period = [0, null], fields: Fields = {}): NewMapping {
  return {
    customerId: 1,
    network: IpNetwork.parse(network),
    validity: Validity.between(from, to),
    terminalId: NO_TERMINAL,
    updatedAt: T,
    ...fields,
  };
}

/** A mapping as lists show it. */
export function listed({ id, customerId, network, validity, terminalId }: RecordedMapping): ListedMapping {
  const { from, to } = validity;
  return { id, customerId, ipSubnet: network.text, from, to, terminalId };
}

/** Drops the columns that lists do not show. */
export function shown(mappings: readonly ListedMapping[]): ListedMapping[] {
  return mappings.map(({ id, customerId, ipSubnet, from, to, terminalId }) => {
    return { id, customerId, ipSubnet, from, to, terminalId };
  });
}

export const ids = (mappings: readonly { readonly id: number }[]): number[] => mappings.map(({ id }) => id);
export const byId = (a: { readonly id: number }, b: { readonly id: number }): number => a.id - b.id;
export const customersOf = (mappings: readonly RecordedMapping[]): number[] =>
  mappings.map(({ customerId }) => customerId).sort((a, b) => a - b);

export const ignore = async (): Promise<void> => undefined;
export const fail = async (): Promise<never> => {
  throw new Error('made to fail');
};

/** Reads the batches that are left. */
export async function rest<Row>(batches: AsyncGenerator<Row[]>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const batch of batches) {
    expect(batch).not.toEqual([]);
    found.push(...batch);
  }
  return found;
}

/** Writes and reads mappings of a register, each write in a transaction. Its members may be taken apart. */
export class IpMappingHarness {
  constructor(private readonly register: () => Register) {}

  readonly run = <T>(work: () => Promise<T>): Promise<T> => this.register().transactions.run(work);

  readonly context = (): Promise<ContextId> => newContext(this.register());

  /** Runs `work` in a transaction and rolls it back. */
  readonly probe = async (work: () => Promise<void>): Promise<void> => {
    const done = new Error('done');
    const transaction = this.run(async () => {
      await work();
      throw done;
    });
    await expect(transaction).rejects.toBe(done);
  };

  /** @returns its id, or undefined for a duplicate */
  readonly insert = (of: ContextId, mapping: NewMapping): Promise<number | undefined> =>
    this.run(async () => (await this.register().mappings.insert(of, [mapping])).ids[0]);

  /** @throws Error for a duplicate */
  readonly add = async (
    of: ContextId,
    network: string,
    period?: Period,
    fields?: Fields,
  ): Promise<RecordedMapping> => {
    const mapping = aMapping(network, period, fields);
    const id = await this.insert(of, mapping);
    if (id === undefined) throw new Error(`there is one already: ${network}`);
    return { id, ...mapping };
  };

  readonly addMany = (of: ContextId, mappings: readonly NewMapping[]): Promise<RecordedMapping[]> =>
    this.run(async () => {
      const added: RecordedMapping[] = [];
      for (const mapping of mappings) {
        added.push({ id: Number((await this.register().mappings.insert(of, [mapping])).ids[0]), ...mapping });
      }
      return added;
    });

  readonly update = (of: ContextId, mapping: RecordedMapping): Promise<boolean> =>
    this.run(() => this.register().mappings.update(of, mapping));

  readonly destroy = (of: ContextId, id: number): Promise<void> =>
    this.run(() => this.register().mappings.delete(of, id));

  /** Adds a version. */
  readonly record = (of: ContextId, change: ChangeMade, mapping: RecordedMapping): Promise<void> =>
    this.run(() => this.register().mappingVersions.insert(principal(of), change, [mapping]));

  /** Adds a mapping with a version for its creation and for each of `more`, a millisecond apart. */
  readonly addRecorded = async (
    of: ContextId,
    network: string,
    fields: Fields,
    ...more: ChangeMade[]
  ): Promise<RecordedMapping> => {
    const mapping = await this.add(of, network, [0, null], fields);
    await this.record(of, 'created', mapping);
    for (const [n, change] of more.entries()) {
      await this.record(of, change, { ...mapping, updatedAt: T + 1 + n });
      if (change === 'deleted') await this.destroy(of, mapping.id);
    }
    return mapping;
  };

  readonly nextBlock = async (): Promise<number> => ((await this.register().audit.head())?.number ?? 0) + 1;

  /** Puts every unsealed version into a block, which seals nothing else. */
  readonly place = (number: number): Promise<void> =>
    this.run(async () => {
      const { audit } = this.register();
      const versions = await audit.unsealedVersions(10_000);
      await audit.insertBlock({ block: { ...seal(undefined, [], [], T), number }, entries: [], versions });
    });

  readonly ofCustomer = (of: ContextId, customerId = 1): Promise<RecordedMapping[]> =>
    this.register().mappings.ofCustomer(of, customerId);

  readonly conflicting = (of: ContextId, mapping: NewMapping): Promise<RecordedMapping | undefined> =>
    this.run(() => this.register().mappings.conflicting(of, mapping));

  /** By ascending id. */
  readonly holding = async (
    of: ContextId,
    address: string,
    second: number,
    recordedAt?: number,
  ): Promise<RecordedMapping[]> => {
    const moment = { address: IpAddress.parse(address), second };
    const [found = []] = await this.register().holdings.holding(of, [moment], recordedAt);
    return found.sort(byId);
  };

  readonly historyOf = (of: ContextId, address: string, [from, to]: Period): Promise<RecordedMapping[]> =>
    this.register().holdings.historyOf(of, IpAddress.parse(address), Validity.between(from, to));

  readonly batchesWithin = (
    of: ContextId,
    network: string,
    [from, to]: Period = [0, null],
  ): AsyncGenerator<RecordedMapping[]> =>
    this.register().holdings.within(of, IpNetwork.parse(network), Validity.between(from, to));

  readonly within = (of: ContextId, network: string, period?: Period): Promise<RecordedMapping[]> =>
    rest(this.batchesWithin(of, network, period));

  readonly page = async (
    of: ContextId,
    customerId?: number,
    after = 0,
    limit = 10_000,
  ): Promise<ListedMapping[]> => shown(await this.register().mappings.page(of, customerId, after, limit));

  readonly all = async (of: ContextId, customerId?: number, after = 0): Promise<ListedMapping[]> =>
    shown(await rest(this.register().mappings.all(of, customerId, after, ignore)));
}
