import { Controller, Get, Res, ServiceUnavailableException } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService, type HealthCheckResult } from '@nestjs/terminus';
import type { Response } from 'express';
import { Public } from '../identity/infrastructure/identity.decorators.js';
import { Database } from '../shared/database/database.js';
import { COMMON_ERRORS, RegisterError } from '../shared/errors.js';
import { Produces } from '../shared/http/accept.guard.js';
import { Metrics } from '../shared/http/metrics.js';

const PING_TIMEOUT_MS = 2000;
const PING_CACHE_MS = 2000;

/** Health and metrics, open to everyone who reaches the port (docs/operations.md). */
@Controller()
@Public()
@ApiExcludeController()
export class OperationsController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  /** Whether the process serves. Never queries the database. */
  @Get('health/live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Whether the database answers. Queries it at most every two seconds, however often this is called. */
  @Get('health/ready')
  async ready(): Promise<HealthCheckResult> {
    try {
      return await this.health.check([
        () =>
          this.indicators
            .check('database')
            .attempt(async () => {
              await this.database.query('SELECT 1', []);
            })
            .withTimeout(PING_TIMEOUT_MS)
            .cacheFor(PING_CACHE_MS),
      ]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      throw new RegisterError(COMMON_ERRORS.database_unavailable, 'The database is not available', {
        headers: { 'Retry-After': '5' },
      });
    }
  }

  @Get('metrics')
  @Produces('text/plain')
  async metricsText(@Res() response: Response): Promise<void> {
    const text = await this.metrics.text();
    response.setHeader('Content-Type', this.metrics.contentType);
    response.end(text);
  }
}
