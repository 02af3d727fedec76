import { visit } from 'jsonc-parser';
import { RegisterError } from '../errors.js';

const MAX_DEPTH = 20;

/**
 * Parses a JSON text more strictly than `JSON.parse`: it must be valid UTF-8, repeat no member of an object,
 * and not be nested deeper than 20 levels. What lenient parsers make of such bodies differs from one to the
 * next, and so would what the sender meant from what is kept.
 *
 * @throws RegisterError `body_malformed`, which tells the place but nothing of the body
 */
export function parseStrictJson(body: Buffer): unknown {
  const text = decodeUtf8(body);
  refuseRepeatsAndDepth(text);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw malformed(`The body is not valid JSON${placeOf(error, text)}`);
  }
}

function decodeUtf8(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw malformed('The body is not valid UTF-8');
  }
}

function refuseRepeatsAndDepth(text: string): void {
  const members: Set<string>[] = [];
  let depth = 0;
  const deeper = (line: number, character: number): void => {
    if (++depth > MAX_DEPTH) {
      throw malformed(`The body is nested deeper than ${MAX_DEPTH} levels${place(line, character)}`);
    }
  };
  visit(text, {
    onObjectBegin: (_offset, _length, line, character) => {
      deeper(line, character);
      members.push(new Set());
    },
    onObjectProperty: (name, _offset, _length, line, character) => {
      const seen = members.at(-1);
      if (seen?.has(name)) throw malformed(`The body repeats a member${place(line, character)}`);
      seen?.add(name);
    },
    onObjectEnd: () => {
      depth--;
      members.pop();
    },
    onArrayBegin: (_offset, _length, line, character) => deeper(line, character),
    onArrayEnd: () => {
      depth--;
    },
  });
}

/** V8 says where the text went wrong, but quotes it too: only the number is taken. */
function placeOf(error: unknown, text: string): string {
  const [, position] = /at position (\d+)/.exec(String(error)) ?? [];
  if (position === undefined) return text.trim() === '' ? ': it is blank' : ': it ends too early';
  const before = text.slice(0, Number(position)).split('\n');
  return place(before.length - 1, before.at(-1)?.length ?? 0);
}

function place(line: number, character: number): string {
  return ` (line ${line + 1}, column ${character + 1})`;
}

function malformed(message: string): RegisterError {
  return new RegisterError('body_malformed', message);
}
