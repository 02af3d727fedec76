import { setTimeout as delay } from 'node:timers/promises';
import { Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';

/**
 * Work that the service repeats in the background. After a failure, logs it and repeats the work as usual.
 */
export abstract class Background implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** The name of the work in the log, such as `Removing old keys`. */
  protected abstract readonly what: string;
  protected abstract readonly everyMs: number;
  private readonly shutdown = new AbortController();
  private running: Promise<void> | undefined;
  private readonly logger = new Logger(Background.name);

  protected abstract work(): Promise<void>;

  onApplicationBootstrap(): void {
    this.running = this.run();
  }

  /** Resolves when the current work is done. */
  async beforeApplicationShutdown(): Promise<void> {
    this.shutdown.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.shutdown;
    let isFailing = false;
    while (!signal.aborted) {
      try {
        await this.work();
        isFailing = false;
      } catch {
        // Log the first failure only, or an unreachable database would fill the log.
        if (!isFailing) this.logger.warn(`${this.what} failed; trying again`);
        isFailing = true;
      }
      await delay(this.everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
