import { Injectable } from '@nestjs/common';
import { CustomerFeed } from '../../customers/application/customer-feed.js';
import { MappingFeed } from '../../ip-mappings/application/mapping-feed.js';
import { Background } from '../../shared/background.js';

interface Waiting {
  readonly block: number;
  readonly done: (isNews: boolean) => void;
}

/** Wakes those who wait for changes: one query for all of them. */
@Injectable()
export class ChangeNews extends Background {
  protected readonly what = 'Looking for changes';
  protected readonly everyMs = 250;
  private readonly waiting = new Set<Waiting>();
  private isEnding = false;

  constructor(
    private readonly customers: CustomerFeed,
    private readonly mappings: MappingFeed,
  ) {
    super();
  }

  override async beforeApplicationShutdown(): Promise<void> {
    this.isEnding = true;
    for (const { done } of this.waiting) done(false);
    await super.beforeApplicationShutdown();
  }

  /** Waits until a block after `block` seals a change. @returns false = the patience has ended, or the service stops */
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

  /** The last block that seals a change, in any context. */
  async lastBlock(): Promise<number> {
    return Math.max(await this.customers.lastBlock(), await this.mappings.lastBlock());
  }

  protected async work(): Promise<void> {
    if (this.waiting.size === 0) return;
    const last = await this.lastBlock();
    for (const { block, done } of this.waiting) if (block < last) done(true);
  }
}
