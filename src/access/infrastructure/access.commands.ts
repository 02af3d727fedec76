import type { Command } from 'commander';
import type { Action } from '../../shared/command-line.js';
import { requireMembers, validated } from '../../shared/http/validation.js';
import { ContextsService } from '../application/contexts.service.js';
import { TokensService } from '../application/tokens.service.js';
import { UsersService } from '../application/users.service.js';
import { ChangeContextDto, NewContextDto, toContextDto } from './contexts.dto.js';
import {
  NewTokenDto,
  parseTokenId,
  RotateTokenDto,
  toCreatedTokenDto,
  toNewToken,
  toTokenDto,
} from './tokens.dto.js';
import { ChangeUserDto, NewUserDto, toNewUser, toUserDto } from './users.dto.js';

interface TokenOptions {
  readonly user: string;
  readonly label?: string;
  readonly scope?: string;
  readonly expiresAt?: string;
  readonly allowedIp?: string[];
  readonly adopt?: boolean;
}

interface UserOptions {
  readonly role?: string;
  readonly context?: string[];
  readonly disabled?: boolean;
}

/** Adds administration without a server, for scripts and for administrators who are locked out. */
export function addAccessCommands(program: Command, run: Action): void {
  addAdminCommands(program.command('admin').description('regain access as an administrator'), run);
  addTokenCommands(program.command('token').description('tokens'), run);
  addUserCommands(program.command('user').description('users'), run);
  addContextCommands(program.command('context').description('contexts'), run);
}

function addAdminCommands(admin: Command, run: Action): void {
  admin
    .command('reset-token')
    .description('revoke every token of an administrator and create a new one')
    .option('--user <name>', 'the administrator', 'admin')
    .action(({ user }: { user: string }) =>
      run(async (register, line) => {
        await line.confirm(`Every token of ${user} will be revoked`);
        const created = await register.get(TokensService).reset(user, 'admin reset-token');
        line.print(toCreatedTokenDto(created));
      }),
    );
}

function addTokenCommands(tokens: Command, run: Action): void {
  tokens
    .command('list')
    .description('list the tokens, never the secrets')
    .action(() =>
      run(async (register, line) => line.print((await register.get(TokensService).list()).map(toTokenDto))),
    );
  tokens
    .command('create')
    .description('create or adopt a token; it is shown only this once')
    .requiredOption('--user <name>', 'the owner')
    .option('--label <text>')
    .option('--scope <scope>', 'write or read')
    .option('--expires-at <time>', 'ISO 8601 with an offset, or Unix seconds')
    .option('--allowed-ip <address...>', 'addresses and CIDRs from which the token may be used')
    .option('--adopt', 'read an existing token from the standard input')
    .action(({ expiresAt, allowedIp, adopt, ...options }: TokenOptions) =>
      run(async (register, line) => {
        const token = adopt ? (await line.read('The token to adopt')).trim() : undefined;
        const fields = { ...options, expires_at: expiresAt, allowed_ips: allowedIp, token };
        const newToken = toNewToken(await validated(NewTokenDto, fields));
        line.print(toCreatedTokenDto(await register.get(TokensService).create(undefined, newToken)));
      }),
    );
  tokens
    .command('rotate <id>')
    .description('replace a token with a new one like it')
    .option('--grace-seconds <number>', 'how long the old token stays valid', '0')
    .action((id: string, { graceSeconds }: { graceSeconds: string }) =>
      run(async (register, line) => {
        const fields = await validated(RotateTokenDto, {
          grace_seconds: /^\d+$/.test(graceSeconds) ? Number(graceSeconds) : graceSeconds,
        });
        if (fields.grace_seconds === 0) await line.confirm(`Token ${id} will expire at once`);
        const graceMs = (fields.grace_seconds ?? 0) * 1000;
        const tokens = register.get(TokensService);
        line.print(toCreatedTokenDto(await tokens.rotate(undefined, parseTokenId(id), graceMs)));
      }),
    );
  tokens
    .command('revoke <id>')
    .description('revoke a token; its next request fails')
    .action((id: string) =>
      run(async (register, line) => {
        await line.confirm(`Token ${id} will be revoked`);
        line.print(toTokenDto(await register.get(TokensService).revoke(undefined, parseTokenId(id))));
      }),
    );
}

function addUserCommands(users: Command, run: Action): void {
  const change = (name: string, changes: object): Promise<void> =>
    run(async (register, line) => {
      const fields = requireMembers(await validated(ChangeUserDto, changes));
      line.print(toUserDto(await register.get(UsersService).change(undefined, name, fields)));
    });
  users
    .command('list')
    .description('list the users')
    .action(() =>
      run(async (register, line) => line.print((await register.get(UsersService).list()).map(toUserDto))),
    );
  users
    .command('create <name>')
    .description('create a user')
    .requiredOption('--role <role>', 'admin, operator or reader')
    .option('--context <name...>', 'the contexts granted')
    .option('--disabled', 'create the user disabled')
    .action((name: string, { role, context, disabled }: UserOptions) =>
      run(async (register, line) => {
        const fields = { name, role, contexts: withoutEmpty(context), enabled: disabled !== true };
        const newUser = toNewUser(await validated(NewUserDto, fields));
        line.print(toUserDto(await register.get(UsersService).create(undefined, newUser)));
      }),
    );
  users
    .command('change <name>')
    .description("change a user's role, or replace all contexts granted")
    .option('--role <role>', 'admin, operator or reader')
    .option('--context <name...>', "the contexts granted; '' = none")
    .action((name: string, { role, context }: UserOptions) =>
      change(name, { role, contexts: withoutEmpty(context) }),
    );
  users
    .command('disable <name>')
    .description('refuse all tokens of a user')
    .action((name: string) => change(name, { enabled: false }));
  users
    .command('enable <name>')
    .description('accept the tokens of a user again')
    .action((name: string) => change(name, { enabled: true }));
  users
    .command('delete <name>')
    .description('delete a user and all its tokens')
    .action((name: string) =>
      run(async (register, line) => {
        await line.confirm(`The user ${name} and all its tokens will be deleted`);
        line.print(toUserDto(await register.get(UsersService).delete(undefined, name)));
      }),
    );
}

function addContextCommands(contexts: Command, run: Action): void {
  const change = (name: string, changes: object): Promise<void> =>
    run(async (register, line) => {
      const fields = requireMembers(await validated(ChangeContextDto, changes));
      line.print(toContextDto(await register.get(ContextsService).change(undefined, name, fields)));
    });
  contexts
    .command('list')
    .description('list the contexts')
    .action(() =>
      run(async (register, line) =>
        line.print((await register.get(ContextsService).list()).map(toContextDto)),
      ),
    );
  contexts
    .command('create <name>')
    .description('create a context')
    .action((name: string) =>
      run(async (register, line) => {
        const { enabled = true } = await validated(NewContextDto, { name });
        line.print(toContextDto(await register.get(ContextsService).create(undefined, name, enabled)));
      }),
    );
  contexts
    .command('rename <name> <new-name>')
    .description('rename a context; the old name stays as an alias')
    .action((name: string, newName: string) => change(name, { name: newName }));
  contexts
    .command('aliases <name> [aliases...]')
    .description('replace all aliases of a context; those left out stop working')
    .action((name: string, aliases: string[]) => change(name, { aliases }));
  contexts
    .command('disable <name>')
    .description('disable a context for everything but its administration')
    .action((name: string) => change(name, { enabled: false }));
  contexts
    .command('enable <name>')
    .description('enable a context again')
    .action((name: string) => change(name, { enabled: true }));
  contexts
    .command('delete <name>')
    .description('delete a context that has no customers')
    .action((name: string) =>
      run(async (register, line) => {
        await line.confirm(`The context ${name} will be deleted`);
        line.print(toContextDto(await register.get(ContextsService).delete(undefined, name)));
      }),
    );
}

/** Removes empty names: `--context ''` is the only way to grant none. */
function withoutEmpty(contexts: string[] | undefined): string[] | undefined {
  return contexts?.filter((name) => name !== '');
}
