import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { IpNetwork } from '../../ip-mappings/domain/ip-network.js';
import { Clock } from '../../shared/clock.js';
import { Documented } from '../../shared/http/documented.js';
import { sendObject } from '../../shared/http/send-rows.js';
import { CoverageService } from '../application/coverage.service.js';
import { CoverageDto, CoverageQueryDto, toDoubtDto, toGapDtos } from './coverage.dto.js';
import { toPeriod, toSecond } from '../../ip-mappings/infrastructure/period.dto.js';

const BATCH = 1000;

/** What an inquiry would not be answered: addresses that nobody held, customers without data. */
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
    summary: 'Gaps and doubts: what the register could not answer',
    description:
      'Of a prefix that the provider owns and a period: the parts of the prefix that nobody held. And what is to be ' +
      'mended among the customers of the context: who held no address then, of any prefix, and whose data an inquiry ' +
      'would find missing as it is now. Streamed.',
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
    const asked = { prefix: network.toString(), from, to };
    const customers = this.coverage.customers(caller, period, asked);
    const gaps = this.coverage.gaps(caller, network, period);
    const lists = { customers: mapped(customers, (each) => each.map(toDoubtDto)), gaps: inBatches(gaps) };
    await sendObject(response, lists, asked);
  }
}

async function* mapped<T>(
  batches: AsyncGenerator<T[]>,
  to: (batch: T[]) => object[],
): AsyncGenerator<object[]> {
  for await (const batch of batches) yield to(batch);
}

async function* inBatches(gaps: AsyncGenerator<Parameters<typeof toGapDtos>[0]>): AsyncGenerator<object[]> {
  let batch: object[] = [];
  for await (const gap of gaps) {
    batch.push(...toGapDtos(gap));
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
