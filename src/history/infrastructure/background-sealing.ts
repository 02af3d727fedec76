import { Injectable } from '@nestjs/common';
import { Background } from '../../shared/background.js';
import { Sealer } from '../application/sealer.js';

/** What is recorded after the last time is sealed by another instance, or at the next start. */
@Injectable()
export class BackgroundSealing extends Background {
  protected readonly what = 'Sealing the audit trail';
  protected readonly everyMs = 500;

  constructor(private readonly sealer: Sealer) {
    super();
  }

  protected work(): Promise<void> {
    return this.sealer.sealAll();
  }
}
