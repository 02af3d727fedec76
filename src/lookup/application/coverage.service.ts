import { Injectable } from '@nestjs/common';
import type { Principal } from '../../access/application/principal.js';
import { DoubtsService, type DoubtfulCustomer } from '../../customers/application/doubts.service.js';
import { AuditTrail } from '../../history/application/audit-trail.js';
import {
  HeldAddresses,
  type Gap,
  type IpNetwork,
  type Validity,
} from '../../ip-mappings/application/held-addresses.js';

/** Tells what an inquiry into a network of the provider would not be answered. */
@Injectable()
export class CoverageService {
  constructor(
    private readonly addresses: HeldAddresses,
    private readonly doubts: DoubtsService,
    private readonly trail: AuditTrail,
  ) {}

  /** Which addresses of a network nobody held in a period. */
  gaps(by: Principal, network: IpNetwork, period: Validity): AsyncGenerator<Gap> {
    return this.addresses.gaps(by.context, network, period);
  }

  /** The customers who held no address in that period, or whose data has gaps, a batch at a time. On record. */
  customers(by: Principal, period: Validity, asked: object): AsyncGenerator<DoubtfulCustomer[]> {
    return this.doubts.find(by.context, period, (records) =>
      this.trail.recordRead(by, { action: 'coverage.read', details: { ...asked, records } }),
    );
  }
}
