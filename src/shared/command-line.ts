import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import type { INestApplicationContext } from '@nestjs/common';

/** A command can't be carried out. The message is for its user. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** A cell of a table. Members of nested objects have columns of their own. */
type Cell = string | number | boolean | null | readonly string[];

/** Runs the work of a command with the register and the terminal. */
export type Action = (
  work: (register: INestApplicationContext, line: CommandLine) => Promise<void>,
) => Promise<void>;

/** The terminal or script that runs a command. */
export class CommandLine {
  constructor(
    private readonly options: { readonly json?: boolean; readonly yes?: boolean },
    private readonly streams: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr'> = process,
  ) {}

  /** Reads the standard input to its end. @param what the prompt */
  read(what: string): Promise<string> {
    if (this.streams.stdin.isTTY) this.streams.stderr.write(`${what}, then Ctrl-D:\n`);
    return text(this.streams.stdin);
  }

  /** Prints a table, or JSON with `--json`. */
  print(result: object | readonly object[]): void {
    const text = this.options.json
      ? JSON.stringify(result, null, 2)
      : table([result].flat().map((row: object) => Object.fromEntries(cellsOf(row))));
    this.streams.stdout.write(`${text}\n`);
  }

  /** Asks before an irreversible action. @throws CommandError unless the answer is yes */
  async confirm(what: string): Promise<void> {
    if (this.options.yes) return;
    if (!this.streams.stdin.isTTY)
      throw new CommandError(`${what}. This can't be undone: repeat it with --yes`);
    const terminal = createInterface({ input: this.streams.stdin, output: this.streams.stderr });
    const question = `${what}. This can't be undone. Go on? [y/N] `;
    const answer = await new Promise<string>((resolve) => {
      terminal.once('close', () => resolve('')); // Ctrl-C, Ctrl-D
      terminal.question(question).then(resolve, () => resolve(''));
    });
    terminal.close();
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError('nothing was changed');
  }
}

function cellsOf(row: object, before = ''): [name: string, cell: Cell][] {
  return Object.entries(row).flatMap(([name, value]: [string, Cell | object]): [string, Cell][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? cellsOf(value, `${before}${name}.`)
      : [[before + name, value as Cell]],
  );
}

function table(rows: readonly Readonly<Record<string, Cell>>[]): string {
  if (rows.length === 0) return 'none';
  const headings = Object.keys(rows[0] ?? {});
  const lines = [headings, ...rows.map((row) => Object.values(row).map(cell))];
  const widths = headings.map((_, n) => Math.max(...lines.map((line) => (line[n] ?? '').length)));
  return lines
    .map((line) =>
      line
        .map((text, n) => text.padEnd(widths[n] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cell(value: Cell): string {
  const text = Array.isArray(value) ? value.join(', ') : String(value ?? '');
  return text === '' ? '-' : text;
}
