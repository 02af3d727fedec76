import type { Command } from 'commander';
import type { Action } from '../../shared/command-line.js';
import { validated } from '../../shared/http/validation.js';
import { parseInstant } from '../../shared/instant.js';
import { RetentionService } from '../application/retention.service.js';
import { PurgeDto, toPurgedDto } from './retention.dto.js';

export function addRetentionCommands(program: Command, run: Action): void {
  program
    .command('purge')
    .description(
      'remove for good what is older than RETENTION_DAYS: deleted customers and mappings, audit entries, sign-ins',
    )
    .option('--before <time>', 'only what is older than this: ISO 8601 with an offset, or Unix seconds')
    .action(({ before }: { before?: string }) =>
      run(async (register, line) => {
        const fields = await validated(PurgeDto, { before });
        await line.confirm(`What is older than ${before ?? 'RETENTION_DAYS'} will be removed for good`);
        const purged = await register.get(RetentionService).purge(undefined, parseInstant(fields.before));
        line.print(toPurgedDto(purged));
      }),
    );
}
