import { Injectable } from '@nestjs/common';
import type { ContextId } from '../../access/application/principal.js';
import type { Validity } from '../../ip-mappings/application/held-addresses.js';
import { IpMappingRepository } from '../../ip-mappings/application/ip-mapping.repository.js';
import type { Customer } from '../domain/customer.js';
import { doubtsOf, type FieldDoubts } from '../domain/doubts.js';
import { CustomerRepository } from './customer.repository.js';

/** A customer of whom an inquiry would not find all that it asks for. */
export interface DoubtfulCustomer extends FieldDoubts {
  readonly customer: Customer;
  /** Whether it held any address. */
  readonly isMapped: boolean;
}

/** Finds the customers whose data leaves doubts. */
@Injectable()
export class DoubtsService {
  constructor(
    private readonly customers: CustomerRepository,
    private readonly mappings: IpMappingRepository,
  ) {}

  /**
   * Customers who held no address in a period, or whose data has gaps, by ascending id, a batch at a time.
   *
   * @param announce told how many customers are looked through, before the first batch
   */
  async *find(
    context: ContextId,
    period: Validity,
    announce: (count: number) => Promise<void>,
  ): AsyncGenerator<DoubtfulCustomer[]> {
    for await (const batch of this.customers.all(context, {}, 0, announce)) {
      const [first = 0, last = 0] = [batch[0]?.id, batch.at(-1)?.id];
      const holders = await this.mappings.holdersAmong(context, first, last, period);
      const judged = batch.map((customer) => ({
        ...{ customer, isMapped: holders.has(customer.id) },
        ...doubtsOf(customer),
      }));
      yield judged.filter(
        ({ isMapped, missing, placeholders }) => !isMapped || missing.length + placeholders.length > 0,
      );
    }
  }
}
