import { setTimeout as delay } from 'node:timers/promises';
import { Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';

/**
 * Work that the service does again and again while it runs, beside all requests. What fails is logged, and tried
 * again the next time.
 */
export abstract class Background implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** For the log. */
  protected abstract readonly what: string;
  protected abstract readonly everyMs: number;
  private readonly ending = new AbortController();
  private running: Promise<void> | undefined;
  private readonly logger = new Logger(Background.name);

  protected abstract work(): Promise<void>;

  onApplicationBootstrap(): void {
    this.running = this.run();
  }

  /** Done when the work under way is. */
  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    let isFailing = false;
    while (!signal.aborted) {
      try {
        await this.work();
        isFailing = false;
      } catch {
        // Once, or a database that is away would fill the log.
        if (!isFailing) this.logger.warn(`${this.what} failed; it is tried again`);
        isFailing = true;
      }
      await delay(this.everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
