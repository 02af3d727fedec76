#!/usr/bin/env node
import 'reflect-metadata';
import { existsSync } from 'node:fs';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Command } from 'commander';
import { UsersService } from './access/application/users.service.js';
import { addAccessCommands } from './access/infrastructure/access.commands.js';
import { AppModule } from './app.module.js';
import { addAuditCommands } from './audit/infrastructure/audit.commands.js';
import { openRegister } from './open-register.js';
import { addRetentionCommands } from './retention/infrastructure/retention.commands.js';
import { CommandLine, type Action } from './shared/command-line.js';
import { ConfigurationError, loadConfiguration } from './shared/config/configuration.js';
import { reason } from './start-failure.js';

/** Opens the register that the environment variables describe, for one command. */
async function withRegister(work: (register: INestApplicationContext) => Promise<void>): Promise<void> {
  const configuration = loadConfiguration(process.env);
  const { database } = configuration;
  if (database.type === 'sqlite' && !existsSync(database.path)) {
    throw new ConfigurationError(`there is no register at ${database.path} yet; start the service once`);
  }
  const opened = await openRegister(database, 'expect');
  const register = await NestFactory.createApplicationContext(AppModule.with(configuration, opened), {
    logger: false,
    abortOnError: false,
  });
  try {
    if ((await register.get(UsersService).list()).length === 0) {
      throw new ConfigurationError('the register has no users yet; start the service once');
    }
    await work(register);
  } finally {
    await register.close();
  }
}

const program = new Command('ipdr-customers')
  .description('Administers the register of DATABASE_URL and DATA_DIR without its server.')
  .option('--json', 'print JSON, for scripts')
  .option('--yes', 'do not ask before irreversible actions');
const line = (): CommandLine => new CommandLine(program.opts());
const run: Action = (work) => withRegister((register) => work(register, line()));
addAccessCommands(program, run);
addAuditCommands(program, run, line, () => loadConfiguration(process.env).retentionDays);
addRetentionCommands(program, run);

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`ipdr-customers: ${reason(error)}\n`);
  process.exitCode = 1;
});
