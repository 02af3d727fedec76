import { Injectable } from '@nestjs/common';
import { Background } from '../../shared/background.js';
import { Sealer } from '../application/sealer.js';

/** Runs the sealer. What this instance leaves unsealed at its end, another one seals, or this one after its next start. */
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
