import { Injectable } from '@nestjs/common';
import { Background } from '../../shared/background.js';
import { IdempotencyService } from '../application/idempotency.service.js';

@Injectable()
export class RemovalOfOldKeys extends Background {
  protected readonly what = 'Removing old Idempotency-Keys';
  protected readonly everyMs = 600_000;

  constructor(private readonly idempotency: IdempotencyService) {
    super();
  }

  protected work(): Promise<void> {
    return this.idempotency.removeOld();
  }
}
