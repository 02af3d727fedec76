import { Injectable } from '@nestjs/common';
import { CustomerFeed } from '../../customers/application/customer-feed.js';
import { MappingFeed } from '../../ip-mappings/application/mapping-feed.js';
import { Background } from '../../shared/background.js';

interface Waiter {
  readonly block: number;
  readonly done: (hasNews: boolean) => void;
}

/** Wakes clients that wait for changes, with one query for all of them. */
@Injectable()
export class ChangeNews extends Background {
  protected readonly what = 'Looking for changes';
  protected readonly everyMs = 250;
  private readonly waiters = new Set<Waiter>();
  private isShuttingDown = false;

  constructor(
    private readonly customers: CustomerFeed,
    private readonly mappings: MappingFeed,
  ) {
    super();
  }

  override async beforeApplicationShutdown(): Promise<void> {
    this.isShuttingDown = true;
    for (const { done } of this.waiters) done(false);
    await super.beforeApplicationShutdown();
  }

  /** Waits until a block after `block` seals a change. @returns false = aborted, or the service is shutting down */
  waitBeyond(block: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (hasNews: boolean): void => {
        this.waiters.delete(waiter);
        signal.removeEventListener('abort', giveUp);
        resolve(hasNews);
      };
      const giveUp = (): void => done(false);
      const waiter = { block, done };
      this.waiters.add(waiter);
      signal.addEventListener('abort', giveUp);
      if (signal.aborted || this.isShuttingDown) giveUp();
    });
  }

  /** The last block that seals a change, in any context. */
  async lastBlock(): Promise<number> {
    return Math.max(await this.customers.lastBlock(), await this.mappings.lastBlock());
  }

  protected async work(): Promise<void> {
    if (this.waiters.size === 0) return;
    const last = await this.lastBlock();
    for (const { block, done } of this.waiters) if (block < last) done(true);
  }
}
