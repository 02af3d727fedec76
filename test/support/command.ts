import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { CommandLine } from '../../src/shared/command-line.js';
import { reason } from '../../src/start-failure.js';
import type { Ended } from './program.js';

/**
 * Runs a command in this process, a hundred times as fast as starting the program.
 *
 * @param add adds the commands to the program
 * @param input the standard input of the command
 * @param isTTY whether the input comes from a terminal
 */
export async function runCommandHere(
  args: readonly string[],
  add: (program: Command, line: () => CommandLine) => void,
  input = '',
  isTTY = false,
): Promise<Ended> {
  const stdout = new PassThrough();
  const stdin = Object.assign(Readable.from([input]), { isTTY });
  const streams = { stdin, stdout, stderr: stdout } as unknown as typeof process;
  const program = new Command('ipdr-customers').option('--json').option('--yes').exitOverride();
  add(program, () => new CommandLine(program.opts(), streams));
  const ended = program.parseAsync(args, { from: 'user' }).then(
    () => ({ code: Number(process.exitCode ?? 0), stderr: '' }),
    (error: unknown) => ({ code: 1, stderr: `ipdr-customers: ${reason(error)}\n` }),
  );
  const { code, stderr } = await ended.finally(() => stdout.end());
  process.exitCode = undefined;
  return { code, stdout: await text(stdout), stderr };
}
