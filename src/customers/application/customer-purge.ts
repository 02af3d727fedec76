import { Injectable } from '@nestjs/common';
import { Purge, type PurgeLimit, type PurgeStep } from '../../history/application/purge.js';
import { CustomerHoldings } from './customer-holdings.js';
import { CustomerVersionRepository } from './customer-version.repository.js';

const BATCH_SIZE = 200;

/** Removes deleted customers for good, with all their versions and holdings. */
@Injectable()
export class CustomerPurge extends Purge {
  readonly what = 'customers';

  constructor(
    private readonly versions: CustomerVersionRepository,
    private readonly holdings: CustomerHoldings,
  ) {
    super();
  }

  async step({ throughBlock }: PurgeLimit, after: number): Promise<PurgeStep> {
    const { customers, next } = await this.versions.deletedThrough(throughBlock, after, BATCH_SIZE);
    const purged = await this.holdings.purgeOf(customers, throughBlock);
    await this.versions.purge(purged);
    return { removed: purged.length, next };
  }
}
