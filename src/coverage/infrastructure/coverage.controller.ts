import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { IpNetwork } from '../../ip-mappings/domain/ip-network.js';
import { Clock } from '../../shared/clock.js';
import { Documented } from '../../shared/http/documented.js';
import { sendObject } from '../../shared/http/send-rows.js';
import { CoverageService, type DoubtfulCustomer } from '../application/coverage.service.js';
import type { Gap } from '../domain/gaps.js';
import { CoverageDto, CoverageQueryDto, toDoubtDto, toGapDtos } from './coverage.dto.js';
import { toPeriod, toSecond } from '../../ip-mappings/infrastructure/period.dto.js';

const BATCH_SIZE = 1000;

@ApiTags('Look-up')
@Controller('api/ipdrcoverage')
export class CoverageController {
  constructor(
    private readonly coverage: CoverageService,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Requires('read')
  @Documented({
    summary: 'Find what the register could not answer: addresses without a holder, customers without data',
    description:
      "Lists the parts of a prefix that nobody held during a period, and the context's customers who held no address " +
      'of any prefix during the period or whose current data is incomplete. Streamed.',
    example: ['GET /api/ipdrcoverage?prefix=203.0.113.0/24&from=1735669800&to=1767205799'],
    answers: CoverageDto,
  })
  async report(
    @Caller() caller: Principal,
    @Query() query: CoverageQueryDto,
    @Res() response: Response,
  ): Promise<void> {
    const network = IpNetwork.parse(query.prefix);
    const to = toSecond(query.to) ?? Math.floor(this.clock.now() / 1000);
    const from = toSecond(query.from) ?? to;
    const period = toPeriod(from, to);
    const header = { prefix: network.toString(), from, to };
    const customers = doubtDtos(this.coverage.customers(caller, period, header));
    const gaps = gapDtos(this.coverage.gaps(caller, network, period));
    await sendObject(response, { customers, gaps }, header);
  }
}

async function* doubtDtos(
  batches: AsyncGenerator<DoubtfulCustomer[]>,
): AsyncGenerator<object[]> {
  for await (const batch of batches) yield batch.map(toDoubtDto);
}

async function* gapDtos(gaps: AsyncGenerator<Gap>): AsyncGenerator<object[]> {
  let batch: object[] = [];
  for await (const gap of gaps) {
    batch.push(...toGapDtos(gap));
    if (batch.length < BATCH_SIZE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
