import { Body, Controller, Get, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Principal } from '../../identity/domain/principal.js';
import { Caller, Requires } from '../../identity/infrastructure/identity.decorators.js';
import { IpAddress } from '../../ip-mappings/domain/ip-network.js';
import { validationFailed } from '../../shared/errors.js';
import { Produces } from '../../shared/http/accept.guard.js';
import { Takes } from '../../shared/http/body.guard.js';
import { Documented } from '../../shared/http/documented.js';
import { CSV, sendObject, sendRows } from '../../shared/http/send-rows.js';
import { merged } from '../../shared/http/validation.js';
import { LookupService, type Answer } from '../application/lookup.service.js';
import { CSV_COLUMNS, parseQueries, toLine } from './lookup-csv.js';
import { toPeriod, toSecond } from '../../ip-mappings/infrastructure/period.dto.js';
import {
  HeldDto,
  InquiryDto,
  LookupAnswerDto,
  LookupDto,
  LookupHistoryDto,
  LookupResultsDto,
  LookupsDto,
  toErrorDto,
  toHeldDto,
  toInquiry,
  toQuery,
  toSentQuery,
  type SentQuery,
} from './lookup.dto.js';

const JSON_TYPE = 'application/json';
/** Answers serialised at a time. */
const BATCH = 1000;

/** Who held an address at a given second. */
@ApiTags('Look-up')
@Controller('api/ipdrlookup')
export class LookupController {
  constructor(private readonly lookup: LookupService) {}

  @Get()
  @Requires('read')
  @Documented({
    summary: 'Find who held an address at a second',
    description:
      'Send the members in the query string or the body. The holder has the data of that second, and ' +
      '`deleted: true` if it has been deleted since. `holder` and `mapping` are null if nobody held the address.',
    example: ['GET /api/ipdrlookup?ip=203.0.113.7&time=1735669800', { case_reference: 'FIR 123/2026' }],
    answers: LookupAnswerDto,
  })
  one(
    @Caller() caller: Principal,
    @Query() query: LookupDto,
    @Body() body: LookupDto,
  ): Promise<LookupAnswerDto> {
    return this.answerOne(caller, merged(query, body));
  }

  @Post()
  @HttpCode(200)
  @Requires('read')
  @Takes({ mib: 4, csv: true }) // ten thousand queries, however they are formatted
  @Produces(JSON_TYPE, CSV)
  @Documented({
    summary: 'Find who held one address, or up to 10,000, each at a second',
    description:
      'With `queries`, the answer is `{"results": […]}` in the same order; a bad query has its error in its place. ' +
      '`Content-Type: text/csv`, with the columns `ip,time` and the credentials in headers, answers CSV with the columns ' +
      `\`${CSV_COLUMNS.join(',')}\`; ` +
      'then send `recorded_at`, `case_reference` and `purpose` in the query string. The audit entry has the number of ' +
      'good queries and the SHA-256 of their lines `ip,time` (shortest form, Unix seconds, each with a line feed).',
    example: [
      'POST /api/ipdrlookup',
      { queries: [{ ip: '203.0.113.7', time: 1735669800 }, { ip: '2001:db8::1' }], purpose: 'Test' },
    ],
    answers: LookupResultsDto,
    orElse: LookupAnswerDto,
    alsoAs: [CSV],
    isRead: true,
  })
  async many(
    @Caller() caller: Principal,
    @Query() query: InquiryDto,
    @Body() body: LookupsDto,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { queries, ...inquiry } = merged(query, body);
    if (request.csv !== undefined) {
      const sent = parseQueries(request.csv).map(toSentQuery);
      await this.answerMany(caller, sent, inquiry, request.accepts([CSV, JSON_TYPE]) || CSV, response);
    } else if (queries === undefined) {
      response.json(await this.answerOne(caller, inquiry));
    } else {
      assertNotBoth(inquiry);
      await this.answerMany(caller, queries.map(toSentQuery), inquiry, request.answerType, response);
    }
  }

  @Get('history')
  @Requires('read')
  @Documented({
    summary: 'List the holders of an address, in order of time',
    description:
      'Each has the data of the last second in which it held the address, or of now if it still does.',
    example: ['GET /api/ipdrlookup/history?ip=203.0.113.7&from=1704067200'],
    answers: [HeldDto],
  })
  async history(
    @Caller() caller: Principal,
    @Query() query: LookupHistoryDto,
    @Body() body: LookupHistoryDto,
  ): Promise<HeldDto[]> {
    const sent = merged(query, body);
    const address = IpAddress.parse(requireIp(sent.ip));
    const period = toPeriod(toSecond(sent.from) ?? 0, toSecond(sent.to));
    const held = await this.lookup.history(caller, address, period, sent);
    return held.map(toHeldDto);
  }

  private async answerOne(caller: Principal, sent: LookupDto): Promise<LookupAnswerDto> {
    const ip = requireIp(sent.ip);
    const { second, held } = await this.lookup.one(caller, toQuery(ip, sent.time), toInquiry(sent));
    return { ip, time: second, ...toHeldDto(held) };
  }

  private async answerMany(
    caller: Principal,
    sent: readonly SentQuery[],
    inquiry: InquiryDto,
    type: string,
    response: Response,
  ): Promise<void> {
    const queries = sent.flatMap(({ query }) => query ?? []);
    const answers = await this.lookup.many(caller, queries, toInquiry(inquiry));
    const rows = inTheirPlaces(sent, answers);
    if (type === CSV) await sendRows(response, CSV, rows, toCsvDto, CSV_COLUMNS);
    else await sendObject(response, { results: toResults(rows) });
  }
}

/** A query and its answer; undefined = the query is bad. */
type Row = readonly [SentQuery, Answer | undefined];

async function* inTheirPlaces(sent: readonly SentQuery[], answers: readonly Answer[]): AsyncGenerator<Row[]> {
  const rest = answers.values();
  for (let start = 0; start < sent.length; start += BATCH) {
    yield sent
      .slice(start, start + BATCH)
      .map((each): Row => [each, each.query === undefined ? undefined : rest.next().value]);
  }
}

async function* toResults(rows: AsyncGenerator<Row[]>): AsyncGenerator<object[]> {
  for await (const batch of rows) {
    yield batch.map(([{ ip, faults }, answer]) =>
      answer === undefined ? toErrorDto(faults) : { ip, time: answer.second, ...toHeldDto(answer.held) },
    );
  }
}

function toCsvDto([{ ip, time, faults }, answer]: Row): object {
  const error = answer === undefined ? toErrorDto(faults).message : '';
  return toLine(ip, answer?.second ?? time, toHeldDto(answer?.held), error);
}

function requireIp(ip: string | undefined): string {
  if (ip === undefined) throw validationFailed([{ field: 'ip', message: 'is required' }]);
  return ip;
}

/** @throws RegisterError `validation_failed` if the request has `ip` or `time` besides `queries` */
function assertNotBoth(sent: LookupDto): void {
  const given = (['ip', 'time'] as const).filter((field) => sent[field] !== undefined);
  if (given.length === 0) return;
  throw validationFailed(
    given.map((field) => ({ field, message: 'belongs into each query when there are queries' })),
  );
}
