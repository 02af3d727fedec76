import type { TestingModuleBuilder } from '@nestjs/testing';
import { Clock } from '../../src/shared/clock.js';

/** A clock that the test controls. */
export class TestClock extends Clock {
  /** Unix milliseconds. */
  at = Date.parse('2026-11-24T00:00:00Z');

  now(): number {
    return this.at;
  }

  /** Makes a service use this clock. */
  readonly adapt = (builder: TestingModuleBuilder): TestingModuleBuilder =>
    builder.overrideProvider(Clock).useValue(this);
}
