import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { CommandError, type Action, type CommandLine } from '../../shared/command-line.js';
import { validated } from '../../shared/http/validation.js';
import { AuditService } from '../../history/application/audit.service.js';
import { ChainCheck, type Verdict } from '../../history/domain/audit-chain.js';
import {
  HeadQueryDto,
  parseSealedBlock,
  toHead,
  toHeadDto,
  toSealedBlockDto,
  toVerdictDto,
  type VerdictDto,
} from './audit.dto.js';

/**
 * @param line the terminal, for commands that work without a register
 * @param days RETENTION_DAYS, likewise
 */
export function addAuditCommands(
  program: Command,
  run: Action,
  line: () => CommandLine,
  days: () => number,
): void {
  const audit = program.command('audit').description('the audit trail');
  audit
    .command('export <file>')
    .description('write the audit trail to a new file, one block per line')
    .action((path: string) =>
      run(async (register) => {
        const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
          throw new CommandError(`${path} cannot be created (${codeOf(error)})`);
        });
        try {
          for await (const blocks of register.get(AuditService).export(undefined)) {
            for (const block of blocks) await file.write(`${JSON.stringify(toSealedBlockDto(block))}\n`);
          }
        } finally {
          await file.close();
        }
      }),
    );
  audit
    .command('head')
    .description('print the last block, to be stored elsewhere')
    .action(() =>
      run(async (register, out) => out.print(toHeadDto(await register.get(AuditService).head()))),
    );
  audit
    .command('verify [file]')
    .description(
      'recompute the chain of the register, or of an exported file, which works without the register',
    )
    .option('--block <number>', 'the block number of a stored head')
    .option('--hash <hash>', 'the hash of that head')
    .action(async (path: string | undefined, head: HeadQueryDto) => {
      const query = await validated(HeadQueryDto, head);
      if (path !== undefined) return report(line(), toVerdictDto(await verifyFile(path, query, days())));
      return run(async (register, out) =>
        report(out, toVerdictDto(await register.get(AuditService).verify(toHead(query)))),
      );
    });
}

async function verifyFile(path: string, query: HeadQueryDto, retentionDays: number): Promise<Verdict> {
  const check = new ChainCheck({ now: Date.now(), retentionDays, kept: toHead(query) });
  let lines = 0;
  for await (const text of linesOf(path)) {
    lines++;
    if (text === '') continue;
    try {
      const { block, entries } = parseSealedBlock(text);
      check.add(block, entries);
    } catch {
      throw new CommandError(`line ${lines} of ${path} is not a block of an exported audit trail`);
    }
  }
  const verdict = check.finish();
  // An empty file must not pass as intact.
  if (verdict.blocks === 0 && verdict.fault === undefined)
    throw new CommandError(`${path} contains no block of an exported audit trail`);
  return verdict;
}

/** The lines of an NDJSON file. Newer releases of Node's readline also split at U+2028 and U+2029, which JSON allows. */
async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    let rest = '';
    for await (const text of createReadStream(path, 'utf8') as AsyncIterable<string>) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
    yield rest;
  } catch (error) {
    throw new CommandError(`${path} cannot be read (${codeOf(error)})`);
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}

/** Prints the verdict, and makes the process fail unless it is intact. */
function report(line: CommandLine, verdict: VerdictDto): void {
  line.print(verdict);
  if (!verdict.intact) process.exitCode = 1;
}
