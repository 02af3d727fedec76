import { Injectable } from '@nestjs/common';
import { IpMappingRepository } from '../../ip-mappings/application/ip-mapping.repository.js';
import { Background } from '../../shared/background.js';
import { CustomerVersionRepository } from './customer-version.repository.js';

interface Waiting {
  readonly block: number;
  readonly done: (isNews: boolean) => void;
}

/** Tells those who wait for changes that there are some. One question for all of them. */
@Injectable()
export class ChangeNews extends Background {
  protected readonly what = 'Looking for changes';
  protected readonly everyMs = 250;
  private readonly waiting = new Set<Waiting>();
  private isEnding = false;

  constructor(
    private readonly versions: CustomerVersionRepository,
    private readonly mappings: IpMappingRepository,
  ) {
    super();
  }

  override async beforeApplicationShutdown(): Promise<void> {
    this.isEnding = true;
    for (const { done } of this.waiting) done(false);
    await super.beforeApplicationShutdown();
  }

  /** Waits until a change is placed behind `block`. @returns false = nobody waits any more, or the service ends */
  beyond(block: number, patience: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (isNews: boolean): void => {
        this.waiting.delete(waiting);
        patience.removeEventListener('abort', giveUp);
        resolve(isNews);
      };
      const giveUp = (): void => done(false);
      const waiting = { block, done };
      this.waiting.add(waiting);
      patience.addEventListener('abort', giveUp);
      if (patience.aborted || this.isEnding) giveUp();
    });
  }

  /** The last block that holds any change, of whatever context. */
  async lastBlock(): Promise<number> {
    return Math.max(await this.versions.lastBlock(), await this.mappings.lastBlock());
  }

  protected async work(): Promise<void> {
    if (this.waiting.size === 0) return;
    const last = await this.lastBlock();
    for (const { block, done } of this.waiting) if (block < last) done(true);
  }
}
