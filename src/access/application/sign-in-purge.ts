import { Injectable } from '@nestjs/common';
import { Purge, type PurgeLimit, type PurgeStep } from '../../history/application/purge.js';
import { SignInRepository } from './sign-in-log.js';

const BATCH_SIZE = 1000;

/** Removes old entries of the sign-in log. */
@Injectable()
export class SignInPurge extends Purge {
  readonly what = 'sign_ins';

  constructor(private readonly signIns: SignInRepository) {
    super();
  }

  async step({ before }: PurgeLimit): Promise<PurgeStep> {
    const removed = await this.signIns.purge(before, BATCH_SIZE);
    return { removed, next: removed === 0 ? undefined : 0 };
  }
}
