import { Injectable } from '@nestjs/common';
import { Purge, type PurgeLimit, type PurgeStep } from '../../history/application/purge.js';
import { IpMappingVersionRepository } from './ip-mapping-version.repository.js';

const BATCH_SIZE = 1000;

/** Purges withdrawn mappings with all their versions. */
@Injectable()
export class MappingPurge extends Purge {
  readonly what = 'mappings';

  constructor(private readonly versions: IpMappingVersionRepository) {
    super();
  }

  async step({ throughBlock }: PurgeLimit, after: number): Promise<PurgeStep> {
    const { mappings, next } = await this.versions.purgeDeleted(throughBlock, after, BATCH_SIZE);
    return { removed: mappings, next };
  }
}
