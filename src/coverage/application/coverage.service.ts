import { Injectable } from '@nestjs/common';
import { Holders } from '../../customers/application/holders.js';
import type { Customer } from '../../customers/domain/customer.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import type { Principal } from '../../identity/domain/principal.js';
import { HeldAddresses } from '../../ip-mappings/application/held-addresses.js';
import type { IpNetwork } from '../../ip-mappings/domain/ip-network.js';
import type { Validity } from '../../ip-mappings/domain/validity.js';
import { doubtsOf, type FieldDoubts } from '../domain/doubts.js';
import { gapsIn, type Gap } from '../domain/gaps.js';
import { COVERAGE_ACTIONS } from '../domain/coverage.actions.js';

/** A customer whose data is not sufficient for an inquiry. */
export interface DoubtfulCustomer extends FieldDoubts {
  readonly customer: Customer;
  /** Whether it held any address in the period. */
  readonly isMapped: boolean;
}

/** Finds what the register can't answer: addresses without a holder, customers without data. */
@Injectable()
export class CoverageService {
  constructor(
    private readonly addresses: HeldAddresses,
    private readonly holders: Holders,
    private readonly trail: AuditTrail,
  ) {}

  /** The addresses of a network that nobody held during parts of a period, by ascending address. */
  gaps(by: Principal, network: IpNetwork, period: Validity): AsyncGenerator<Gap> {
    return gapsIn(network, period, flattened(this.addresses.within(by.context, network, period)));
  }

  /**
   * Customers who held no address in a period or whose data is incomplete, by ascending id, in batches. Audited before
   * the first batch.
   *
   * @param query for the audit trail
   */
  async *customers(by: Principal, period: Validity, query: object): AsyncGenerator<DoubtfulCustomer[]> {
    const { context } = by;
    const announce = (records: number): Promise<void> =>
      this.trail.recordRead(by, { action: COVERAGE_ACTIONS.read, details: { ...query, records } });
    for await (const batch of this.holders.all(context, announce)) {
      const [first = 0, last = 0] = [batch[0]?.id, batch.at(-1)?.id];
      const mapped = await this.addresses.holdersAmong(context, first, last, period);
      yield batch
        .map((customer) => ({ customer, isMapped: mapped.has(customer.id), ...doubtsOf(customer) }))
        .filter(isDoubtful);
    }
  }
}

function isDoubtful({ isMapped, missing, placeholders }: DoubtfulCustomer): boolean {
  return !isMapped || missing.length + placeholders.length > 0;
}

async function* flattened<T>(batches: AsyncIterable<T[]>): AsyncGenerator<T> {
  for await (const batch of batches) yield* batch;
}
