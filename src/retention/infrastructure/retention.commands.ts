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
      'permanently remove deleted customers and mappings, audit entries and sign-ins older than RETENTION_DAYS',
    )
    .option('--before <time>', 'remove only what is older: ISO 8601 with an offset, or Unix seconds')
    .action(({ before }: { before?: string }) =>
      run(async (register, line) => {
        const fields = await validated(PurgeDto, { before });
        await line.confirm(`Everything older than ${before ?? 'RETENTION_DAYS'} will be permanently removed`);
        const purged = await register.get(RetentionService).purge(undefined, parseInstant(fields.before));
        line.print(toPurgedDto(purged));
      }),
    );
}
